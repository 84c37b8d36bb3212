"""Which of a NIfTI header's affines counts; all lead to right, anterior, superior in the file's units."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np

from napari_unet.core.frames import three_axes
from napari_unet.core.geometry import SAME, apart, is_placeless, is_sound


def known_affine(header: Any) -> np.ndarray | None:
    """The file's affine to right, anterior, superior; None if no code gives it a meaning or if singular.

    sform comes before qform, unless it says nothing and the other does.
    """
    return next(iter(_real(header) or _coded(header)), None)


def disagreement(header: Any, mm: float) -> str:
    """What is said of a header whose sform and qform are two different places. mm : per unit of the file."""
    real = _real(header)
    if len(real) < 2:
        return ""
    between = apart(real[0], real[1], three_axes(header.get_data_shape()))
    if between <= SAME * np.linalg.norm(real[0][:3, :3], axis=0).min():
        return ""
    return f"sform and qform of the file lie up to {between * mm:.1f} mm apart; the sform was taken."


def _real(header: Any) -> list[np.ndarray]:
    shape = three_axes(header.get_data_shape())
    return [affine for affine in _coded(header) if not is_placeless(affine, shape)]


def _coded(header: Any) -> list[np.ndarray]:
    """Those to right, anterior, superior that have a code and are sound: of sform, then of qform."""
    found = []
    if int(header["sform_code"]) > 0:
        found.append(np.asarray(header.get_sform(), float))
    if int(header["qform_code"]) > 0:
        with suppress(Exception):  # no quaternion: nibabel says so in its own ways
            found.append(np.asarray(header.get_qform(), float))
    return [affine for affine in found if is_sound(affine)]
