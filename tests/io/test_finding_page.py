"""The page about a chest X-ray, read again by a program that did not write it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pypdfium2
import pytest

from napari_unet.core.calibration import Calibration
from napari_unet.core.errors import UserError
from napari_unet.core.finding_reading import FindingReading
from napari_unet.core.lung_thirds import lung_thirds
from napari_unet.core.prediction import Prediction
from napari_unet.core.raster import Raster
from napari_unet.core.second_reading import FindingCall
from napari_unet.io import fonts
from napari_unet.io.finding_page import PURPOSE, write_finding_page

SHAPE = (80, 60)


def found(**more: object) -> Prediction:
    cells = np.full((2, 8, 6), 0.02, np.float32)
    cells[:, 2, 1] = 0.9
    lungs = np.zeros(SHAPE, bool)
    lungs[10:70, 6:24] = lungs[10:60, 36:54] = True
    thirds = lung_thirds(lungs)
    assert thirds is not None
    reading = FindingReading(
        thirds, (10, 10), {"abnormal": "right upper"}, {"abnormal": 93}, {"abnormal": 0.6}
    )
    return Prediction(
        cells,
        shape=SHAPE,
        model="test-finding",
        version="3",
        task="classification",
        scores={"abnormal": 0.84, "nodule_or_mass": 0.1},
        reading=reading,
        **more,  # type: ignore[arg-type]
    )


def raster() -> Raster:
    return Raster(np.random.default_rng(0).integers(0, 255, SHAPE).astype(np.uint8))


def read(path: Path) -> str:
    """The words of the page; it is one."""
    document = pypdfium2.PdfDocument(path)
    assert len(document) == 1
    return " ".join(document[0].get_textpage().get_text_range().split())


def test_what_stands_on_the_page(tmp_path: Path) -> None:
    said = read(write_finding_page(tmp_path / "one.pdf", raster(), found(), title="Case 12"))
    for words in (
        *("Case 12", "test-finding 3", "abnormal 84 60 right upper", "nodule or mass 10 50 –"),
        *("higher than 93 of 100 normal images", "not a probability", "zones are not lobes"),
        *("right 1,080, left 900 pixels, whose size is not known", "Left and right are assumed", PURPOSE),
    ):
        assert words in said, words
    assert "First call" not in said and "Called by" not in said


def test_calls_thresholds_and_areas(tmp_path: Path) -> None:
    own = Calibration(
        "abnormal", "test-finding", "3", 0.3, (0.9, 0.8, 0.95), (0.5, 0.4, 0.6), 60, 70, "reference"
    )
    path = write_finding_page(
        tmp_path / "one.pdf",
        raster(),
        found(spacing_mm=(2.0, 2.0)),
        title="Case 1",
        reader="Ann",
        first={"abnormal": FindingCall(2, "right upper")},
        final={"abnormal": FindingCall(4)},
        calibrations=[own, replace(own, version="2", threshold=0.7)],
    )
    said = read(path)
    assert "abnormal 84 30 right upper probably absent, right upper probably present" in said
    assert "abnormal: threshold 30, by reference: 60 with, 70 without" in said and "70, by" not in said
    assert "right 43, left 36 cm²" in said and "Called by Ann." in said


def test_the_two_pictures_are_the_image_without_and_with_the_map(tmp_path: Path) -> None:
    path = write_finding_page(tmp_path / "one.pdf", raster(), found(), title="Case 1")
    page = pypdfium2.PdfDocument(path)[0]
    plain, warm = (
        np.asarray(picture.get_bitmap().to_pil().convert("RGB")).astype(int)
        for picture in page.get_objects(filter=[pypdfium2.raw.FPDF_PAGEOBJ_IMAGE])
    )
    assert plain.shape == warm.shape
    redder = (warm[..., 0] - warm[..., 2]) - (plain[..., 0] - plain[..., 2])
    rows, columns = (part // cells for part, cells in zip(plain.shape[:2], (8, 6), strict=True))
    hot = redder[2 * rows + 4 : 3 * rows - 4, columns + 4 : 2 * columns - 4]
    assert hot.mean() > 40
    redder[2 * rows - 8 : 3 * rows + 8, columns - 8 : 2 * columns + 8] = 0
    assert abs(redder).mean() < 5


def test_a_cool_map_is_said_to_be_drawn_nowhere(tmp_path: Path) -> None:
    cool = replace(found(), scores={"abnormal": 0.1, "nodule_or_mass": 0.05})
    said = read(write_finding_page(tmp_path / "one.pdf", raster(), cool, title="Case 1"))
    assert "stays under 15 of 100 everywhere" in said


def test_letters_that_no_font_has_are_question_marks_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fonts, "font_file", lambda korean: None)
    fonts.unicode_font.cache_clear()
    try:
        said = read(write_finding_page(tmp_path / "one.pdf", raster(), found(), title="환자 12 <b>"))
    finally:
        fonts.unicode_font.cache_clear()
    assert "?? 12 <b>" in said and fonts.LETTERS_UNKNOWN in said


def test_korean_names_are_drawn_where_the_computer_has_the_letters(tmp_path: Path) -> None:
    if fonts.unicode_font().shown("가") != "가":
        pytest.skip("no font with Korean letters on this computer")
    said = read(write_finding_page(tmp_path / "one.pdf", raster(), found(), title="사례 12"))
    assert "사례 12" in said and fonts.LETTERS_UNKNOWN not in said


def test_a_page_that_cannot_be_written_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "one.pdf"
    path.write_bytes(b"before")

    def full(file: Path, content: bytes) -> int:
        raise OSError(28, "No space left on device", str(file))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UserError, match="full"):
        write_finding_page(path, raster(), found(), title="Case 1")
    assert path.read_bytes() == b"before" and list(tmp_path.iterdir()) == [path]
