"""Does a CT show lung at all?"""

from __future__ import annotations

import numpy as np
import pytest
from ct_phantom import SPACING_MM, chest_ct

from napari_unet.core.ct_content import (
    ct_content_notes,
    decided_by_content,
    lung_like,
    other_part_notes,
)
from napari_unet.core.input_check import NotForModel
from napari_unet.core.raster import Modality, Raster

_USE = "chest CT of adults"


def _notes(pixels: np.ndarray, **header: object) -> tuple[str, ...]:
    spacing = SPACING_MM[-pixels.ndim :]
    raster = Raster(pixels, **{"spacing_mm": spacing, "modality": Modality.CT, **header})  # type: ignore[arg-type]
    return ct_content_notes(raster, ["CT"], _USE, ["CHEST", "THORAX"])


def _without_lungs(gas_hu: int = 40, radius: int = 12) -> np.ndarray:
    """A body in which a ball of gas, as of a stomach, takes the place of the lungs."""
    pixels, labels = chest_ct()
    rng = np.random.default_rng(1)
    pixels = np.where(labels > 0, np.rint(rng.normal(40, 15, pixels.shape)), pixels).astype(np.int16)
    z, y, x = np.ogrid[:48, :96, :96]
    ball = (z - 24) ** 2 + (y - 48) ** 2 + (x - 60) ** 2 < radius**2
    pixels[ball] = np.rint(rng.normal(gas_hu, 10, int(ball.sum())))
    return pixels


def test_a_chest_shows_lung_also_where_the_field_of_view_cuts_it_open() -> None:
    pixels, labels = chest_ct()
    cut = pixels.copy()
    cut[:, :, :28] = -1024
    for one in (pixels, cut):
        found = lung_like(one, SPACING_MM)
        assert not found.none and not found.little
        assert _notes(one) == ()
    largest = (labels > 0).sum(axis=(1, 2)).max() * 0.09
    assert lung_like(pixels, SPACING_MM).area_cm2 == pytest.approx(largest, rel=0.25)


@pytest.mark.parametrize("gas_hu", [-990, 40])
def test_a_body_without_lungs_is_refused_with_gas_in_it_too(gas_hu: int) -> None:
    with pytest.raises(NotForModel, match="shows no aerated lung") as error:
        _notes(_without_lungs(gas_hu))
    assert error.value.remedy == f"The model is for {_USE}: open one."


def test_a_little_aerated_lung_is_flagged() -> None:
    (said,) = _notes(_without_lungs(-800))
    assert said.startswith("Hardly any aerated lung")


def test_under_the_name_of_another_part_a_chest_is_taken_and_a_little_lung_is_not() -> None:
    pixels, _ = chest_ct()
    assert _notes(pixels, body_part="ABDOMEN") == ()
    with pytest.raises(NotForModel, match="The header says ABDOMEN, and this CT shows hardly any") as error:
        _notes(_without_lungs(-800), body_part="ABDOMEN")
    assert error.value.remedy == f"The model is for {_USE}: open one."
    assert _notes(_without_lungs(-800), body_part="Thorax") == _notes(_without_lungs(-800))


def test_the_name_of_another_part_is_told() -> None:
    named = Raster(chest_ct()[0], modality=Modality.CT, body_part="ABDOMEN")
    (said,) = other_part_notes(named, ["CHEST"])
    assert said.startswith("The header says ABDOMEN, but the image shows lung")
    assert other_part_notes(named, ()) == other_part_notes(named, ["ABDOMEN"]) == ()


def test_without_spacing_and_for_more_than_ct_the_content_does_not_decide() -> None:
    pixels, _ = chest_ct()
    assert decided_by_content(Raster(pixels, SPACING_MM), ["CT"])
    assert not decided_by_content(Raster(pixels), ["CT"])
    assert not decided_by_content(Raster(pixels, SPACING_MM), ["CT", "MR"])


def test_of_a_few_slices_a_small_piece_of_lung_is_enough() -> None:
    pixels = _without_lungs(-800, radius=5)
    with pytest.raises(NotForModel):
        _notes(pixels)
    (said,) = _notes(pixels[22:26])
    assert said.startswith("Hardly any")
    (said,) = _notes(pixels[24])
    assert said.startswith("Hardly any")


def test_foam_beside_the_body_is_no_lung() -> None:
    pixels = _without_lungs()
    pixels[:, 88:, :] = -900  # under the patient
    with pytest.raises(NotForModel):
        _notes(pixels)


def test_values_that_are_not_in_hu_are_refused_as_such() -> None:
    grey = np.clip((chest_ct()[0] + 1024) // 8, 0, 255).astype(np.uint8)
    with pytest.raises(NotForModel, match="No pixel of the image is as low"):
        _notes(grey, modality=Modality.UNKNOWN)
    with pytest.raises(NotForModel, match="No pixel of this CT is as low"):
        _notes(grey)


def test_the_size_of_pixels_does_not_matter() -> None:
    pixels, _ = chest_ct()
    fine = pixels.repeat(2, axis=1).repeat(2, axis=2)
    coarse, finer = (lung_like(one, (4, mm, mm)) for one, mm in ((pixels, 3.0), (fine, 1.5)))
    assert finer.area_cm2 == pytest.approx(coarse.area_cm2, rel=0.05)


def test_without_spacing_and_for_other_models_nothing_is_said() -> None:
    assert _notes(_without_lungs(), spacing_mm=None) == ()
    raster = Raster(_without_lungs(), SPACING_MM, modality=Modality.CT)
    for modalities in ((), ("CR", "DX"), ("CT", "MR")):
        assert ct_content_notes(raster, modalities, _USE) == ()


def test_an_image_of_air_alone_is_refused() -> None:
    with pytest.raises(NotForModel):
        _notes(np.full((20, 40, 40), -1000, np.int16))


def test_a_small_body_has_small_lungs() -> None:
    pixels, _ = chest_ct()
    found = lung_like(pixels, (1.2, 0.9, 0.9))  # a third of the size
    assert found.area_cm2 < 20 < 100 * found.share
    assert not found.none and not found.little
