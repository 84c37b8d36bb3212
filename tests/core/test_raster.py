from __future__ import annotations

import numpy as np
import pytest

from napari_unet.core.errors import UserError
from napari_unet.core.raster import Modality, Raster, hounsfield


def full(shape: tuple[int, ...] = (3, 4, 5)) -> Raster:
    return Raster(
        np.arange(np.prod(shape), dtype=np.int16).reshape(shape),
        spacing_mm=(3.0, 0.5, 0.7)[-len(shape) :],
        spacing_source="PixelSpacing",
        affine=np.eye(len(shape) + 1),
        modality=Modality.CT,
        view="PA",
        inverted=False,
        window=(-1000.0, 400.0),
        row_direction="L",
        source="a.dcm",
        frame={"order": 1},
    )


def test_the_header_is_everything_but_the_pixels() -> None:
    raster = full()
    again = Raster(raster.pixels, **raster.header())
    assert "pixels" not in raster.header()
    assert all(getattr(again, name) is value for name, value in raster.header().items())
    assert again.shape == (3, 4, 5)


def test_a_slice_keeps_what_holds_in_the_plane() -> None:
    one = full().slice(1)
    np.testing.assert_array_equal(one.pixels, full().pixels[1])
    assert one.spacing_mm == (0.5, 0.7)
    assert one.affine is None and one.frame is None
    assert (one.modality, one.view, one.row_direction) == (Modality.CT, "PA", "L")
    assert Raster(np.zeros((2, 3, 3))).slice(0).spacing_mm is None
    with pytest.raises(ValueError, match="slices"):
        one.slice(0)


@pytest.mark.parametrize(
    "pixels", [np.zeros(4), np.zeros((2, 3, 4, 3)), np.zeros((3, 3), complex), np.zeros((3, 3), "U4")]
)
def test_only_grey_images_and_stacks(pixels: np.ndarray) -> None:
    with pytest.raises(UserError, match="grey image") as caught:
        Raster(pixels)
    assert caught.value.remedy


@pytest.mark.parametrize("spacing", [(1.0,), (1.0, 0.0), (1.0, -1.0), (1.0, np.nan), (1.0, np.inf)])
def test_spacing_must_be_a_positive_number_per_axis(spacing: tuple[float, ...]) -> None:
    with pytest.raises(UserError, match="pixel spacing"):
        Raster(np.zeros((4, 4)), spacing_mm=spacing)


def test_a_user_error_is_problem_and_remedy() -> None:
    error = UserError("It is broken.", "Mend it.")
    assert (error.problem, error.remedy) == ("It is broken.", "Mend it.")
    assert str(error) == "It is broken. Mend it."
    assert str(UserError("It is broken.")) == "It is broken."


def test_modalities_are_their_dicom_terms() -> None:
    assert Modality("CR") is Modality.CR and f"{Modality.UNKNOWN}" == ""


def test_hounsfield_units_are_those_of_volumes_of_ct() -> None:
    volume = np.full((2, 4, 4), 40, np.int16)
    assert hounsfield(Raster(volume, modality=Modality.CT)) is volume
    assert hounsfield(Raster(volume - 900)) is not None  # no header, and values that only CT has
    slice_of_ct = Raster(volume[0], modality=Modality.CT)
    for other in (Raster(volume), Raster(volume, modality=Modality.MR), slice_of_ct):
        assert hounsfield(other) is None
