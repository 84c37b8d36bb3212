"""What the numbers in a mask mean: the one module that knows which values are lung and which are ignored."""

from __future__ import annotations

import numpy as np

from napari_unet.core.errors import UserError

IGNORE = 255
"""Label of pixels that training and scores leave out: nobody could say what is there."""

RIGHT, LEFT = 1, 2


def lung(labels: np.ndarray) -> np.ndarray:
    """bool, True where `labels` holds lung: neither background nor to be ignored. Any shape."""
    return np.asarray((labels > 0) & (labels != IGNORE))


def file_labels(mask: np.ndarray) -> np.ndarray:
    """A mask as it stands in a file, as labels: uint8 of the same shape.

    bool and masks with one value above 0 other than 2 (0/255, say) become 0 and 1; 1 and 2 (right and left
    lung) stay, and so does IGNORE beside them. Raises UserError for other values.
    """
    if mask.dtype == bool:
        return mask.astype(np.uint8)
    values = [int(value) for value in np.unique(mask) if value != 0]
    if not values:
        return np.zeros(mask.shape, np.uint8)
    if min(values) < 0 or (len(values) > 1 and not set(values) <= {1, 2, IGNORE}):
        named = ", ".join(map(str, values[:5])) + (", ..." if len(values) > 5 else "")
        raise UserError(
            f"The mask holds the values {named}.",
            "Use 0 and one other value, or 1 for the right and 2 for the left lung (255: to be ignored).",
        )
    if len(values) == 1 and values != [2]:
        return (mask > 0).astype(np.uint8)
    return mask.astype(np.uint8)
