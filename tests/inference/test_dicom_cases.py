"""X-rays as hospitals send them, through the shipped model: as the same X-ray without its oddity."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest

from napari_unet.core.events import Note
from napari_unet.core.input_check import NotForModel
from napari_unet.core.raster import Modality, Raster
from napari_unet.core.steps import run
from napari_unet.inference.first_mask import first_mask_steps
from napari_unet.inference.segment import segment, segment_steps
from napari_unet.io.formats import read_raster

_CASES = Path(__file__).parents[1] / "data" / "cases"


@pytest.fixture(scope="module")
def plain():
    return read_raster(_CASES / "window_outside.dcm")


def _mask(raster):
    return segment(raster, device="cpu").mask()


@pytest.mark.parametrize("name", ["negative_cr.dcm", "highbit15_stored12.dcm", "mono1_window.dcm"])
def test_the_mask_is_that_of_the_plain_image(plain, name):
    ours, theirs = _mask(read_raster(_CASES / name)), _mask(plain)
    assert (ours != theirs).mean() < 0.001


@pytest.mark.parametrize("header", [True, False])
def test_a_negative_whose_header_says_otherwise_is_taken_and_said(plain, header):
    pixels = plain.pixels if header else plain.pixels.max() - plain.pixels
    found = segment(replace(plain, pixels=pixels, inverted=header), device="cpu")
    assert found.inverted is not header
    assert (found.mask() != _mask(plain)).mean() < 0.001
    assert any("shows the opposite" in note for note in found.notes)


def test_dicom_without_a_suffix_gives_three_masks(plain):
    for name in ("scan.IMA", "1.2.840.99.55", "1.2.840.99.56"):
        assert (_mask(read_raster(_CASES / name)) != _mask(plain)).mean() < 0.001


def test_padding_is_as_if_the_border_were_not_there(plain):
    raster = read_raster(_CASES / "padding_65535.dcm")
    inside = (slice(24, 232), slice(24, 232))
    found = segment(raster, device="cpu")
    alone = segment(replace(plain, pixels=raster.pixels[inside], padding=None), device="cpu")
    np.testing.assert_array_equal(found.probability[:, *inside], alone.probability)
    np.testing.assert_array_equal(found.mask()[inside], alone.mask())
    assert found.mask().sum() == alone.mask().sum()
    assert found.plausibility == alone.plausibility and found.notes == alone.notes


def test_padding_in_the_corners_changes_little(plain):
    """A round collimator: the border is not a rectangle."""
    y, x = np.mgrid[:256, :256] - 127.5
    round_one = np.where(np.hypot(y, x) > 150, -1, plain.pixels.astype(np.int32))
    found = _mask(replace(plain, pixels=round_one, padding=(-1.0, -1.0)))
    assert (found != _mask(plain)).mean() < 0.03


def test_hounsfield_values_tell_a_ct_only_where_no_header_names_the_machine(plain):
    low = plain.pixels.astype(np.int32) - 2000
    assert "an X-ray: its header says so" in segment(replace(plain, pixels=low), device="cpu").chosen
    with pytest.raises(NotForModel, match="as CT has"):
        segment(Raster(low), model="cxr-lung", device="cpu")
    assert plain.modality is Modality.CR


@pytest.mark.parametrize("left", [0, 20])
def test_an_image_that_is_nearly_all_padding_is_refused(plain, left):
    pixels = np.full(plain.shape, 70000)
    pixels[:left, :left] = plain.pixels[:left, :left]
    with pytest.raises(NotForModel):
        segment(replace(plain, pixels=pixels, padding=(70000.0, 70000.0)), device="cpu")


def test_a_child_that_lay_is_told_before_the_mask_and_kept_as_a_code(plain):
    steps = segment_steps(replace(plain, age_years=6.0, position="supine"), model="cxr-lung", device="cpu")
    first, second = next(steps), next(steps)
    assert isinstance(first, Note) and "under 18" in first.text
    assert isinstance(second, Note) and "supine" in second.text
    found = run(steps)
    assert found.image_checks == ("child", "lying") and found.notes[:2] == (first.text, second.text)
    assert segment(replace(plain, age_years=60.0), device="cpu").image_checks == ()


def test_a_first_mask_keeps_what_the_header_says_but_no_age(tmp_path):
    made = pydicom.dcmread(_CASES / "window_outside.dcm")
    made.PatientAge = "006Y"
    made.save_as(tmp_path / "child.dcm")
    first = run(first_mask_steps(str(tmp_path / "child.dcm"), device="cpu"))
    assert first.image_checks == ("child",) and any("under 18" in note for note in first.notes)
    assert not {"age_years", "position"} & set(vars(first))
    made.ViewPosition = "LL"
    made.save_as(tmp_path / "lateral.dcm")
    refused = run(first_mask_steps(str(tmp_path / "lateral.dcm"), device="cpu"))
    assert refused.drawn is None and set(refused.image_checks) == {"unlike", "child", "view"}
