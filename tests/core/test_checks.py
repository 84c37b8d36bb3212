"""Each check result on a mask made to have it, and none on a sound one."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from napari_unet.core.checks import Code, check_labels, check_mask
from napari_unet.core.labels import IGNORE


def lungs() -> np.ndarray:
    mask = np.zeros((200, 200), bool)
    mask[40:160, 30:80] = True
    mask[40:160, 120:165] = True
    return mask


def codes(mask: np.ndarray, **known: object) -> list[str]:
    return [str(finding.code) for finding in check_mask(mask, **known)]  # type: ignore[arg-type]


def only_text(mask: np.ndarray, code: Code, **known: object) -> str:
    findings = check_mask(mask, **known)  # type: ignore[arg-type]
    assert [finding.code for finding in findings] == [code]
    return findings[0].text


def test_two_sound_lungs_have_no_finding() -> None:
    assert check_mask(lungs()) == ()
    assert check_mask(lungs(), (2.0, 2.0), "L") == ()


def test_no_lung() -> None:
    assert only_text(np.zeros((9, 9), bool), Code.NO_LUNG) == "No lung is marked."


@pytest.mark.parametrize(("towards", "name"), [("L", "left"), ("R", "right")])
def test_a_missing_lung_is_named(towards: str, name: str) -> None:
    mask = lungs()
    mask[:, 100:] = False
    text = only_text(mask, Code.MISSING_LUNG, row_direction=towards)
    assert f"the {name} one is missing" in text and "assumed" not in text
    assert "sides assumed" in only_text(mask, Code.MISSING_LUNG)


def test_one_lung_much_smaller() -> None:
    mask = lungs()
    mask[80:, 100:] = False
    assert only_text(mask, Code.RATIO, row_direction="L") == (
        "The left lung is only 30% the size of the right one."
    )
    assert "The right lung" in only_text(mask[:, ::-1], Code.RATIO, row_direction="L")


def test_extra_parts_are_counted() -> None:
    mask = lungs()
    mask[10:15, 10:15] = True
    assert only_text(mask, Code.EXTRA_PARTS) == "Besides the two largest parts there is 1 more part."
    mask[10:15, 190:195] = True
    assert "there are 2 more parts" in only_text(mask, Code.EXTRA_PARTS)


def test_holes_are_counted_and_bays_are_not() -> None:
    mask = lungs()
    mask[60:66, 40:46] = False
    mask[100:110, 75:80] = False
    assert only_text(mask, Code.HOLES) == "The mask has a hole."
    mask[80:86, 40:46] = False
    assert only_text(mask, Code.HOLES) == "The mask has 2 holes."


def test_single_pixels_are_not_worth_a_look() -> None:
    mask = lungs()
    mask[5, 5] = True
    mask[50, 50] = False
    assert codes(mask) == []


def test_contact_with_the_image_edge() -> None:
    mask = np.pad(lungs(), ((0, 0), (0, 0)))[:160]
    assert only_text(mask, Code.BORDER) == (
        "The lung touches the lower edge of the image: part of it may be cut off."
    )
    assert "upper, lower and left edge" in only_text(lungs()[40:160, 30:], Code.BORDER)
    corner = lungs()
    corner[100, :31] = True  # one row reaches the edge: less than a twentieth of it
    assert codes(corner) == []


@pytest.mark.parametrize(("spacing", "word"), [(0.1, "small"), (5.0, "large")])
def test_an_implausible_area_needs_a_known_spacing(spacing: float, word: str) -> None:
    text = only_text(lungs(), Code.AREA, spacing_mm=(spacing, spacing))
    assert f"is {word} for an adult" in text and "cm²" in text


def test_a_volume_is_judged_as_one() -> None:
    volume = np.stack([lungs()] * 30)
    volume[[0, -1]] = False
    assert codes(volume, spacing_mm=(8.0, 1.4, 1.4)) == []
    assert "mL is small" in only_text(volume, Code.VOLUME, spacing_mm=(0.1, 1.0, 1.0))
    volume[10:12, 60:70, 40:50] = False
    assert codes(volume) == ["holes"]


def test_several_findings_come_in_a_fixed_order() -> None:
    mask = lungs()
    mask[:, 120:] = False
    mask[:6, :30] = mask[180:, 10:20] = True
    mask[60:66, 40:46] = False
    assert codes(mask, spacing_mm=(0.1, 0.1)) == ["missing-lung", "extra-parts", "holes", "border", "area"]


def test_spacing_must_fit() -> None:
    with pytest.raises(ValueError, match="spacing"):
        check_mask(lungs(), (1.0,))


@pytest.mark.data
def test_reference_masks_are_rarely_flagged(data) -> None:  # type: ignore[no-untyped-def]
    files = sorted((data / "cxr" / "montgomery" / "masks").glob("*.png"))[::3]
    flagged = [file.name for file in files if check_mask(np.asarray(Image.open(file)) > 0)]
    assert len(files) > 40 and len(flagged) <= 0.05 * len(files)


def test_labels_are_checked_without_what_is_to_be_ignored() -> None:
    labels = np.where(lungs(), np.uint8(1), np.uint8(0))
    labels[:, 100:][labels[:, 100:] > 0] = 2
    assert check_labels(labels) == ()
    labels[labels == 2] = IGNORE
    assert check_labels(labels) == ("missing-lung",)
    assert check_labels(np.full((9, 9), IGNORE, np.uint8)) == ("no-lung",)


def test_each_x_ray_of_a_stack_is_checked_by_itself() -> None:
    labels = np.stack([lungs(), np.zeros_like(lungs())]).astype(np.uint8)
    assert check_labels(labels, (5.0, 1.0, 1.0), per_slice=True) == ("no-lung",)
    assert "no-lung" not in check_labels(labels)
