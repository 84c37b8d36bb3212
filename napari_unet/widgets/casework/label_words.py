"""What is said about a label that somebody has painted with."""

from __future__ import annotations

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.label_checks import remedy, stray_words
from napari_unet.core.label_set import LabelSet
from napari_unet.core.labels import LEFT
from napari_unet.widgets.casework.cache import CaseLayers


def said_of_labels(used: tuple[int, ...], known: LabelSet, layers: CaseLayers) -> UserError | str:
    """What labels mean that were painted, or that they mean nothing; "" if nothing is to be said.

    Each is said once for a case.
    """
    unknown = known.strays(np.array(used))
    left = known.of_lungs and LEFT in used
    if not (unknown or left):
        return ""
    number, fresh = layers.loaded.case.number, set(used) - layers.explained
    layers.explained |= set(used)
    if fresh & set(unknown):
        return UserError(f"Case {number}: {stray_words(unknown, known)}", remedy(known))
    if left and LEFT in fresh and layers.loaded.revision is not None and not layers.loaded.sides:
        return (
            f"Label 2 is the left lung, but the mask of case {number} has label 1 for both lungs. Give each "
            "lung its own label, or paint with label 1."
        )
    return ""
