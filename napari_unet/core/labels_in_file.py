"""What the numbers of a mask from elsewhere are in a label set of any kind; of lungs see `core.labels`."""

from __future__ import annotations

import numpy as np

from napari_unet.core.label_set import BACKGROUND, LabelSet
from napari_unet.core.labels import (
    IGNORE,
    RIGHT,
    MaskLabels,
    NotLabels,
    file_labels,
    label_map,
    named,
    values_in,
    whole_numbers,
)


def labels_in_file(values: np.ndarray, labels: LabelSet, lossy: bool = False) -> MaskLabels:
    """The numbers of a mask from elsewhere as labels of a set, uint8; see `core.labels.label_map`.

    In a set of one label any mask of two values is one of it. In a set of several the numbers are taken as
    they are: nothing says which label a mask of 0 and 255 is of. Raises NotLabels for what means nothing.
    """
    if labels.of_lungs:
        return file_labels(values, lossy)
    if len(labels.values) == 1:
        (only,) = labels.values
        found = label_map(values, lossy)
        if set(values_in(found.labels)) <= {BACKGROUND, RIGHT, IGNORE}:
            drawn = np.where(found.labels == RIGHT, only, found.labels)
            return MaskLabels(drawn.astype(np.uint8), found.notes)
        whole: np.ndarray | None = found.labels
        notes = found.notes
    else:
        whole, notes = None if lossy or values.dtype == bool else whole_numbers(values), ()
    remedy = f"Save it with whole numbers, as PNG, TIFF or NIfTI: {labels.all_in_words()}."
    if whole is None:
        raise NotLabels("The mask does not tell the labels apart.", remedy)
    present = [value for value in values_in(whole) if value != BACKGROUND]
    if unknown := labels.strays(whole):
        raise NotLabels(
            f"The mask holds the values {named(present if len(present) < 6 else unknown)}.", remedy
        )
    if present == [IGNORE] and not (whole == IGNORE).all():
        raise NotLabels(f"The mask holds no label but {IGNORE}.", remedy)
    return MaskLabels(whole.astype(np.uint8), notes)
