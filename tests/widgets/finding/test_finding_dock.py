"""The dock Finding, with an obedient engine: nothing is shown before the reader's own call."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pypdfium2
import pytest
from casework_fakes import write_images
from dock_fakes import words
from job_fakes import until_calm
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel

from napari_unet.core.errors import UserError
from napari_unet.core.finding_reading import FindingReading
from napari_unet.core.lung_thirds import lung_thirds
from napari_unet.core.prediction import Prediction
from napari_unet.core.second_reading import FindingCall
from napari_unet.models.card import ModelCard
from napari_unet.models.folder import CARD_FILE
from napari_unet.review.record import CallKind
from napari_unet.widgets.finding import FindingWidget
from napari_unet.widgets.finding.heat_view import CONTOUR, GREY, OFF

FINDINGS = ("abnormal", "tb_like")
SHAPE = (60, 80)


def scored(shape: tuple[int, int] = SHAPE, abnormal: float = 0.8371, **more: Any) -> Prediction:
    """Two maps that are hot in one corner of the right lung."""
    cells = np.full((2, 6, 8), 0.02, np.float32)
    cells[:, 2, 2] = 0.9
    lungs = np.zeros(shape, bool)
    lungs[10:50, 8:32] = lungs[10:50, 48:72] = True
    thirds = lung_thirds(lungs)
    assert thirds is not None
    reading = FindingReading(
        thirds, (10.0, 10.0), {"abnormal": "right upper"}, {"abnormal": 93}, {"abnormal": 0.6, "tb_like": 0.5}
    )
    return Prediction(
        cells,
        shape=shape,
        model="test-finding",
        version="3",
        output="findings",
        task="classification",
        scores={"abnormal": abnormal, "tb_like": 0.1},
        reading=reading,
        seconds=0.2,
        **more,
    )


@pytest.fixture
def finder(models):
    """A model that scores findings, in the user's library."""
    folder = models / "test-finding"
    folder.mkdir()
    card = ModelCard(
        name="test-finding",
        title="Findings, for tests",
        use="frontal chest X-rays",
        input={"size": (64, 64)},
        version="3",
        outputs=({"id": "findings", "task": "classification", "findings": FINDINGS},),
    )
    (folder / CARD_FILE).write_text(card.model_dump_json())
    return folder


@pytest.fixture
def dock(viewer, engine, finder, review):
    widget = FindingWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Finding")
    yield widget
    if widget.parent() is not None:
        viewer.window.remove_dock_widget(widget)


@pytest.fixture
def case(dock, review, tmp_path, qtbot):
    """A review with two cases, the first of which is open."""
    ids = review.start(write_images(tmp_path / "images", 2), masks=False)
    review.open(ids[0])
    calm(qtbot, dock)
    return ids[0]


def calm(qtbot: Any, dock: Any) -> None:
    until_calm(qtbot)


def next_job(qtbot: Any, engine: Any, before: int) -> Any:
    qtbot.waitUntil(lambda: len(engine.jobs) == before + 1)
    return engine.jobs[-1]


def choose(qtbot: Any, dock: Any, *confidences: int) -> None:
    """By keys, as a reader does."""
    for (_, sure, _), confidence in zip(dock.form._rows.values(), confidences, strict=True):
        sure.setFocus()
        qtbot.keyClick(sure, str(confidence))


def everything_said(dock: Any) -> str:
    return " ".join(label.text() for label in dock.findChildren(QLabel) if label.isVisible())


def click(qtbot: Any, button: Any) -> None:
    assert button.isEnabled()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_only_models_that_score_findings_are_offered(dock) -> None:
    names = [dock.model.itemText(k) for k in range(dock.model.count())]
    assert "test-finding" in names and "test-lung" not in names and "cxr-lung" not in names


def test_an_image_by_itself_is_scored_at_a_click(dock, viewer, engine, qtbot) -> None:
    dock.model.setCurrentText("test-finding")
    image = viewer.add_image(np.zeros(SHAPE, np.uint8), name="chest")
    click(qtbot, dock.run)
    job = next_job(qtbot, engine, 0)
    assert job.kind == "find" and job.arguments["raster"].pixels.shape == SHAPE
    job.end(scored())
    qtbot.waitUntil(lambda: "84" in dock.scores.text())
    said = dock.scores.text()
    assert "<b>84</b>" in said and "60" in said and "right upper" in said
    assert "<td>93&nbsp;" in said and "of 100 normal images" in said
    (heat,) = (layer for layer in viewer.layers if "heat map" in layer.name)
    assert heat.data.shape == image.data.shape and heat.data.max() == pytest.approx(0.8371, abs=1e-4)
    assert viewer.layers.selection.active is image
    assert not dock.form.isVisible() and not dock.lock.isVisible()


def test_how_the_map_is_shown(dock, viewer, engine, qtbot) -> None:
    dock.model.setCurrentText("test-finding")
    viewer.add_image(np.zeros(SHAPE, np.uint8), name="chest")
    click(qtbot, dock.run)
    next_job(qtbot, engine, 0).end(scored())
    qtbot.waitUntil(lambda: len(viewer.layers) == 2)
    dock.heat.opacity.setValue(30)
    assert viewer.layers[-1].opacity == pytest.approx(0.3)
    dock.heat.style_box.setCurrentText(CONTOUR)
    assert set(np.unique(viewer.layers[-1].data)) == {0, 1}
    dock.heat.style_box.setCurrentText(GREY)
    assert viewer.layers[-1].data.dtype == np.float32
    dock.heat.finding.setCurrentIndex(1)
    assert "under 15" in words(dock, "about_heat") and len(viewer.layers) == 1
    dock.heat.finding.setCurrentIndex(0)
    dock.heat.style_box.setCurrentText(OFF)
    dock.heat.zones.setChecked(True)
    assert [layer.name for layer in viewer.layers] == ["chest", "chest: zones"]
    lines = viewer.layers[-1].data
    assert lines[round(10 + 40 / 3)].all() and not lines[5].any()
    viewer.layers.remove(viewer.layers[-1])
    dock.heat.zones.setChecked(False)


def test_a_case_shows_nothing_before_the_first_call(dock, review, engine, viewer, case, qtbot) -> None:
    project = review.work.project
    project.put_scores(case, {"abnormal": 0.8371}, "test-finding", "3", "findings")
    dock.model.setCurrentText("test-finding")
    review.open(review.work.queue[1])
    review.open(case)
    calm(qtbot, dock)
    assert dock.form.isVisible() and not dock.run.isVisible() and not dock.lock.isEnabled()
    dock._on_score()  # by whatever road
    calm(qtbot, dock)
    assert engine.jobs == [] and "84" not in everything_said(dock) and dock.scores.text() == ""
    assert not [layer for layer in viewer.layers if "heat" in layer.name]
    assert dock.cases.cases.count() == 0


def test_first_call_score_and_final_call_by_keys(dock, review, engine, viewer, case, qtbot) -> None:
    dock.model.setCurrentText("test-finding")
    calm(qtbot, dock)
    choose(qtbot, dock, 2, 1)
    click(qtbot, dock.lock)
    job = next_job(qtbot, engine, 0)  # scored by itself, once the call is locked
    project = review.work.project
    assert project.reader_call(case, "Ann")["abnormal"] == FindingCall(2)
    assert [call.kind for call in project.calls(case)] == [CallKind.FIRST]
    job.end(scored())
    qtbot.waitUntil(lambda: "84" in dock.scores.text())
    assert "probably absent" in dock.scores.text()
    kinds = [call.kind for call in project.calls(case)]
    assert kinds == [CallKind.FIRST, CallKind.FINDING, CallKind.FINDING, CallKind.SEEN]
    assert not dock.lock.isVisible() and dock.finish.isVisible()
    qtbot.waitUntil(lambda: dock.cases.cases.count() == 1)
    assert "abnormal 84, you said probably absent" in dock.cases.cases.item(0).text()
    choose(qtbot, dock, 4, 1)
    click(qtbot, dock.finish)
    review.settle()
    calm(qtbot, dock)
    assert project.reader_call(case, "Ann", final=True)["abnormal"] == FindingCall(4)
    assert project.reader_call(case, "Ann")["abnormal"] == FindingCall(2)
    assert "saved" in words(dock, "hint")


def test_another_reader_sees_nothing_of_it(dock, review, engine, viewer, case, qtbot) -> None:
    test_first_call_score_and_final_call_by_keys(dock, review, engine, viewer, case, qtbot)
    review.work.set_reviewer("Bob")
    calm(qtbot, dock)
    assert "84" not in everything_said(dock) and dock.cases.cases.count() == 0
    assert not [layer for layer in viewer.layers if "heat" in layer.name]
    assert dock.form.said() == {} and dock.lock.isVisible()
    review.work.set_reviewer("Ann")
    next_job(qtbot, engine, 1).end(scored())
    qtbot.waitUntil(lambda: "84" in dock.scores.text())


def test_another_case_takes_score_and_map_away(dock, review, engine, viewer, case, qtbot) -> None:
    dock.model.setCurrentText("test-finding")
    calm(qtbot, dock)
    choose(qtbot, dock, 2, 1)
    click(qtbot, dock.lock)
    next_job(qtbot, engine, 0).end(scored())
    qtbot.waitUntil(lambda: "84" in dock.scores.text())
    review.open(review.work.queue[1])
    calm(qtbot, dock)
    assert dock.scores.text() == "" and dock.form.said() == {}
    assert not [layer for layer in viewer.layers if "heat" in layer.name]


def test_triage_shows_scores_and_says_what_that_costs(dock, review, engine, case, qtbot) -> None:
    dock.model.setCurrentText("test-finding")
    calm(qtbot, dock)
    dock.triage.click()
    review.settle()
    calm(qtbot, dock)
    assert review.work.project.in_triage
    assert "no longer count as second reading" in words(dock, "triage_words")
    click(qtbot, dock.run)
    next_job(qtbot, engine, 0).end(scored())
    qtbot.waitUntil(lambda: "84" in dock.scores.text())
    assert dock.cases.cases.count() == 0  # nobody has called anything
    choose(qtbot, dock, 2, 1)
    assert not dock.finish.isVisible()


@pytest.mark.parametrize("how", ["fails", "crashes", "is cancelled"])
def test_a_score_that_does_not_come_frees_the_dock(dock, viewer, engine, qtbot, how, monkeypatch) -> None:
    monkeypatch.setattr("napari_unet.widgets.finding.dock.show_error", lambda text: None)
    dock.model.setCurrentText("test-finding")
    viewer.add_image(np.zeros(SHAPE, np.uint8), name="chest")
    click(qtbot, dock.run)
    job = next_job(qtbot, engine, 0)
    assert not dock.run.isEnabled() and dock.cancel.isVisible()
    if how == "is cancelled":
        click(qtbot, dock.cancel)
    else:
        fault = UserError("No score, because it is a hand.", "Open a chest X-ray.")
        job.end(fault if how == "fails" else ZeroDivisionError("oops"))
    qtbot.waitUntil(lambda: dock.run.isEnabled())
    said = everything_said(dock)
    assert {"fails": "it is a hand", "crashes": "oops", "is cancelled": "Cancelled"}[how] in said
    assert dock.scores.text() == "" and not dock.cancel.isVisible()


def test_a_second_click_starts_nothing(dock, viewer, engine, qtbot) -> None:
    dock.model.setCurrentText("test-finding")
    viewer.add_image(np.zeros(SHAPE, np.uint8), name="chest")
    click(qtbot, dock.run)
    next_job(qtbot, engine, 0)
    dock._on_score()
    calm(qtbot, dock)
    assert len(engine.jobs) == 1


def test_a_score_of_an_image_that_was_left_is_not_shown(dock, viewer, engine, qtbot) -> None:
    dock.model.setCurrentText("test-finding")
    viewer.add_image(np.zeros(SHAPE, np.uint8), name="one")
    click(qtbot, dock.run)
    job = next_job(qtbot, engine, 0)
    viewer.add_image(np.zeros(SHAPE, np.uint8), name="two")
    job.end(scored())
    calm(qtbot, dock)
    assert dock.scores.text() == "" and len(viewer.layers) == 2


def test_the_dock_leaves_nothing_behind(dock, viewer, engine, qtbot) -> None:
    dock.model.setCurrentText("test-finding")
    viewer.add_image(np.zeros(SHAPE, np.uint8), name="chest")
    click(qtbot, dock.run)
    next_job(qtbot, engine, 0).end(scored())
    qtbot.waitUntil(lambda: len(viewer.layers) == 2)
    viewer.window.remove_dock_widget(dock)
    assert [layer.name for layer in viewer.layers] == ["chest"]


def test_a_score_is_in_no_file_that_the_window_writes_by_itself(
    dock, review, engine, case, qtbot, tmp_path
) -> None:
    """But in the database, which nobody reads by accident."""
    review.work.project.put_scores(case, {"abnormal": 0.8371}, "test-finding", "3", "findings")
    review.settle()
    texts = [
        path.read_bytes()
        for path in review.folder.rglob("*")
        if path.is_file() and not path.name.startswith("review.db")
    ]
    assert not [text for text in texts if b"0.8371" in text]
    assert "0.8371" not in json.dumps([event.details for event in review.work.project.events()])


def test_keys_that_follow_each_other_at_once_are_each_a_choice(dock, review, engine, case, qtbot) -> None:
    dock.model.setCurrentText("test-finding")
    calm(qtbot, dock)
    choose(qtbot, dock, 2, 1)
    choose(qtbot, dock, 4, 5)
    assert [call.confidence for call in dock.form.said().values()] == [4, 5]


def read_both(dock, review, engine, qtbot) -> list[str]:
    """First calls on two cases, with scores of 84 and 30: the reader says no, then yes."""
    ids = list(review.work.queue)
    dock.model.setCurrentText("test-finding")
    for number, (id, said, score) in enumerate(zip(ids, (2, 5), (0.8371, 0.3), strict=True)):
        review.open(id)
        calm(qtbot, dock)
        choose(qtbot, dock, said, 1)
        click(qtbot, dock.lock)
        next_job(qtbot, engine, number).end(scored(abnormal=score))
        qtbot.waitUntil(lambda score=score: f"{100 * score:.0f}" in dock.scores.text())
        calm(qtbot, dock)
    return ids


def listed(dock) -> list[str]:
    return [dock.cases.cases.item(k).text() for k in range(dock.cases.cases.count())]


def test_called_cases_by_score_and_a_double_click_opens_one(dock, review, engine, case, qtbot) -> None:
    ids = read_both(dock, review, engine, qtbot)
    assert len(listed(dock)) == 2  # the score and the reader differ on both
    dock.cases.choice.setCurrentText("All by score: tb like")
    assert len(listed(dock)) == 2 and "you said absent" in listed(dock)[0]
    dock.cases.choice.setCurrentText("All by score: abnormal")
    assert listed(dock) == [
        "Case 1: abnormal 84, you said probably absent",
        "Case 2: abnormal 30, you said present",
    ]
    dock.cases.cases.itemActivated.emit(dock.cases.cases.item(0))
    calm(qtbot, dock)
    assert review.work.current.id == ids[0]


def test_in_triage_uncalled_cases_are_listed_too(dock, review, engine, case, qtbot) -> None:
    project = review.work.project
    for id, score in zip(review.work.queue, (0.2, 0.9), strict=True):
        project.put_scores(id, {"abnormal": score}, "test-finding", "3", "findings")
    dock.model.setCurrentText("test-finding")
    dock.triage.click()
    review.settle()
    calm(qtbot, dock)
    click(qtbot, dock.run)
    next_job(qtbot, engine, 0).end(scored())
    qtbot.waitUntil(lambda: dock.cases.choice.count() > 1)
    dock.cases.choice.setCurrentText("All by score: abnormal")
    assert listed(dock) == [
        "Case 2: abnormal 90, not called yet",
        "Case 1: abnormal 84, not called yet",
    ]


def test_too_few_cases_set_no_threshold(dock, review, engine, case, qtbot, monkeypatch) -> None:
    monkeypatch.setattr("napari_unet.widgets.finding.dock.show_error", lambda text: None)
    read_both(dock, review, engine, qtbot)
    click(qtbot, dock.threshold.button)
    review.settle()
    calm(qtbot, dock)
    assert "Too few cases for abnormal: 1 with it and 1 without" in words(dock, "message")
    assert review.work.project.calibrations() == []


def test_a_threshold_by_own_cases_takes_the_place_of_the_cards(
    dock, review, engine, case, qtbot, monkeypatch
) -> None:
    """With two cases instead of a hundred: those are in tests/review/test_calibrating.py."""
    monkeypatch.setattr("napari_unet.core.calibration.FEWEST", 1)
    read_both(dock, review, engine, qtbot)
    assert "<td>60&nbsp;" in dock.scores.text()  # of the card
    click(qtbot, dock.threshold.button)
    review.settle()
    calm(qtbot, dock)
    qtbot.waitUntil(lambda: "<td>30&nbsp;" in dock.scores.text())
    assert "abnormal: 30, by blind first calls: 1 with, 1 without" in words(dock, "calibrated")
    assert "1 with, 1 without; sensitivity 1.00" in dock.scores.text()
    assert "test-finding 3" in words(dock, "calibrated")


def test_the_page_of_a_case_has_the_calls_on_it(
    dock, review, engine, case, qtbot, tmp_path, monkeypatch
) -> None:
    assert not dock.page.isVisible()
    read_both(dock, review, engine, qtbot)
    path = tmp_path / "page"
    monkeypatch.setattr(
        "napari_unet.widgets.finding.page_button.QFileDialog.getSaveFileName", lambda *_: (str(path), "")
    )
    click(qtbot, dock.page)
    dock.page._on_click()  # a second one starts nothing
    qtbot.waitUntil(lambda: "Saved" in words(dock, "status"))
    (text,) = pypdfium2.PdfDocument(tmp_path / "page.pdf")
    said = " ".join(text.get_textpage().get_text_range().split())
    assert "Case 2" in said and "abnormal 30 60" in said and "present" in said and "Called by Ann" in said
    assert dock.page.isEnabled()


@pytest.mark.parametrize("how", ["is not wanted", "cannot be written"])
def test_a_page_that_is_not_saved(dock, viewer, engine, qtbot, tmp_path, monkeypatch, how) -> None:
    monkeypatch.setattr("napari_unet.widgets.finding.dock.show_error", lambda text: None)
    dock.model.setCurrentText("test-finding")
    viewer.add_image(np.zeros(SHAPE, np.uint8), name="chest/1")
    click(qtbot, dock.run)
    next_job(qtbot, engine, 0).end(scored())
    qtbot.waitUntil(lambda: dock.page.isVisible())
    asked = []

    def ask(_parent: object, _title: str, suggested: str, _kinds: str) -> tuple[str, str]:
        asked.append(suggested)
        return ("" if how == "is not wanted" else str(tmp_path / "gone" / "page.pdf")), ""

    monkeypatch.setattr("napari_unet.widgets.finding.page_button.QFileDialog.getSaveFileName", ask)
    click(qtbot, dock.page)
    calm(qtbot, dock)
    assert asked[0].endswith("chest_1_findings.pdf")
    assert list(tmp_path.rglob("*.pdf")) == [] and dock.page.isEnabled()
    assert bool(words(dock, "message")) == (how == "cannot be written")
