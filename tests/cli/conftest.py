"""The command line in this process, with a segmentation that needs no model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from PIL import Image
from typer.testing import CliRunner

from napari_unet.cli.main import app
from napari_unet.core.errors import UserError
from napari_unet.core.events import TileDone
from napari_unet.core.label_set import RIGHT_AND_LEFT, LabelSet
from napari_unet.core.masks import MaskRule
from napari_unet.core.prediction import Prediction, in_bytes
from napari_unet.core.raster import Raster

Run = Callable[..., Result]


@pytest.fixture
def run() -> Run:
    """Runs the command line with the arguments given, as text."""

    def invoke(*arguments: object) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return invoke


@pytest.fixture
def bright_is_lung(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replaces input check and network: pixels over 128 are lung; flat images are refused."""
    from napari_unet.cli import segment_cmd, watch_cmd
    from napari_unet.inference import segment

    def steps(raster: Raster, *, threshold: float | None = None, **_: Any) -> Iterator[TileDone]:
        if not np.isfinite(raster.pixels).all() or np.ptp(raster.pixels) == 0:
            raise UserError("This image is empty.", "Open another one.")
        yield TileDone(1, 1)
        return Prediction(  # type: ignore[return-value]
            (raster.pixels[None] / np.float32(255)).astype(np.float32),
            spacing_mm=raster.spacing_mm,
            threshold=0.5 if threshold is None else threshold,
            model="bright",
            version="7",
            notes=("A note.",),
            row_direction=raster.row_direction,
        )

    monkeypatch.setattr(segment, "segment_steps", steps)
    for command in (segment_cmd, watch_cmd):
        monkeypatch.setattr(command, "check_model", lambda *given: None)


@pytest.fixture
def seen(bright_is_lung: None, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stems of the images that a batch has read."""
    from napari_unet.cli import case_batch

    read, found = case_batch.read_raster, []

    def notes(source: Any) -> Any:
        found.append(source.path.stem)
        return read(source)

    monkeypatch.setattr(case_batch, "read_raster", notes)
    return found


@pytest.fixture
def air_is_lung(monkeypatch: pytest.MonkeyPatch) -> list[LabelSet]:
    """Replaces input check and network for CT: air has label 1 in the first columns, and 2 in the last ones.

    The list holds the labels of the model, at first right and left lung.
    """
    from napari_unet.cli import segment_cmd
    from napari_unet.inference import segment

    labels = [RIGHT_AND_LEFT]

    def steps(raster: Raster, **_: Any) -> Iterator[TileDone]:
        air = raster.pixels < -500
        first = np.arange(raster.shape[-1]) < raster.shape[-1] // 2
        yield TileDone(len(air), len(air))
        return Prediction(  # type: ignore[return-value]
            in_bytes(np.stack([air & first, air & ~first])),
            label_set=labels[0],
            rule=MaskRule(largest_parts=1, per_slice=False),
            spacing_mm=raster.spacing_mm,
            row_direction=raster.row_direction,
            model="sides",
            version="1",
        )

    monkeypatch.setattr(segment, "segment_steps", steps)
    monkeypatch.setattr(segment_cmd, "check_model", lambda *given: None)
    return labels


@pytest.fixture
def two_lungs() -> np.ndarray:
    """uint8 (40, 60): two bright blocks of 20 × 12 pixels on dark ground."""
    pixels = np.full((40, 60), 20, np.uint8)
    pixels[10:30, 8:20] = 200
    pixels[10:30, 40:52] = 220
    return pixels


@pytest.fixture
def save(tmp_path: Path, two_lungs: np.ndarray) -> Callable[..., Path]:
    """Saves pixels (default: two lungs) under a name in the folder `in`."""

    def write(name: str, pixels: np.ndarray | None = None) -> Path:
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(two_lungs if pixels is None else pixels).save(path)
        return path

    return write
