from __future__ import annotations

import numpy as np
import pytest

from napari_unet.core.image_kind import CT, XRAY, Kind, kind_in, kind_of, kind_of_modality, kind_of_model
from napari_unet.core.raster import Modality, Raster

AIR, BRIGHT = np.full((4, 4), -1000, np.int16), np.full((4, 4), 3000, np.int16)


@pytest.mark.parametrize(
    ("modality", "kind"),
    [(Modality.CR, XRAY), (Modality.DX, XRAY), (Modality.CT, CT), (Modality.MR, "MR"), (Modality.EM, "EM")],
)
@pytest.mark.parametrize("pixels", [AIR, BRIGHT])
def test_the_header_goes_before_the_values(modality: Modality, kind: str, pixels: np.ndarray) -> None:
    found = kind_of(Raster(pixels, modality=modality))
    assert (found.name, found.known) == (kind, True) and "header" in found.why


@pytest.mark.parametrize("pixels", [AIR, AIR[None], np.stack([BRIGHT, AIR]).astype(np.float32)])
def test_without_a_header_values_that_only_ct_has_tell(pixels: np.ndarray) -> None:
    assert kind_of(Raster(pixels)) == Kind(CT, "it has values that only CT has")


def test_an_x_ray_if_nothing_tells() -> None:
    for pixels in (BRIGHT, np.zeros((4, 4), np.uint8), np.full((4, 4), np.nan), np.zeros((0, 4))):
        found = kind_in(pixels)
        assert (found.name, found.known) == (XRAY, False)
    assert kind_in(BRIGHT).sentence() == "The image is taken for an X-ray: nothing says what it is."


def test_padding_and_what_is_no_number_do_not_tell() -> None:
    framed = BRIGHT.copy()
    framed[0] = -2000
    assert kind_of(Raster(framed, padding=(-2000, -2000))).name == XRAY
    assert kind_of(Raster(framed)).name == CT
    holed = AIR.astype(np.float32)
    holed[1] = np.nan
    assert kind_of(Raster(holed)).name == CT


def test_models_are_of_the_kind_of_their_first_modality() -> None:
    assert kind_of_model(("CR", "DX")) == kind_of_model(("DX", "CT")) == kind_of_model(()) == XRAY
    assert kind_of_model(("CT",)) == CT and kind_of_model(("MR",)) == kind_of_modality("MR") == "MR"
