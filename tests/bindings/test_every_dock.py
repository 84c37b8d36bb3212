"""Each dock from the menu, a stroke, a decision and a fine-tune, once: `make test` does this with PyQt6."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mouse_strokes import LEFT, paint
from qtpy.QtCore import QSettings, Qt
from training_clicks import train

from napari_unet.core.errors import UserError
from napari_unet.io.formats import read_mask
from napari_unet.models.library import default_library
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import Author, AuthorKind, NewCase, Status
from napari_unet.widgets.review import start as review_settings

TESTS = Path(__file__).parents[1]
COVID = TESTS / "data" / "covid"
DOCKS = ("Segment", "Review", "Correct", "Fine-tune")


@pytest.fixture
def project(own_preferences, tmp_path, monkeypatch) -> Path:
    """A project of three X-rays with a model's mask each, two of them accepted; the user has nothing else."""
    monkeypatch.setenv("NAPARI_UNET_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    ini = QSettings(str(tmp_path / "review.ini"), QSettings.Format.IniFormat)
    monkeypatch.setattr(review_settings, "_settings", lambda: ini)
    try:
        default_library().find("cxr-lung").verify()
    except UserError as error:
        pytest.skip(f"no shipped model: {error}")
    with ReviewProject.create(tmp_path / "ward") as made:
        for number, image in enumerate(sorted((COVID / "images").iterdir())[:3]):
            ((id, _),) = made.add([NewCase(str(image), f"P{number}")], "Ann")
            mask = read_mask(next((COVID / "masks").glob(f"{image.stem}*")))
            made.add_revision(id, (mask > 0).astype("uint8"), Author(AuthorKind.MODEL, "cxr-lung", "1"))
            if number:
                made.decide(id, Status.ACCEPTED, "Ann")
    return tmp_path / "ward"


@pytest.fixture
def docks(project, make_napari_viewer, qtbot):
    """All docks by name, opened from the menu, with the project's first case that waits."""
    viewer = make_napari_viewer(show=True)
    opened = {}
    for name in DOCKS:
        _, opened[name] = viewer.window.add_plugin_dock_widget("napari-unet-lung", name)
        qtbot.waitUntil(opened[name].isVisible)
    work = opened["Review"].casework
    work.set_reviewer("Ann")
    work.open_project(project)
    qtbot.waitUntil(lambda: work.current is not None and len(work.cases) == 3)
    yield opened
    worker = work.connection.worker
    for dock in opened.values():
        viewer.window.remove_dock_widget(dock)
    assert worker.join(60)


def test_a_stroke_and_a_decision(docks, qtbot):
    work, viewer = docks["Review"].casework, docks["Review"]._viewer
    first, layer = work.current.id, work.current_layer
    qtbot.waitUntil(lambda: layer in viewer.layers)

    before = layer.data.copy()
    rows, columns = np.nonzero(before)
    inmost = abs(columns - before.shape[1] / 2).argmin()  # at the edge of a lung: it stays one part
    row, column = rows[inmost], columns[inmost]
    paint(viewer, layer, (row, column), (row + 10, column))
    qtbot.waitUntil(lambda: (layer.data != before).any())

    qtbot.keyClick(viewer.window._qt_viewer.canvas.native, Qt.Key.Key_A)
    qtbot.waitUntil(lambda: work.cases[first].status is Status.CORRECTED)


@pytest.fixture
def tiny(project) -> str:
    """A model of a few weights in the library, made in another process: the window's imports no torch."""
    make = """
from tuning_fakes import parent
from napari_unet.core.intensity import IntensityRule
from napari_unet.models.library import default_library
parent(default_library(), intensity=IntensityRule("percentiles", 0, 100))
"""
    paths = [str(TESTS), str(TESTS / "training"), *filter(None, sys.path)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    subprocess.run([sys.executable, "-c", make], env=environment, check=True)
    return "tiny"


def test_a_fine_tune_of_two_steps(tiny, docks, qtbot):
    dock = docks["Fine-tune"]
    dock.setup.model.setCurrentText(tiny)
    train(dock, qtbot, steps=2, patience_ms=240_000)
    assert max(step.step for step in dock.training.progress.steps) == 2
    assert dock.acceptance.isVisible() and dock.acceptance.verdict.text()
    qtbot.mouseClick(dock.acceptance.take, LEFT)
    qtbot.waitUntil(lambda: default_library().current() == dock.training.result.card.name)
