"""One patient, stored either way: shown the same way, or the letters on the screen say how."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
from dicom_files import save_series

from napari_unet.io.layer_data import HEADER
from napari_unet.widgets.viewing.orientation_marks import HEAD_FIRST

SPACING = (2.5, 0.75, 0.5)
ORIGIN = (-100.0, -120.0, -300.0)  # of the first pixel, towards left, back and head
USUAL = {"middle_left": "R", "middle_right": "L", "top_center": "A", "bottom_center": "P"}
SIGN = (6, 4, 3)
"""Slice, row and column of a bright pixel near the head, in front, on the patient's right."""


def patient() -> np.ndarray:
    """int16 HU (8, 20, 24): slices from the feet to the head, rows to the back, columns to the left."""
    volume = np.random.default_rng(0).integers(-900, 100, (8, 20, 24)).astype(np.int16)
    volume[SIGN] = 2000
    return volume


def renamed(files: list[Path], numbers: range) -> Path:
    """Files named and numbered in this order."""
    for file, number in zip(files, numbers, strict=True):
        file.rename(file.with_name(f"slice{number:03}.dcm"))
    return files[0].parent


def feet_to_head(folder: Path) -> Path:
    return renamed(save_series(folder, patient(), origin=ORIGIN, spacing_mm=SPACING), range(1, 9))


def head_to_feet(folder: Path) -> Path:
    return renamed(save_series(folder, patient(), origin=ORIGIN, spacing_mm=SPACING), range(8, 0, -1))


def lying_feet_first(folder: Path) -> Path:
    files = save_series(folder, patient(), origin=ORIGIN, spacing_mm=SPACING, PatientPosition="FFS")
    return renamed(files, range(8, 0, -1))


def _affine(upwards: bool) -> np.ndarray:
    """Of NIfTI: X to the left, Y to the back, Z to the head or to the feet."""
    depth, height, width = SPACING
    affine = np.diag([-width, -height, depth if upwards else -depth, 1.0])
    affine[:3, 3] = -ORIGIN[0], -ORIGIN[1], ORIGIN[2] + (0 if upwards else 7 * depth)
    return affine


def nifti_upwards(folder: Path) -> Path:
    folder.mkdir()
    nibabel.save(nibabel.Nifti1Image(patient().T, _affine(True)), folder / "ct.nii.gz")
    return folder / "ct.nii.gz"


def nifti_downwards(folder: Path) -> Path:
    folder.mkdir()
    nibabel.save(nibabel.Nifti1Image(patient()[::-1].T, _affine(False)), folder / "ct.nii.gz")
    return folder / "ct.nii.gz"


def rows_to_the_right(folder: Path) -> Path:
    """As scanners store it that turn nothing: the patient came feet first, and each row runs to the right."""
    corner = (ORIGIN[0] + 23 * SPACING[2], ORIGIN[1], ORIGIN[2] + 7 * SPACING[0])
    turned = patient()[::-1, :, ::-1]
    files = save_series(
        folder,
        turned,
        origin=corner,
        spacing_mm=SPACING,
        orientation=(-1, 0, 0, 0, 1, 0),
        PatientPosition="FFS",
    )
    return files[0].parent


ROADS = (feet_to_head, head_to_feet, lying_feet_first, nifti_upwards, nifti_downwards)


def opened(viewer, path: Path):
    viewer.layers.clear()
    (layer,) = viewer.open(str(path), plugin="napari-unet-lung")
    return layer


def on_canvas(viewer) -> dict[str, str]:
    """What can be read where, of our marks."""
    return {
        "caption" if "caption" in name else str(overlay.position): overlay.text
        for name, overlay in viewer.canvas.overlays.items()
        if name.startswith("napari_unet") and overlay.visible
    }


def place_of_sign(layer) -> tuple[float, ...]:
    """Where the bright pixel lies in the patient, in mm."""
    affine = layer.metadata[HEADER]["affine"]
    (index,) = np.argwhere(layer.data == 2000)
    return tuple((affine @ (*index, 1))[:3])


@pytest.mark.parametrize("road", ROADS)
def test_slices_are_counted_from_the_feet_however_they_are_stored(viewer, viewing, tmp_path, road):
    layer = opened(viewer, road(tmp_path / "ct"))
    assert np.array_equal(layer.data, patient())
    assert on_canvas(viewer) == USUAL
    assert place_of_sign(layer) == pytest.approx((-300 + 6 * 2.5, -120 + 4 * 0.75, -(100 - 3 * 0.5)))


def test_a_series_that_is_shown_as_it_is_stored_says_which_way_it_goes(viewer, viewing, tmp_path):
    layer = opened(viewer, rows_to_the_right(tmp_path / "ct"))
    assert np.array_equal(layer.data, patient()[::-1, :, ::-1])
    letters = on_canvas(viewer)
    assert letters.pop("caption") == HEAD_FIRST
    assert letters == USUAL | {"middle_left": "L", "middle_right": "R"}
    assert place_of_sign(layer) == pytest.approx((-300 + 6 * 2.5, -120 + 4 * 0.75, -(100 - 3 * 0.5)))
    viewer.dims.order = (1, 0, 2)
    assert on_canvas(viewer) == {
        "middle_left": "L",
        "middle_right": "R",
        "top_center": "S",
        "bottom_center": "I",
    }, "from the front the head is on top, as of any other"
    viewer.dims.order = (0, 1, 2)
