"""Millilitres and density of lungs in volumes whose voxels are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_unet.core.acquisition import Acquisition
from napari_unet.core.frames import DicomFrame
from napari_unet.core.lung_measures import LungMeasures, lung_measures
from napari_unet.core.raster import Modality, Raster

SOFT = Acquisition("B31f", "soft", "none", 1.0)


def chest(acquisition: Acquisition | None = SOFT, spacing: tuple[float, ...] | None = (1.0, 0.5, 2.0)):
    """A CT of 12 slices: right lung 20 × 10 pixels in 8 slices, left one 10 × 10; a quarter is at -960 HU."""
    pixels = np.full((12, 60, 40), 40, np.int16)
    labels = np.zeros(pixels.shape, np.uint8)
    labels[2:10, 10:30, 5:15], labels[2:10, 10:20, 25:35] = 1, 2
    pixels[labels > 0] = -800
    pixels[2:4][labels[2:4] > 0] = -960
    return labels, Raster(pixels, spacing_mm=spacing, modality=Modality.CT, acquisition=acquisition)


def test_volume_and_density_are_those_of_the_voxels() -> None:
    labels, raster = chest()
    found = lung_measures(labels, raster)
    assert (found.volume_ml, found.right_ml, found.left_ml) == pytest.approx((2.4, 1.6, 0.8))
    assert found.mean_hu == pytest.approx(-840) and found.laa950_percent == pytest.approx(25)
    assert (found.slice_mm, found.kernel, found.contrast, found.laa950_reason) == (1.0, "B31f", "none", "")
    assert found.density_in_words().startswith(f"Mean {found.mean_hu:.0f} HU")
    assert found.incomplete == () and found.volume_in_words() == "2 mL (right 2, left 1)"
    labels[0], labels[5, 0] = 255, 255  # to be ignored
    assert lung_measures(iter(labels), raster) == found


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"sharpness": "sharp", "kernel": "B70f"}, "the kernel B70f is sharp"),
        ({"sharpness": "", "kernel": "X9"}, "the kernel X9 is not in the table"),
        ({"sharpness": "", "kernel": ""}, "the kernel is not known"),
        ({"contrast": "given"}, "a contrast medium was given"),
        ({"thickness_mm": 2.0}, "slices of 2 mm (more than 1.5)"),
    ],
)
def test_no_share_of_thin_lung_where_it_would_mean_nothing(change: dict[str, object], reason: str) -> None:
    labels, raster = chest(replace(SOFT, **change))  # type: ignore[arg-type]
    found = lung_measures(labels, raster)
    assert found.laa950_percent is None and reason in found.laa950_reason
    assert found.mean_hu == pytest.approx(-840)
    unknown = replace(SOFT, contrast="", thickness_mm=None)
    assert lung_measures(labels, replace(raster, acquisition=unknown)).laa950_percent == pytest.approx(25)


def test_slices_that_were_resampled_give_no_share() -> None:
    labels, raster = chest()
    frame = DicomFrame("1", "2", "3", ())
    assert lung_measures(labels, replace(raster, frame=frame)).laa950_percent == pytest.approx(25)
    found = lung_measures(labels, replace(raster, frame=replace(frame, resampled=True)))
    assert found.laa950_percent is None and "were resampled" in found.laa950_reason
    assert found.mean_hu == pytest.approx(-840)


def test_what_is_not_known_is_none() -> None:
    labels, raster = chest(None, None)
    found = lung_measures(labels, raster)
    assert (found.volume_ml, found.right_ml, found.slice_mm, found.laa950_percent) == (None,) * 4
    assert found.contrast == "unknown" and found.volume_in_words() == ""
    empty = lung_measures(labels * 0, chest()[1])
    assert (empty.volume_ml, empty.mean_hu, empty.laa950_reason) == (0, None, "No lung is marked.")
    other = lung_measures(labels, replace(raster, modality=Modality.MR))
    assert (other.mean_hu, other.laa950_reason) == (None, "The image is not a CT.")


def _incomplete(
    labels: np.ndarray, raster: Raster, stopped_at: int | None = None
) -> tuple[LungMeasures, str]:
    found = lung_measures(labels, raster, stopped_at)
    assert found.volume_in_words().startswith("at least ")
    return found, " ".join(found.incomplete)


def test_a_scan_that_does_not_hold_all_of_the_lungs_says_at_least() -> None:
    labels, raster = chest()
    assert _incomplete(labels[2:], replace(raster, pixels=raster.pixels[2:]))[1] == (
        "The scan ends within the lungs, at its first slice."
    )
    assert "first and last slice" in _incomplete(labels[3:8], replace(raster, pixels=raster.pixels[3:8]))[1]
    tip = labels[1:]
    tip[0] = 0
    tip[0, 10:15, 5:10] = 1  # 25 mm² in the first slice
    assert lung_measures(tip, replace(raster, pixels=raster.pixels[1:])).incomplete == ()
    labels, raster = chest()
    cut = replace(raster, pixels=raster.pixels[:, :, 5:])
    assert lung_measures(labels[:, :, 5:], cut).incomplete == ()  # 10 mm of it
    at_edge = _incomplete(labels[:, :, 5:], replace(cut, spacing_mm=(1.0, 1.5, 2.0)))
    assert at_edge[1] == "A lung reaches the edge of the field of view."
    assert "Only 9 of 12 slices" in _incomplete(labels, raster, 9)[1]


def test_padding_is_none_of_the_lungs_and_missing_slices_are_told() -> None:
    labels, raster = chest()
    raster.pixels[5] = -3000
    raster.pixels[:, :, 34:] = -3000
    found, said = _incomplete(labels, replace(raster, padding=(-3000.0, -3000.0)))
    assert found.right_ml == pytest.approx(1.6 * 7 / 8) and found.left_ml == pytest.approx(0.8 * 7 / 8 * 0.9)
    assert found.mean_hu is not None and found.mean_hu > -960
    assert said == "1 slice is missing within the lungs."  # 5 mm along the edge of the field are no matter
    raster.pixels[:, :, 14:] = -3000
    assert "field of view" not in _incomplete(labels, replace(raster, padding=(-3000.0, -3000.0)))[1]
    coarse = replace(raster, padding=(-3000.0, -3000.0), spacing_mm=(1.0, 1.5, 2.0))
    assert "A lung reaches the edge of the field of view." in _incomplete(labels, coarse)[1]


def test_more_or_fewer_slices_are_no_mask_of_the_image() -> None:
    labels, raster = chest()
    with pytest.raises(ValueError, match="argument 2 is longer"):
        lung_measures(labels[:5], raster)
    with pytest.raises(ValueError, match="not in an image"):
        lung_measures(labels[0], Raster(raster.pixels[0]))
