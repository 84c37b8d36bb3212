"""Which cases a fine-tune can use."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from net_fakes import card, lungs
from PIL import Image
from tuning_fakes import SIDE, case, cases

from napari_unet.core.errors import UserError
from napari_unet.core.input_rule import InputRule
from napari_unet.core.intensity import IntensityRule
from napari_unet.core.raster import Raster
from napari_unet.training.cases import read_cases

CARD = card(input=InputRule(size=(SIDE, SIDE)))


def test_cases_are_read_in_the_order_of_their_ids() -> None:
    found, notes = read_cases([case(2), case(0), case(1)], CARD)
    assert [pair.id for pair in found.pairs] == ["case-0", "case-1", "case-2"]
    assert notes == ()
    assert found.small.images.shape == (3, 1, SIDE, SIDE)
    assert found.large.images.shape == (3, 1, 48, 48)
    assert found.shape == (40, 48)
    assert found.samples([2, 0]) == [0, 2]


def test_what_cannot_be_used_is_told_and_left_out(tmp_path: Path) -> None:
    wrong_size = replace(case(2), mask=lungs(40, 40).astype(np.uint8))
    two_classes = replace(case(3), mask=lungs(40, 48).astype(np.uint8) * 3)
    gone = replace(case(4), image=tmp_path / "gone.png")
    found, notes = read_cases([*cases(2), wrong_size, two_classes, gone], CARD)
    assert [pair.id for pair in found.pairs] == ["case-0", "case-1"]
    assert [k for note, k in zip(notes, (2, 3, 4), strict=True) if f"case-{k}" in note] == [2, 3, 4]


def test_what_was_assumed_of_a_mask_is_told_with_its_case(tmp_path: Path) -> None:
    mask = lungs(40, 48).astype(np.uint8) * np.uint8(255)
    Image.fromarray(mask).save(tmp_path / "m.jpg", quality=50)
    pairs = [replace(case(k), mask=given, revision="") for k, given in enumerate((mask, tmp_path / "m.jpg"))]
    found, notes = read_cases(pairs, CARD)
    assert np.array_equal(found.small.masks[0], read_cases(cases(2), CARD)[0].small.masks[0])
    assert "Case case-0: 255 was the only label, so it was read as lung" in notes[0]
    assert "Case case-1: It is not a clean two-value mask" in notes[1]


def test_one_usable_case_is_too_few_and_the_reason_is_said() -> None:
    wrong_size = replace(case(1), mask=lungs(40, 40).astype(np.uint8))
    with pytest.raises(UserError, match=r"Only 1 of 2 cases can be used .*case-1.*at least two"):
        read_cases([case(0), wrong_size], CARD)
    with pytest.raises(UserError, match="only one case"):
        read_cases([case(0)], CARD)
    with pytest.raises(UserError, match="There is no case"):
        read_cases([], CARD)


def test_one_patient_is_too_few() -> None:
    with pytest.raises(UserError, match="of one patient"):
        read_cases([case(k, patient="one") for k in range(3)], CARD)
    with pytest.raises(UserError, match="of one patient or look the same"):  # the same file under two names
        read_cases([case(k, content_hash="f" * 64) for k in range(2)], CARD)


def test_images_that_look_the_same_are_not_parted() -> None:
    again = replace(case(0), id="case-7", patient="another", content_hash="f" * 64)
    found, _ = read_cases([*cases(3), again], CARD)
    assert found.groups[0] == found.groups[3]
    assert len(set(found.groups)) == 3


def test_cases_without_a_patient_count_as_patients_of_their_own() -> None:
    found, _ = read_cases([case(k, patient="") for k in range(3)], CARD)
    assert len(set(found.groups)) == 3


def test_masks_that_are_all_empty_teach_nothing() -> None:
    empty = np.zeros((40, 48), np.uint8)
    with pytest.raises(UserError, match="None of the masks holds any lung"):
        read_cases([case(k, mask=empty) for k in range(2)], CARD)


def test_slices_of_a_stack_are_samples_of_one_case() -> None:
    one = case(0)
    assert isinstance(one.image, Raster) and isinstance(one.mask, np.ndarray)
    stack = replace(
        one, image=Raster(np.stack([one.image.pixels] * 5)), mask=np.stack([one.mask] * 5), slices=(1, 3)
    )
    found, _ = read_cases([stack, case(1)], CARD)
    assert found.small.origins == (0, 0, 1)
    assert found.samples([0]) == [0, 1]
    _, notes = read_cases([*cases(2), replace(stack, id="case-9", slices=(7,))], CARD)
    assert len(notes) == 1 and "case-9" in notes[0]


def test_few_pixels_are_kept_many_are_read_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pairs = []
    for k in range(3):
        pair = case(k)
        assert isinstance(pair.image, Raster) and isinstance(pair.mask, np.ndarray)
        Image.fromarray((pair.image.pixels * 255).astype(np.uint8)).save(tmp_path / f"{k}.png")
        Image.fromarray(pair.mask * 255).save(tmp_path / f"{k}_mask.png")
        files = {"image": tmp_path / f"{k}.png", "mask": tmp_path / f"{k}_mask.png"}
        pairs.append(replace(pair, **files, content_hash="", revision=""))
    bytes_card = CARD.model_copy(update={"intensity": IntensityRule("window", 0.0, 255.0)})
    kept, _ = read_cases(pairs, bytes_card)
    assert all(isinstance(pair.image, Raster) for pair in kept.pairs)
    monkeypatch.setattr("napari_unet.training.cases._KEPT", 2 * 2 * 40 * 48)
    some, _ = read_cases(pairs, bytes_card)
    assert [isinstance(pair.image, Raster) for pair in some.pairs] == [True, False, False]
    np.testing.assert_array_equal(some.small.images, kept.small.images)
    np.testing.assert_array_equal(some.small.masks, kept.small.masks)
