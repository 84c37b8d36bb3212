"""The whole loop: the shipped model, real X-rays, strokes of a mouse, a real training."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from finetune_fakes import add_model, make_project
from mouse_strokes import LEFT, paint
from training_clicks import train

from napari_unet.core.errors import UserError
from napari_unet.models.library import default_library
from napari_unet.review.types import AuthorKind, Status
from napari_unet.widgets.finetune import FineTuneWidget

XRAYS = Path(__file__).parents[2] / "data" / "covid" / "images"
LONG = 900_000  # milliseconds: the machine may be busy


@pytest.fixture
def dock(make_napari_viewer, tmp_path, monkeypatch):
    """The dock in a window of its own, with real engines and an empty library of the user's own."""
    monkeypatch.setenv("NAPARI_UNET_MODELS", str(tmp_path / "models"))
    try:
        default_library().find("cxr-lung").verify()
    except UserError as error:
        pytest.skip(f"no shipped model: {error}")
    viewer = make_napari_viewer(show=True)
    widget = FineTuneWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Fine-tune")
    yield widget
    worker = widget._session.casework.connection.worker
    widget.setParent(None)
    if worker is not None:
        assert worker.join(60)


@pytest.mark.slow
def test_two_corrected_cases_become_a_model_that_is_taken_and_given_back(dock, qtbot, tmp_path):
    viewer, work = dock._viewer, dock._session.casework
    work.set_reviewer("Ann")
    work.create_project(tmp_path / "ward review")
    qtbot.waitUntil(lambda: work.project is not None)
    work.importer.add_images(sorted(XRAYS.glob("*.png"))[:4], model="cxr-lung")
    qtbot.waitUntil(
        lambda: len(work.cases) == 4 and all(case.revision for case in work.cases.values()), timeout=LONG
    )
    ids = list(work.cases)
    for id in ids[:2]:
        work.navigator.open_case(id)
        qtbot.waitUntil(lambda id=id: work.current is not None and work.current.id == id)
        height, width = work.current_layer.data.shape
        before = work.current_layer.data.copy()
        paint(viewer, work.current_layer, (0.85 * height, 0.45 * width), (0.85 * height, 0.55 * width))
        qtbot.waitUntil(lambda before=before: (work.current_layer.data != before).any())
        told = []
        work.failed.connect(told.append)
        work.decisions.accept()
        qtbot.waitUntil(lambda id=id, told=told: bool(told) or work.cases[id].status is Status.CORRECTED)
        work.failed.disconnect(told.append)
        if told:  # what was painted is not lung; a second time accepts it
            work.decisions.accept()
        qtbot.waitUntil(lambda id=id: work.cases[id].status is Status.CORRECTED)
    qtbot.waitUntil(lambda: "2 cases of 2 patients" in dock.setup.source.says.text())
    train(dock, qtbot, steps=4, patience_ms=LONG)
    assert {step.part for step in dock.training.progress.steps} == {1, 2, 3}
    assert dock.training.progress.preview is not None
    yours, _, reference, *_ = dock.training.result.report.evidence
    assert {case.id for case in yours.cases} == set(ids[:2])
    assert len(reference.cases) == 8
    assert dock.acceptance.isVisible() and dock.acceptance.verdict.text()
    name = dock.training.result.card.name

    (untouched,) = (id for id in ids[2:] if id != work.current.id)  # the other one is open

    def predicted_by(model: str) -> bool:
        case = work.project.case(untouched)
        return work.project.revision(case.revision).author.name == model

    assert predicted_by("cxr-lung")
    people = [work.project.case(id).revision for id in ids[:2]]
    qtbot.mouseClick(dock.acceptance.take, LEFT)
    qtbot.waitUntil(lambda: default_library().current() == name)
    qtbot.waitUntil(lambda: dock._session.model == name)
    qtbot.waitUntil(lambda: predicted_by(name), timeout=LONG)
    qtbot.waitUntil(lambda: not work.masks.first_masks.running, timeout=LONG)
    assert [work.project.case(id).revision for id in ids[:2]] == people
    assert all(work.project.revision(revision).author.kind is AuthorKind.PERSON for revision in people)
    qtbot.mouseClick(dock.in_use.back, LEFT)
    qtbot.waitUntil(lambda: dock._session.model == "cxr-lung")
    assert default_library().current() == "cxr-lung"
    qtbot.waitUntil(lambda: predicted_by("cxr-lung"), timeout=LONG)
    assert default_library().find(name).folder.is_dir()


def test_the_dock_opens_where_torch_cannot_be_imported(tmp_path):
    make_project(tmp_path / "ward", accepted=3)
    add_model(tmp_path / "models", "test-lung")
    script = f"""
import sys, time, os

class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "torch":
            raise ImportError("torch in the window's process")

sys.meta_path.insert(0, NoTorch())
from pathlib import Path
import napari
from qtpy.QtWidgets import QApplication
from napari_unet.core.acceptance_report import AcceptanceReport
from napari_unet.widgets.finetune import FineTuneWidget
viewer = napari.Viewer(show=True)
dock = FineTuneWidget(viewer)
viewer.window.add_dock_widget(dock, name="Fine-tune")
work = dock._session.casework
work.open_project(Path({str(tmp_path / "ward" / "ward review")!r}))
end = time.monotonic() + 60
while "3 cases of 3 patients" not in dock.setup.source.says.text() or not dock.setup.start.isEnabled():
    QApplication.processEvents()
    assert time.monotonic() < end
dock.run.curves.show()
while not dock.run.curves._plots:
    dock.run.show()
    QApplication.processEvents()
    assert time.monotonic() < end
assert "torch" not in sys.modules
os._exit(0)  # Qt's objects go in any order at the end of a process that napari.run never ran
"""
    environment = os.environ | {"NAPARI_UNET_MODELS": str(tmp_path / "models")}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, env=environment
    )
    assert done.returncode == 0, done.stderr[-3000:]
