"""Text in pixels: found where people put it, not where ribs are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from napari_unet.io.formats import read_raster
from napari_unet.review.exporting.burned_in import find_text

FILMS = sorted((Path(__file__).parents[1] / "data" / "covid" / "images").glob("*.png"))
WORDS = ("MUELLER, ANNA 1956-03-12", "SMITH^JOHN M 071Y", "2026/11/22 14:03")


def film(height: int = 500, width: int = 600, seed: int = 0) -> np.ndarray:
    """Soft shadows with grain, 20..150 of 255."""
    noise = np.random.default_rng(seed)
    soft = ndimage.gaussian_filter(noise.random((height, width)), 30)
    soft = (soft - soft.min()) / np.ptp(soft)
    return np.clip(20 + 120 * soft + noise.normal(0, 4, soft.shape), 0, 150).astype(np.uint8)


def written(pixels: np.ndarray, text: str, at: tuple[int, int], size: int, fill: int = 255) -> np.ndarray:
    picture = Image.fromarray(pixels)
    ImageDraw.Draw(picture).text(at, text, fill=fill, font=ImageFont.load_default(size))
    return np.array(picture)


@pytest.mark.parametrize("size", [12, 16, 24, 36])
@pytest.mark.parametrize("text", WORDS)
def test_names_and_dates_are_found(text: str, size: int) -> None:
    lines = find_text(written(film(), text, (20, 440), size))
    assert lines
    assert all(435 < line.top < line.bottom < 500 for line in lines)


def test_dark_letters_on_a_light_label_are_found() -> None:
    pixels = film()
    pixels[10:50, 10:300] = 240
    assert find_text(written(pixels, WORDS[0], (20, 15), 18, fill=0))


def test_sixteen_bits_negative_values_and_stacks() -> None:
    pixels = written(film(), WORDS[0], (20, 440), 18).astype(np.int16) * 10 - 1000
    assert find_text(pixels)
    assert find_text(np.stack([pixels] * 3))


def test_large_films_are_told_in_their_own_pixels() -> None:
    pixels = written(film(3000, 3600), WORDS[0], (2000, 100), 80)
    lines = find_text(pixels)
    assert lines
    assert all(90 < line.top < line.bottom < 220 and 1950 < line.left < line.right < 3400 for line in lines)


def test_a_side_marker_is_no_text() -> None:
    assert find_text(written(film(), "L", (500, 30), 40)) == []


@pytest.mark.parametrize("seed", range(4))
def test_grain_and_shadows_are_no_text(seed: int) -> None:
    assert find_text(film(seed=seed)) == []


def test_empty_and_odd_images() -> None:
    assert find_text(np.zeros((40, 40), np.uint8)) == []
    assert find_text(np.full((40, 40), np.nan, np.float32)) == []
    assert find_text(np.zeros((1, 1), bool)) == []


def test_real_films() -> None:
    """One of the twelve says "Bettaufnahme" (taken in bed), as somebody has seen; the others have markers."""
    assert [path.stem for path in FILMS if find_text(read_raster(path).pixels)] == ["436a6348"]
