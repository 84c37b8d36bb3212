"""`napari-unet-lung tour`: pictures and a page, in both languages, whatever models are there."""

from __future__ import annotations

from pathlib import Path

import pytest
from inside_models import lineage
from korean_font import need_korean_font
from PIL import Image
from typer.testing import CliRunner

from napari_unet.cli.main import app
from napari_unet.core.errors import UserError
from napari_unet.inference.inside import tour as stops
from napari_unet.tour.picture import WIDTH


@pytest.fixture(autouse=True)
def quickly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("lineage-alexnet", "lineage-ciresan", "lineage-encoder-decoder", "lineage-residual")
    lineage(tmp_path / "models", *names)
    monkeypatch.setenv("NAPARI_UNET_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(stops, "UNET_2015", "lineage-unheard-of")


def walk(*arguments: str) -> object:
    return CliRunner().invoke(app, ["tour", "--device", "cpu", *arguments], catch_exceptions=False)


def test_ten_pictures_and_a_page(tmp_path: Path) -> None:
    done = walk("-o", str(tmp_path / "out"))
    assert done.exit_code == 0, done.output  # type: ignore[attr-defined]
    pictures = sorted(path.name for path in (tmp_path / "out").glob("*.png"))
    assert pictures == [f"stop-{number:02d}.png" for number in range(1, 11)]
    for name in pictures:
        with Image.open(tmp_path / "out" / name) as picture:
            assert picture.width == WIDTH and picture.height > 200
    page = (tmp_path / "out" / "tour.html").read_text(encoding="utf-8")
    assert all(f'src="{name}"' in page for name in pictures) and '<html lang="en">' in page
    assert "Not in the library: lineage-unheard-of" in page, "what is not there is said"
    assert "lineage-unheard-of" in done.output  # type: ignore[attr-defined]


def test_in_korean(tmp_path: Path) -> None:
    need_korean_font()
    done = walk("-o", str(tmp_path / "out"), "--language", "ko")
    assert done.exit_code == 0, done.output  # type: ignore[attr-defined]
    page = (tmp_path / "out" / "tour.html").read_text(encoding="utf-8")
    assert '<html lang="ko">' in page and "Convolution의 역연산" in page
    assert "의사가 읽고 확인하지 않았습니다" in page


def test_wrong_usage(tmp_path: Path) -> None:
    assert walk("-o", str(tmp_path), "--language", "fr").exit_code == 2  # type: ignore[attr-defined]
    from napari_unet.samples import CT

    with pytest.raises(UserError, match="single X-ray"):
        walk("-o", str(tmp_path), "--image", str(CT.image))


def test_the_window_does_not_run_for_ever() -> None:
    assert 0 < stops.WINDOW_S <= 0.5  # a stop takes a second at most
