from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_unet.core.errors import UserError
from napari_unet.core.input_check import (
    LARGEST,
    NotForModel,
    ShapePrior,
    check_kind,
    check_pixels,
    content_notes,
    mean_shape,
    mixed_polarity_note,
    plausibility,
    polarity_note,
)
from napari_unet.core.raster import Modality, Raster


def _noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).random(shape)


def _refused(pixels: np.ndarray, words: str) -> None:
    with pytest.raises(UserError, match=words) as error:
        check_pixels(Raster(pixels))
    assert error.value.remedy


# -- pixels --


@pytest.mark.parametrize("shape", [(32, 32), (32, LARGEST), (LARGEST, 33), (300, 32, 40), (1, 32, 32)])
def test_sizes_that_are_taken(shape: tuple[int, ...]) -> None:
    pixels = np.zeros(shape, np.uint8)
    pixels[..., 0] = 1
    check_pixels(Raster(pixels))


@pytest.mark.parametrize("shape", [(31, 64), (64, 31), (1, 1), (32, LARGEST + 1), (5, 31, 64), (64, 64, 5)])
def test_sizes_that_are_not(shape: tuple[int, ...]) -> None:
    pixels = np.zeros(shape, np.uint8)
    _refused(pixels, f"{shape[-1]} × {shape[-2]} pixels")


@pytest.mark.parametrize("shape", [(0, 64), (64, 0), (0, 64, 64)])
def test_no_pixels_at_all(shape: tuple[int, ...]) -> None:
    _refused(np.zeros(shape), "no pixels")


@pytest.mark.parametrize("channels", [3, 4])
def test_a_colour_image_is_no_stack(channels: int) -> None:
    _refused(_noise(64, 64, channels), "looks like colour")


@pytest.mark.parametrize("kind", ["u1", "i2", ">u2", "i8", "f2", "f4", "f8", "?"])
@pytest.mark.parametrize("value", [0, 1])
def test_a_constant_image_is_empty(kind: str, value: int) -> None:
    _refused(np.full((40, 40), value, kind), f"every pixel has the value {value}")


@pytest.mark.parametrize("kind", ["u1", "i2", "f4", "?"])
def test_one_pixel_more_is_an_image(kind: str) -> None:
    pixels = np.zeros((40, 40), kind)
    pixels[17, 23] = 1
    check_pixels(Raster(pixels))


@pytest.mark.parametrize("kind", ["u1", "i1", "i2", ">u2", "u4", "i8", "u8", "f2", "f4", "f8", "?"])
def test_every_kind_of_number_is_taken(kind: str) -> None:
    check_pixels(Raster(np.eye(40).astype(kind)))


@pytest.mark.parametrize("kind", ["f2", "f4", ">f4", "f8"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_pixels_that_are_no_numbers_are_counted(kind: str, value: float) -> None:
    pixels = _noise(40, 50).astype(kind)
    pixels[3, 4] = pixels[0, 0] = value
    _refused(pixels, "^2 pixels")
    _refused(np.full((40, 50), value, kind), "^2000 pixels")


def test_numbers_beyond_single_precision_are_told() -> None:
    pixels = _noise(40, 50)
    pixels[0, 0] = 1e300
    _refused(pixels, "^1 pixels")


# -- kind --

XRAY = ("CR", "DX"), ("PA", "AP"), ("CHEST", "THORAX")


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"modality": Modality.CR},
        {"modality": Modality.DX, "view": "AP"},
        {"body_part": "CHEST"},
        {"body_part": "chest_abdomen"},
    ],
)
def test_what_fits_or_says_nothing_is_taken(header: dict[str, Any]) -> None:
    check_kind(Raster(_noise(40, 40), **header), *XRAY)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ({"modality": Modality.CT}, "This is a CT image; the model is for X-ray images"),
        ({"modality": Modality.MAP}, "The values of this map are not in Hounsfield units"),
        ({"modality": Modality.MR}, "MR"),
        ({"modality": Modality.EM}, "EM"),
        ({"view": "LL"}, "LL view"),
        ({"view": "LATERAL", "modality": Modality.DX}, "LATERAL view"),
        ({"body_part": "HAND"}, "HAND"),
    ],
)
def test_what_does_not_fit_is_refused(header: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words) as error:
        check_kind(Raster(_noise(40, 40), **header), *XRAY)
    assert error.value.remedy


def test_a_model_for_anything_takes_anything() -> None:
    raster = Raster(_noise(40, 40) - 900, modality=Modality.CT, view="LL", body_part="HAND")
    check_kind(raster, (), ())


def test_where_the_content_decides_a_header_refuses_only_what_holds_no_lung() -> None:
    of_ct = ("CT",), (), ("CHEST",)
    for part in ("ABDOMEN", "HEART", "TAP"):
        raster = Raster(_noise(40, 40), modality=Modality.CT, body_part=part)
        check_kind(raster, *of_ct, by_content=True)
        with pytest.raises(NotForModel, match=f"The header says {part}; the model is for CHEST"):
            check_kind(raster, *of_ct)
    head = Raster(_noise(40, 40), modality=Modality.CT, body_part="HEAD")
    with pytest.raises(NotForModel, match="The header says HEAD") as error:
        check_kind(head, *of_ct, by_content=True)
    assert "BodyPartExamined" in error.value.remedy


def test_hounsfield_units_give_a_ct_slice_away() -> None:
    slice_of_ct = np.where(np.eye(40, dtype=bool), 40, -1000).astype(np.int16)
    with pytest.raises(UserError, match="values down to -1000, as CT has"):
        check_kind(Raster(slice_of_ct), *XRAY)
    check_kind(Raster(slice_of_ct), ("CT",), ())
    check_kind(Raster(slice_of_ct // 4), *XRAY)  # some X-rays have a few negative values


# -- plausibility --


def _pair(height: int = 96, width: int = 96, gap: float = 0.0) -> np.ndarray:
    """Two upright ellipses, as lungs are."""
    y, x = np.mgrid[:height, :width] / np.array([height, width]).reshape(2, 1, 1)
    centres = (0.27 - gap, 0.73 + gap)
    return np.any([((y - 0.5) / 0.38) ** 2 + ((x - c) / 0.16) ** 2 < 1 for c in centres], axis=0)


LUNGS = ShapePrior(mean_shape(_pair()[None]))


def _like(mask: np.ndarray) -> float:
    return plausibility(mask.astype(np.float32), LUNGS)


def test_lungs_look_like_lungs_at_any_size_and_place() -> None:
    assert _like(_pair()) > 0.95
    assert _like(_pair(200, 120)) > 0.9
    assert _like(np.pad(_pair(60, 60), ((30, 6), (2, 34)))) > 0.9
    assert _like(_pair(gap=0.04)) > 0.6


def test_mirrored_lungs_look_the_same() -> None:
    mask = _pair()
    mask[:50, :48] = False  # an uneven pair
    assert _like(mask) == pytest.approx(_like(mask[:, ::-1]), abs=1e-6)


@pytest.mark.parametrize(
    "mask",
    [
        np.zeros((96, 96), bool),
        np.ones((96, 96), bool),
        np.pad(np.ones((20, 30), bool), 33),
        ~_pair(),
        np.eye(96, dtype=bool),
        np.pad(_pair().T[40:60], ((60, 16), (0, 0))),
    ],
)
def test_other_shapes_do_not(mask: np.ndarray) -> None:
    assert _like(mask) < LUNGS.flag
    assert _like(mask) >= -1


def test_undecided_pixels_count_against_it() -> None:
    sure = _pair().astype(np.float32)
    doubtful = np.clip(sure, 0.2, 0.8)
    assert plausibility(doubtful, LUNGS) < plausibility(sure, LUNGS) - 0.5


def test_mean_shape_is_the_mean_in_the_box() -> None:
    left, all_ = np.zeros((40, 40), bool), np.zeros((40, 40), bool)
    left[10:30, 10:20] = True
    left[10:30, 39] = True  # the box is as wide as that of `all_`
    all_[5:35, 10:40] = True
    shape = np.array(mean_shape(np.stack([left, all_, np.zeros((40, 40), bool)]), side=12))
    assert shape.shape == (12, 12)
    assert shape[:, 0] == pytest.approx(1)
    assert shape[:, 6] == pytest.approx(0.5)
    assert np.array_equal(mean_shape(np.zeros((1, 8, 8), bool), side=2), np.zeros((2, 2)))


# -- what is said --


def test_what_is_said_about_polarity() -> None:
    assert polarity_note(None, inverted=False, measured=True) == ()
    assert polarity_note(False, inverted=False, measured=True) == ()
    assert "MONOCHROME1" in polarity_note(True, inverted=True, measured=True)[0]
    assert "was inverted" in polarity_note(None, inverted=True, measured=True)[0]
    assert "assumed" in polarity_note(None, inverted=False, measured=False)[0]
    assert "bright, but" in polarity_note(False, inverted=True, measured=True)[0]
    assert "dark, but" in polarity_note(True, inverted=False, measured=True)[0]


def test_what_is_said_about_a_stack_of_both_polarities() -> None:
    assert mixed_polarity_note([]) == mixed_polarity_note([False]) == mixed_polarity_note([True, True]) == ()
    assert "Image 2." in mixed_polarity_note([False, True])[0]
    assert "Images 1, 3." in mixed_polarity_note([True, False, True])[0]


def test_what_is_said_about_content() -> None:
    like = ShapePrior(((1.0,),), flag=0.3, refuse=0.0)
    assert content_notes((), like, "") == content_notes((0.9,), like, "") == ()
    assert content_notes((0.1,), like, "")[0].startswith("The image may not be")
    assert content_notes((0.9, 0.1, -0.5), like, "")[0].startswith("Images 2, 3 of the stack may not be")
    with pytest.raises(UserError, match="does not look like") as error:
        content_notes((-0.1,), like, "chest X-rays")
    assert error.value.remedy == "It is for chest X-rays: open one."


def test_a_stack_needs_one_image_that_is_like_it() -> None:
    like = ShapePrior(((1.0,),), flag=0.3, refuse=0.0)
    with pytest.raises(UserError, match="does not look like"):
        content_notes((0.2, 0.1), like, "chest X-rays")
    many = content_notes((0.9, *[0.1] * 14), like, "")[0]
    assert many.startswith("Images 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 4 more of the stack may not be")


def test_of_a_flagged_image_what_is_unusual_is_said_and_nothing_is_guessed() -> None:
    like = ShapePrior(((1.0,),))
    (guess,) = content_notes([0.1], like, "chest X-rays")
    assert "may not be what the model is for" in guess
    (told,) = content_notes([0.1], like, "chest X-rays", ["The left lung is only 30% the size."])
    assert "left lung is only 30%" in told and "model is for" not in told
    assert content_notes([0.9], like, "", ["anything"]) == ()


def test_a_volume_may_lack_slices_and_a_stack_of_x_rays_may_not() -> None:
    stack = np.random.default_rng(0).integers(0, 99, (4, 40, 40)).astype(np.int16)
    stack[[0, 2]] = -1
    check_pixels(Raster(stack, modality=Modality.CT, padding=(-1, -1)))
    for raster in (
        Raster(stack, modality=Modality.DX, padding=(-1, -1)),
        Raster(stack * 0 - 1, modality=Modality.CT, padding=(-1, -1)),
        Raster(np.where(np.arange(40) < 20, stack, -1), modality=Modality.CT, padding=(-1, -1)),
    ):
        with pytest.raises(NotForModel, match="Nearly all of the image is padding"):
            check_pixels(raster)


def test_pixels_that_are_no_numbers_are_counted_in_all_slices() -> None:
    stack = np.random.default_rng(0).random((3, 40, 40))
    stack[0, 0], stack[1, 5, 5], stack[2, 7, :2] = -1, np.nan, np.inf
    with pytest.raises(NotForModel, match="3 pixels of the image are not numbers"):
        check_pixels(Raster(stack, padding=(-1, -1)))
