"""A viewer with the Fine-tune dock, a project, and engines that do what the test says."""

from __future__ import annotations

from contextlib import suppress

import pytest
from finetune_fakes import FakeEngines, add_model, fake_engine
from qtpy.QtWidgets import QApplication

from napari_unet.widgets.finetune import FineTuneWidget
from napari_unet.widgets.finetune import training as training_module


@pytest.fixture(autouse=True)
def own_home(own_preferences, tmp_path, monkeypatch):
    """Whoever runs the tests has preferences and projects of their own."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))


@pytest.fixture
def library(tmp_path, monkeypatch):
    """The user's own models: one, "test-lung"."""
    folder = tmp_path / "models"
    add_model(folder, "test-lung")
    monkeypatch.setenv("NAPARI_UNET_MODELS", str(folder))
    return folder


@pytest.fixture
def engines(monkeypatch):
    """Every engine that is made for training; the session's own are kept apart."""
    made = FakeEngines()

    def make(**options):
        made.append(fake_engine(**options))
        return made[-1]

    monkeypatch.setattr(training_module, "ChildEngine", make)
    yield made
    for engine in made:
        engine.close()


@pytest.fixture
def others(engine):
    """The session's engine: segmenting and first masks."""
    return engine


@pytest.fixture
def open_dock(viewer, library, engines, others, qtbot):
    """Open the dock; all that are open are closed at the end, and what they write is waited for."""
    opened = []

    def make() -> FineTuneWidget:
        widget = FineTuneWidget(viewer)
        viewer.window.add_dock_widget(widget, name="Fine-tune")
        widget.setup.model.setCurrentText("test-lung")
        opened.append(widget)
        return widget

    yield make
    workers = [dock._session.casework.connection.worker for dock in opened if dock._is_open]
    for dock in opened:
        with suppress(RuntimeError):  # it went with its window
            dock.setParent(None)
    for worker in workers:
        if worker is not None:
            assert worker.join(20)
    QApplication.processEvents()


@pytest.fixture
def dock(open_dock):
    return open_dock()
