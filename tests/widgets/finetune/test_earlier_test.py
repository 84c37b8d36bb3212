"""A model of an earlier version is offered the acceptance test of today, in the Fine-tune dock."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from evidence_fakes import masks
from finetune_fakes import add_model, make_project, result_of
from qtpy.QtCore import Qt

from napari_unet.core.acceptance_report import AcceptanceReport
from napari_unet.core.drift import Drift, DriftCase
from napari_unet.core.errors import UserError
from napari_unet.core.events import CaseDone
from napari_unet.models.card import ModelCard
from napari_unet.models.folder import CARD_FILE, read_card
from napari_unet.models.library import default_library
from napari_unet.widgets.finetune import FineTuneWidget
from napari_unet.widgets.finetune.training import Stage
from napari_unet.widgets.model_box import details

LEFT = Qt.MouseButton.LeftButton
FROZEN = Path(__file__).parents[2] / "data" / "frozen"
XRAY = {"parent": "test-lung", "modalities": ("CR",)}
SEEN = (Drift("the travel set", (DriftCase("a child", 0.95),)),)


def report(drift: tuple[Drift, ...] = ()) -> AcceptanceReport:
    evidence = masks("your images", [(0.8, 0.9)] * 6, [(9.0, 4.0)] * 6, ids=[f"c{k}" for k in range(6)])
    return AcceptanceReport("test-lung", "child", evidence, drift)


@pytest.fixture
def child(library):
    """A child of test-lung as an earlier version tested it."""
    return add_model(library, "child", gate=report(), **XRAY)


@pytest.fixture
def offered(child, dock, engines, qtbot):
    """The dock with the child chosen; a function presses the button and gives the job."""
    dock.setup.model.setCurrentText("child")
    qtbot.waitUntil(dock.earlier_test.test.isVisible)
    assert dock.earlier_test.test.isEnabled()

    def press():
        qtbot.mouseClick(dock.earlier_test.test, LEFT)
        qtbot.waitUntil(lambda: bool(engines.jobs) and engines.jobs[-1]._progress is not None)
        return engines.jobs[-1]

    return press


def finished(job, library, folder, **options):
    """What the engine would return, the card written."""
    made = result_of(
        SimpleNamespace(arguments={"name": "trial", "pairs": []}), library, drift=SEEN, **options
    )
    shutil.rmtree(made.folder)
    found = replace(made.report, child="child", evidence=report().evidence + made.report.evidence[2:])
    card = read_card(folder).model_copy(update={"gate": found})
    (folder / CARD_FILE).write_text(card.model_dump_json())
    job.end(replace(made, card=card, folder=folder, report=found, train_seconds=0.0))


def test_it_is_offered_only_where_there_is_more_to_test(child, dock, library, qtbot):
    qtbot.waitUntil(dock.setup.start.isVisible)
    assert not dock.earlier_test.test.isVisible()  # test-lung has no parent
    add_model(library, "newer", gate=report(SEEN), **XRAY)
    add_model(library, "lost", gate=report(), parent="nobody", modalities=("CR",))
    add_model(library, "of-ct", gate=report(), parent="test-lung", modalities=("CT",))
    dock.setup.model.reload()
    for name, there in (("child", True), ("newer", False), ("lost", False), ("of-ct", False)):
        dock.setup.model.setCurrentText(name)
        assert dock.earlier_test.test.isVisible() == there, name
    assert "by an earlier program version" in details(read_card(child))
    assert "by an earlier program version" not in details(default_library().find("newer").card)


def test_from_the_click_to_the_report_and_the_model_taken(offered, child, dock, library, qtbot):
    job = offered()
    assert job.kind == "retest"
    assert job.arguments["model"] == str(child) and job.arguments["untouched"] == []
    assert dock.training.stage is Stage.RUNNING and dock.run.isVisible()
    assert "child</b> is tested against test-lung" in dock.run.title.text()
    assert not dock.run.pause.isVisible() and not dock.run.stop.isVisible() and dock.run.cancel.isVisible()
    job.tell(CaseDone("a child", 3, 12))
    qtbot.waitUntil(lambda: dock.run.where.text() == "Comparing both models: 3 of 12")
    assert dock.run.bar.value() == 25
    default_library().use("test-lung")
    dock._session.use_model("test-lung")
    finished(job, library, child)
    qtbot.waitUntil(dock.acceptance.isVisible)
    assert "tested in" in dock.acceptance.title.text()
    assert (dock.acceptance.take.text(), dock.acceptance.keep.text()) == ("Use it", "Keep the current one")
    assert "tested just now" in dock.acceptance.explained.text()
    qtbot.mouseClick(dock.acceptance.take, LEFT)
    qtbot.waitUntil(lambda: default_library().current() == "child")
    qtbot.waitUntil(dock.setup.isVisible)
    assert not dock.earlier_test.test.isVisible()
    assert "without images from other hospitals" not in details(default_library().find("child").card)


@pytest.mark.parametrize(("button", "after"), [("take", "child"), ("keep", "test-lung")])
def test_a_model_in_use_stays_or_its_parent_takes_its_place(
    offered, child, dock, library, qtbot, button, after
):
    default_library().use("child")
    finished(offered(), library, child)
    qtbot.waitUntil(dock.acceptance.isVisible)
    assert dock.acceptance.take.text() == "Keep using it"
    assert dock.acceptance.keep.text() == "Use its parent again"
    qtbot.mouseClick(getattr(dock.acceptance, button), LEFT)
    qtbot.waitUntil(lambda: dock.setup.isVisible() and dock._session.model == after)
    assert default_library().current() == after


def test_a_test_that_fails_is_told_and_offered_again(offered, child, dock, qtbot):
    before = (child / CARD_FILE).read_bytes()
    offered().end(UserError("The weights are damaged.", "Install the model again."))
    qtbot.waitUntil(lambda: "The weights are damaged." in dock.message.text())
    assert dock.training.stage is Stage.IDLE and dock.earlier_test.test.isEnabled()
    assert (child / CARD_FILE).read_bytes() == before


def test_a_test_that_is_cancelled_leaves_everything(offered, dock, qtbot):
    job = offered()
    qtbot.mouseClick(dock.run.cancel, LEFT)
    assert job.cancelled
    qtbot.waitUntil(lambda: dock.training.stage is Stage.IDLE)
    assert "the model's card is as before" in dock.status.text()
    assert dock.earlier_test.test.isVisible() and dock.earlier_test.test.isEnabled()


def test_started_twice_is_once(offered, dock, engines, qtbot):
    offered()
    dock.earlier_test.test.click()
    qtbot.waitUntil(lambda: "under way already" in dock.message.text())
    assert [job.kind for job in engines.jobs] == ["retest"]


def test_untouched_images_of_the_open_project_are_looked_at(offered, dock, engines, qtbot, tmp_path):
    ids = make_project(tmp_path / "ward", accepted=2, new=3)
    work = dock._session.casework
    work.set_reviewer("Ann")
    work.open_project(tmp_path / "ward" / "ward review")
    qtbot.waitUntil(lambda: work.project is not None and len(work.cases) == 5)
    qtbot.mouseClick(dock.earlier_test.test, LEFT)
    dock.earlier_test.test.click()  # while the project is asked: once is enough
    qtbot.waitUntil(lambda: bool(engines.jobs) and engines.jobs[-1]._progress is not None)
    (job,) = engines.jobs
    assert {pair.id for pair in job.arguments["untouched"]} <= set(ids[2:])
    assert len(job.arguments["untouched"]) >= 2  # one may be open
    assert set(dock.training.request.names.values()) <= {"Case 3", "Case 4", "Case 5"}


def test_images_that_cannot_be_asked_for_are_told(offered, dock, engines, qtbot, tmp_path, monkeypatch):
    make_project(tmp_path / "ward", accepted=1, new=1)
    work = dock._session.casework
    work.open_project(tmp_path / "ward" / "ward review")
    qtbot.waitUntil(lambda: work.project is not None and len(work.cases) == 2)

    def broken(_project):
        raise UserError("The project is damaged.", "Restore it.")

    monkeypatch.setattr(type(work.project), "untouched_pairs", broken)
    qtbot.mouseClick(dock.earlier_test.test, LEFT)
    qtbot.waitUntil(lambda: "The project is damaged." in dock.message.text())
    assert dock.earlier_test.test.isEnabled() and not engines.jobs


def test_a_model_of_version_0_1_is_tested_by_a_real_engine(
    make_napari_viewer, own_home, tmp_path, monkeypatch, qtbot
):
    shutil.copytree(FROZEN / "models", tmp_path / "models")
    monkeypatch.setenv("NAPARI_UNET_MODELS", str(tmp_path / "models"))
    viewer = make_napari_viewer(show=True)
    dock = FineTuneWidget(viewer)
    viewer.window.add_dock_widget(dock, name="Fine-tune")
    dock.setup.model.setCurrentText("ours")
    qtbot.waitUntil(dock.earlier_test.test.isVisible)
    card = tmp_path / "models" / "ours" / CARD_FILE
    earlier = ModelCard.model_validate(json.loads(card.read_text()))
    qtbot.mouseClick(dock.earlier_test.test, LEFT)
    qtbot.waitUntil(lambda: dock.training.stage is not Stage.RUNNING, timeout=300_000)
    assert dock.training.stage is Stage.DECIDE, dock.message.text()
    assert dock.acceptance.isVisible() and "ours" in dock.acceptance.title.text()
    found = read_card(card.parent).gate
    assert found is not None and found.drift and earlier.gate is not None
    assert found.at("your images") == earlier.gate.at("your images")
    assert read_card(card.parent).sha256 == earlier.sha256
    dock.setParent(None)
