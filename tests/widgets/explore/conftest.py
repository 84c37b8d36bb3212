"""The dock on a small X-ray, with small models of every kind; answers come from the real handlers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from inside_models import chest, lineage
from job_fakes import FakeEngine, until_calm
from qtpy.QtWidgets import QLabel

from napari_unet.core.steps import run
from napari_unet.engine.handlers import HANDLERS, handler_of
from napari_unet.models.library import default_library
from napari_unet.widgets import session as session_module
from napari_unet.widgets.explore import ExploreWidget

ANSWERED = ("anatomy", "inside", "tour_stop", "lineage")


@pytest.fixture(scope="session")
def small_models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("explore")
    lineage(folder)
    return folder


def answer(kind: str, arguments: dict[str, Any]) -> Any:
    """What the engine would say; a UserError is what the job ends with."""
    arguments = arguments | {"device": "cpu"} if kind != "anatomy" else arguments
    if kind == "tour_stop":
        arguments = arguments | {"seconds": 0.2, "ct": None}
    try:
        steps = handler_of(kind, HANDLERS)(**arguments)
        return run(steps) if hasattr(steps, "send") else steps
    except Exception as error:
        return error


@pytest.fixture
def real_engine(monkeypatch, small_models):
    """Every session's engine: what is in `answers` is done at once, the rest waits for the test."""
    monkeypatch.setenv("NAPARI_UNET_MODELS", str(small_models))
    made = FakeEngine({kind: partial(answer, kind) for kind in ANSWERED})
    monkeypatch.setattr(session_module, "ChildEngine", lambda **options: made)
    yield made
    made.close()


class Explorer:
    """The dock and what a person does with it."""

    def __init__(self, viewer: Any, engine: FakeEngine, qtbot: Any) -> None:
        self.viewer, self.engine, self._qtbot = viewer, engine, qtbot
        self.image = viewer.add_image(chest().pixels, name="chest")
        self.dock = ExploreWidget(viewer)
        viewer.window.add_dock_widget(self.dock, name="Inside the network")
        self.calm()

    def calm(self) -> None:
        """Wait until every question is answered."""
        until_calm(self._qtbot, lambda: not self.dock.is_busy)

    def choose(self, model: str) -> None:
        self.dock.model.choose(model)
        self.calm()

    def answer(self, question: Any) -> Any:
        """What the engine says of the network in view."""
        sight = self.dock.inquiry.sight()
        return answer("inside", {"question": question, "library": default_library(), **sight.arguments()})

    def words(self, name: str) -> str:
        return self.dock.findChild(QLabel, name).text()

    def named(self, start: str) -> list[Any]:
        return [layer for layer in self.viewer.layers if layer.name.startswith(start)]


@pytest.fixture
def explorer(viewer, real_engine, qtbot) -> Explorer:
    made = Explorer(viewer, real_engine, qtbot)
    made.choose("lineage-residual")
    return made


@pytest.fixture
def wait(qtbot) -> Callable[[Callable[[], bool]], None]:
    return qtbot.waitUntil
