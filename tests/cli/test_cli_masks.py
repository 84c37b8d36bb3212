"""One rule for masks in every command: what was assumed is on stderr, what cannot be known is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from net_fakes import saved, xray
from PIL import Image

from napari_unet.core.input_rule import InputRule
from napari_unet.core.intensity import IntensityRule
from napari_unet.core.metrics import dice
from napari_unet.review.store import ReviewProject

Run = Callable[..., Result]
CASES = Path(__file__).parents[1] / "data" / "cases"
HARD = np.asarray(Image.open(CASES / "mask_hard.png")) > 0
SOFT = "mask_soft.png", "It is not a clean two-value mask"
OPACITY = "mask_in_opacity.png", "its opacity varies: the opacity was taken as the mask"
GREYS = "mask_100_200.jpg", "The mask holds the values 1, 2, 3, 4, 5, ..."


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two X-rays, an empty folder for masks, and a tiny model in the library."""
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    for k in range(2):
        pixels = np.rint(xray(HARD, k) * 255).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / "images" / f"{k}.png")
    saved(
        tmp_path / "models" / "tiny",
        input=InputRule(size=(32, 32)),
        intensity=IntensityRule("percentiles", 0.5, 99.5),
    )
    monkeypatch.setenv("NAPARI_UNET_MODELS", str(tmp_path / "models"))
    return tmp_path


def put(folder: Path, *masks: str) -> Path:
    for number, name in enumerate(masks):
        (folder / "masks" / f"{number}{Path(name).suffix}").write_bytes((CASES / name).read_bytes())
    return folder / "masks"


def told(result: Result) -> str:
    return " ".join(result.stderr.split())


def test_review_add(run: Run, folder: Path) -> None:
    project = folder / "project"
    run("review", "new", project)
    masks = put(folder, SOFT[0], OPACITY[0])
    result = run("review", "add", project, folder / "images", "--masks", masks)
    assert result.exit_code == 0, result.output
    assert f"Case 1: {SOFT[1]}" in told(result) and OPACITY[1] in told(result)
    with ReviewProject.open(project) as opened:
        for case in opened.cases():
            labels = opened.read_mask(case.revision)
            assert set(np.unique(labels)) == {0, 1} and dice(labels > 0, HARD) > 0.999


def test_review_add_refuses(run: Run, folder: Path) -> None:
    project = folder / "project"
    run("review", "new", project)
    masks = put(folder, GREYS[0])
    result = run("review", "add", project, folder / "images", "--masks", masks, "--model", "none")
    assert result.exit_code == 1
    assert f"Case 1: {GREYS[1]}" in told(result)


def test_compare(run: Run, folder: Path) -> None:
    masks = put(folder, SOFT[0], GREYS[0])
    result = run("compare", "tiny", "tiny", "--images", folder / "images", "--masks", masks)
    assert result.exit_code == 1  # for the second
    assert f"Case 0: {SOFT[1]}" in told(result) and f"Case 1: {GREYS[1]}" in told(result)
    assert "of 1 case)" in result.stdout


def test_simulate(run: Run, folder: Path) -> None:
    masks = put(folder, SOFT[0], GREYS[0])
    result = run("simulate", folder / "images", "--masks", masks, "-o", folder / "out", "--model", "tiny")
    assert result.exit_code == 1  # one is too few
    assert f"0: {SOFT[1]}" in told(result) and f"1: {GREYS[1]}" in told(result)
