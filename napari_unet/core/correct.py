"""All correcting tools in one place: labels in, a `Change` out. The window imports them from here."""

from __future__ import annotations

from napari_unet.core.brush import TOLERANCE, seed_at, smart_disc
from napari_unet.core.labels import lung
from napari_unet.core.lasso import polygon_mask, restore_in, threshold_in
from napari_unet.core.live import LiveNumbers, live_numbers
from napari_unet.core.lung_labels import in_stack, of_one_label
from napari_unet.core.mirror import midline, mirror_lung
from napari_unet.core.push import push_border
from napari_unet.core.ruler import cardiothoracic_ratio, length_text, line_length
from napari_unet.core.shape_edits import fill_holes_change, grow, keep_largest, smooth_border
from napari_unet.core.slices import copy_slice, interpolate_slices

__all__ = [
    "TOLERANCE",
    "LiveNumbers",
    "cardiothoracic_ratio",
    "copy_slice",
    "fill_holes_change",
    "grow",
    "in_stack",
    "interpolate_slices",
    "keep_largest",
    "length_text",
    "line_length",
    "live_numbers",
    "lung",
    "midline",
    "mirror_lung",
    "of_one_label",
    "polygon_mask",
    "push_border",
    "restore_in",
    "seed_at",
    "smart_disc",
    "smooth_border",
    "threshold_in",
]
