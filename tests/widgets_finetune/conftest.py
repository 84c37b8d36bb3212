"""A viewer with the Fine-tune dock, a project, and engines that do what the test says."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

import pytest
from finetune_fakes import FakeEngine, FakeEngines, add_model
from npe2 import PluginManager
from qtpy.QtWidgets import QApplication

from napari_unet.widgets import session as session_module
from napari_unet.widgets.finetune import FineTuneWidget
from napari_unet.widgets.finetune import training as training_module


@pytest.fixture
def qtbot(qtbot, monkeypatch):
    """Waits a minute where it would wait five seconds: the machine may be busy."""
    monkeypatch.setattr(qtbot, "waitUntil", partial(qtbot.waitUntil, timeout=60_000))
    return qtbot


@pytest.fixture(autouse=True)
def preferences_of_this_test(tmp_path, monkeypatch):
    """napari's own settings, in a folder of the test's: whoever runs it has preferences of their own."""
    from napari import settings

    PluginManager.instance().discover()
    settings._clear_plugin_settings_cache()
    monkeypatch.setattr(settings, "_CFG_PATH", str(tmp_path / "napari" / "settings.yaml"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    yield
    settings._clear_plugin_settings_cache()


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
        made.append(FakeEngine(**options))
        return made[-1]

    monkeypatch.setattr(training_module, "ChildEngine", make)
    yield made
    for engine in made:
        engine.close()


@pytest.fixture
def others(monkeypatch):
    """The session's engine: segmenting and first masks."""
    made = FakeEngine()
    monkeypatch.setattr(session_module, "ChildEngine", lambda **options: made)
    yield made
    made.close()


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer(show=True)


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
    clerks = [dock._session.casework.link.clerk for dock in opened if dock._is_open]
    for dock in opened:
        with suppress(RuntimeError):  # it went with its window
            dock.setParent(None)
    for clerk in clerks:
        if clerk is not None:
            assert clerk.join(20)
    QApplication.processEvents()


@pytest.fixture
def dock(open_dock):
    return open_dock()
