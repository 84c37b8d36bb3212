"""A viewer with the Segment dock and an engine that does what the test says."""

from __future__ import annotations

import numpy as np
import pytest
from casework_fakes import Review
from dock_fakes import fake_engine, settle, two_lungs
from job_fakes import FakeJob
from qtpy.QtCore import QSettings

from napari_unet.models.card import ModelCard
from napari_unet.models.folder import CARD_FILE
from napari_unet.widgets import session as session_module
from napari_unet.widgets.common import run_on
from napari_unet.widgets.review import ReviewWidget
from napari_unet.widgets.review import start as review_settings
from napari_unet.widgets.segment import SegmentWidget


@pytest.fixture(autouse=True)
def own_review_settings(own_preferences, tmp_path, monkeypatch):
    """Whoever runs the tests has preferences, a name and projects of their own."""

    def own(name: str) -> QSettings:
        return QSettings(str(tmp_path / f"{name}.ini"), QSettings.Format.IniFormat)

    monkeypatch.setattr(review_settings, "_settings", lambda: own("review"))
    monkeypatch.setattr(run_on, "_settings", lambda: own("run_on"))


@pytest.fixture
def models(tmp_path, monkeypatch):
    """A library of the user's own with one model, "test-lung"."""
    folder = tmp_path / "models"
    (folder / "test-lung").mkdir(parents=True)
    card = ModelCard(
        name="test-lung",
        title="Lungs, for tests",
        use="frontal chest X-rays of adults",
        protocol="Visible lung fields; the heart is left out.",
        views=("PA", "AP"),
        data=({"name": "Nowhere", "images": 3, "licence": "CC0"},),
        scores=(
            {"set": "Nowhere", "n": 3, "mean": 0.97, "median": 0.98, "worst": 0.91, "share_under_090": 0.0},
        ),
    )
    (folder / "test-lung" / CARD_FILE).write_text(card.model_dump_json())
    monkeypatch.setenv("NAPARI_UNET_MODELS", str(folder))
    return folder


@pytest.fixture
def engine(monkeypatch):
    """Every session's engine."""
    made = fake_engine()
    monkeypatch.setattr(session_module, "ChildEngine", lambda **options: made)
    yield made
    made.close()


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer(show=True)


@pytest.fixture
def dock(viewer, engine, models, qtbot):
    """The dock in its viewer, ready to be used; the model is "test-lung"."""
    widget = SegmentWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Segment")
    widget.model.setCurrentText("test-lung")
    qtbot.waitUntil(lambda: widget.device.count() == 2)
    return widget


@pytest.fixture
def click_segment(dock, engine, qtbot):
    """Click on Segment and wait until the engine has the request; returns it."""

    def click() -> FakeJob:
        before = len(engine.jobs)
        dock.run.click()
        qtbot.waitUntil(lambda: len(engine.jobs) == before + 1)
        return engine.jobs[-1]

    return click


@pytest.fixture
def segmented(dock, viewer, click_segment, qtbot):
    """Add an image, segment it; returns (image layer, mask layer)."""

    def segment(shape=(64, 80), **options):
        image = viewer.add_image(np.zeros(shape, np.uint8), name="chest", **options)
        job = click_segment()
        job.end(two_lungs(shape[-2:] if "This" in dock.slices.currentText() else shape))
        qtbot.waitUntil(lambda: dock.run.isEnabled())
        settle(qtbot, dock)
        return image, viewer.layers[-1]

    return segment


@pytest.fixture
def told(monkeypatch):
    """What was shown as a napari notification."""
    texts: list[str] = []
    monkeypatch.setattr("napari_unet.widgets.segment.dock.show_error", texts.append)
    return texts


@pytest.fixture
def review(viewer, engine, qtbot, tmp_path, monkeypatch):
    """A review in the viewer; nothing is opened yet, see Review.start."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    made = Review(viewer, qtbot, tmp_path / "project")
    yield made
    made.close()


@pytest.fixture
def review_dock(viewer, engine, models, qtbot):
    """The Review dock in its frame."""
    widget = ReviewWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Review", area="right")
    return widget
