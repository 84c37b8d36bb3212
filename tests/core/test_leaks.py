from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from net_fakes import lungs, xray
from PIL import Image

from napari_unet.core.intensity import IntensityRule
from napari_unet.core.leaks import ALIKE, Fingerprint, find_leaks, perceptual_hash

RULE = IntensityRule("percentiles", 0.5, 99.5)


def _bits(one: int, other: int) -> int:
    return (one ^ other).bit_count()


def _images(data: Path, name: str, count: int) -> list[tuple[str, np.ndarray]]:
    """Images of the first patients, one each."""
    with (data / "cxr" / name / "manifest.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    first = list({row["patient"]: row["file"] for row in rows}.values())[:count]
    images = data / "cxr" / name / "images"
    return [(file, np.asarray(Image.open(images / file).convert("L"))) for file in first]


def test_a_hash_is_256_bits_and_tells_left_from_right() -> None:
    image = xray(lungs(64, 70))
    assert 0 <= perceptual_hash(image) < 2**256
    assert _bits(perceptual_hash(image), perceptual_hash(image[:, ::-1])) > 60
    ramp = np.tile(np.arange(40.0), (40, 1))
    assert perceptual_hash(ramp) == 2**256 - 1 and perceptual_hash(-ramp) == 0


def test_flat_parts_are_not_told_apart_by_rounding() -> None:
    flat = np.zeros((50, 53))
    flat[:, 20:] = 0.1
    assert perceptual_hash(flat + 0.3).bit_count() <= 32


@given(st.floats(0.1, 50), st.floats(-100, 100))
def test_brightness_and_contrast_change_nothing(gain: float, offset: float) -> None:
    image = np.rint(xray(lungs(64, 70)) * 255)
    assert perceptual_hash(image * 2**3) == perceptual_hash(image)
    assert _bits(perceptual_hash(image * gain + offset), perceptual_hash(image)) <= 1


@pytest.mark.data
def test_copies_are_found_and_patients_are_told_apart(data: Path) -> None:
    images = _images(data, "covid", 20) + _images(data, "montgomery", 20)
    hashes = [perceptual_hash(RULE.apply(pixels)) for _, pixels in images]
    for k, one in enumerate(hashes):
        assert all(_bits(one, other) > ALIKE for other in hashes[:k])
    for (_, pixels), known in zip(images, hashes, strict=True):
        jpeg = io.BytesIO()
        Image.fromarray(pixels).save(jpeg, "JPEG", quality=75)
        copies = (pixels[::2, ::2], np.asarray(Image.open(jpeg).convert("L")), pixels * 0.6 + 30)
        assert all(_bits(perceptual_hash(RULE.apply(copy)), known) <= ALIKE for copy in copies)


@pytest.mark.data
def test_the_bundled_x_rays_are_found_among_the_others_at_another_size(data: Path) -> None:
    others = {Path(file).stem: pixels for file, pixels in _images(data, "covid", 99)}
    known = [Fingerprint(name, phash=perceptual_hash(RULE.apply(pixels))) for name, pixels in others.items()]
    for name in ("0a7faa2a", "1052b0fe", "19abe1f3", "2168a917"):
        pixels = np.asarray(Image.open(data / "bundle" / f"hannover_{name}.png").convert("L"))
        leaks = find_leaks(known, [Fingerprint("new", phash=perceptual_hash(RULE.apply(pixels)))])
        expected = [f"new looks the same as {name}, which was trained on."] if name in others else []
        assert leaks == expected


def test_patient_file_and_look() -> None:
    training = [Fingerprint("a", "p", "f", 0), Fingerprint("b", "q", "g", 2**200 - 1)]
    assert find_leaks(training, [Fingerprint("c", "r", "h", 2**100)]) == [
        "c looks the same as a, which was trained on."
    ]
    assert find_leaks(
        training, [Fingerprint("c", "q", "f"), Fingerprint("d", "q"), Fingerprint("e", "s", "i", 2**90 - 1)]
    ) == [
        "c is the same file as a, which was trained on.",
        "d is of the same patient as b, which was trained on.",
    ]


def test_what_is_not_known_is_no_leak() -> None:
    assert (
        find_leaks(
            [Fingerprint("a"), Fingerprint("b", phash=0)],
            [Fingerprint("c"), Fingerprint("d", phash=2**256 - 1)],
        )
        == []
    )
    assert find_leaks([], [Fingerprint("c", "p", "f", 0)]) == []


def test_the_limit_is_met_exactly() -> None:
    near, far = 2**ALIKE - 1, 2 ** (ALIKE + 1) - 1
    assert (
        len(
            find_leaks(
                [Fingerprint("a", phash=0)], [Fingerprint("b", phash=near), Fingerprint("c", phash=far)]
            )
        )
        == 1
    )
