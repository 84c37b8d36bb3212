"""The Fine-tune dock: what it asks, shows and does, on a real project, with a scripted training."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from finetune_fakes import MODEL, PROTOCOL, add_model, fold, lungs, make_project, result_of
from qtpy.QtCore import Qt

from napari_unet.core.errors import UserError
from napari_unet.core.events import CaseDone, Note
from napari_unet.core.steps import run
from napari_unet.models.card import TrainedCase
from napari_unet.models.library import default_library
from napari_unet.review.scan import scan_steps
from napari_unet.review.types import Author, AuthorKind, NewCase
from napari_unet.widgets.common.layers import is_image
from napari_unet.widgets.finetune.training import Stage

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def project(dock, qtbot, tmp_path):
    """Open a project; returns the ids of its cases."""

    def open_project(accepted: int = 4, new: int = 0, **options) -> list[str]:
        ids = make_project(tmp_path / "ward", accepted, new, **options)
        work = dock._session.casework
        work.set_reviewer("Ann")
        work.open_project(tmp_path / "ward" / "ward review")
        qtbot.waitUntil(lambda: work.project is not None and len(work.cases) == accepted + new)
        return ids

    return open_project


@pytest.fixture
def started(dock, project, engines, qtbot):
    """Start a training on a project of four accepted cases; returns its job and the ids.

    other_protocol : whether the question about protocols is answered so; it must not come otherwise.
    """

    def start(other_protocol=False, **options):
        ids = project(**options)
        qtbot.waitUntil(dock.setup.start.isEnabled)
        qtbot.mouseClick(dock.setup.start, LEFT)
        if other_protocol:
            qtbot.waitUntil(dock.setup.choice.isVisible)
            qtbot.mouseClick(dock.setup.choice.other, LEFT)
        qtbot.waitUntil(lambda: bool(engines.jobs) and engines.jobs[-1]._progress is not None)
        return engines.jobs[-1], ids

    return start


def texts(table):
    return [
        [item.text() if (item := table.item(row, column)) else "" for column in range(table.columnCount())]
        for row in range(table.rowCount())
    ]


def test_what_is_learned_from_is_counted(dock, project, qtbot):
    assert not dock.setup.start.isEnabled()
    project(accepted=5, new=2, patients=4)
    qtbot.waitUntil(lambda: "5 cases of 4 patients" in dock.setup.source.says.text())
    assert dock.setup.source.warning.text() == ""
    assert dock.setup.start.isEnabled()
    work = dock._session.casework
    work.close_project()
    qtbot.waitUntil(lambda: "No project is open" in dock.setup.source.says.text())
    assert not dock.setup.start.isEnabled()


def test_of_volumes_only_corrected_slices_if_wanted(dock, project, tmp_path, qtbot):
    source = dock.setup.source
    project(accepted=2)
    qtbot.waitUntil(lambda: "2 cases" in source.says.text())
    assert not source.corrected.isVisibleTo(dock)  # there is no volume
    path = tmp_path / "ward" / "ct.nii.gz"
    values = np.random.default_rng(0).integers(-1000, 500, (50, 40, 6)).astype(np.int16)
    nib.save(nib.Nifti1Image(values, np.diag([1.5, 1.5, 4.0, 1.0])), path)
    work = dock._session.casework
    opened = work.project
    ((case, _),) = opened.add([NewCase(str(path))], "Ann")
    run(scan_steps(opened, [case]))
    drawn = np.zeros((6, 40, 50), np.uint8)
    drawn[1:5, 10:30, 5:20] = 1
    opened.add_revision(case, drawn, MODEL)
    opened.begin(case, "Ann")
    drawn[2:4, 12:20, 25:40] = 1
    opened.add_revision(case, drawn, Author(AuthorKind.PERSON, "Ann"))
    opened.leave(case, "Ann", 1.0)
    work.case_list.reload()
    qtbot.waitUntil(lambda: source.corrected.isVisibleTo(dock))
    assert "2 cases" in source.says.text()  # the volume is in progress
    qtbot.mouseClick(source.corrected, LEFT)
    qtbot.waitUntil(lambda: "3 cases" in source.says.text())
    assert "1 corrected, 2 accepted as they were" in source.says.text()
    chosen = source.collector()()
    assert {pair.id: pair.slices for pair in chosen.pairs}[case] == (2, 3)


def test_few_cases_are_warned_of_and_one_is_too_few(dock, project, qtbot):
    project(accepted=1, new=2)
    qtbot.waitUntil(lambda: "At least 2 cases" in dock.setup.source.warning.text())
    assert not dock.setup.start.isEnabled()
    work = dock._session.casework
    new = [id for id, case in work.cases.items() if case.status == "new"]
    work.navigator.open_case(new[0])
    qtbot.waitUntil(lambda: work.current is not None)
    work.decisions.accept()
    qtbot.waitUntil(lambda: "2 cases of 2 patients" in dock.setup.source.says.text())
    assert "Too few cases" in dock.setup.source.warning.text()
    assert dock.setup.start.isEnabled()


def test_times_stand_beside_the_presets(dock, project, engines, qtbot):
    project()
    times = dock.setup.presets.times
    qtbot.waitUntil(lambda: times["thorough"].text().startswith("about"))
    (asked,) = engines[-1].answered
    assert asked.arguments["cases"] == 4
    assert asked.arguments["parent"].endswith("test-lung")
    assert engines[-1].options["nice"] == 10
    dock.setup.presets.buttons["custom"].click()
    dock.setup.presets.settings.form.steps.value = 600
    qtbot.waitUntil(lambda: times["custom"].text() == "about 10 min")


def test_names_that_cannot_be_are_refused_before(dock, project, qtbot):
    project()
    assert dock.setup.name.text().startswith("test-lung-20")
    for name, why in (("test-lung", "already"), ("my lung", "cannot be the name")):
        dock.setup.name.clear()
        qtbot.keyClicks(dock.setup.name, name)
        qtbot.waitUntil(lambda why=why: why in dock.setup.problem.text())
        assert not dock.setup.start.isEnabled()
    dock.setup.name.clear()
    qtbot.keyClicks(dock.setup.name, "ours")
    qtbot.waitUntil(dock.setup.start.isEnabled)
    assert dock.setup.problem.text() == ""


def test_from_the_click_to_the_new_model_and_back(dock, started, engines, others, library, qtbot):
    job, ids = started(accepted=6, new=2)
    assert [pair.id for pair in job.arguments["pairs"]] == ids[:6]
    assert job.arguments["preset"] == "quick" and job.arguments["config"] is None
    assert dock.run.isVisible() and not dock.setup.isVisible()
    job.tell(*fold(1, ids[1]))
    qtbot.waitUntil(lambda: dock.run.where.text() == "Part 1 of 3: learning from 2 cases, tested on 2 others")
    qtbot.waitUntil(lambda: "0.900" in dock.run.curves.legend.text())
    qtbot.waitUntil(lambda: "s left" in dock.run.bar.text())
    job.tell(*fold(2, ids[1]), *fold(3, ids[1]), CaseDone(ids[0], 1, 7), Note(f"Case {ids[2]} is small."))
    qtbot.waitUntil(lambda: dock.run.where.text() == "Comparing both models: 1 of 7")
    assert "Case 3 is small." in dock.run.notes.text()
    job.end(result_of(job, library))
    qtbot.waitUntil(dock.acceptance.isVisible)
    assert "better on your images" in dock.acceptance.verdict.text().lower()
    rows = texts(dock.acceptance.table)
    assert rows[1][:3] == ["Case 1", "0.780 → 0.900", "+0.120"]
    assert rows[6][0] == "Case 6" and rows[7][0].startswith("The reference set")
    assert dock.acceptance.take.isDefault() and dock.window().focusWidget() is dock.acceptance.take
    assert default_library().current() is None
    name = job.arguments["name"]
    qtbot.keyClick(dock.acceptance.take, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: default_library().current() == name)
    qtbot.waitUntil(dock.setup.isVisible)
    assert dock._session.model == name
    assert dock.setup.model.currentText() == name
    qtbot.waitUntil(lambda: bool(others.jobs))
    assert others.jobs[0].kind == "first_mask" and others.jobs[0].arguments["model"] == name
    assert dock.in_use.back.text() == "Go back to test-lung"
    qtbot.mouseClick(dock.in_use.back, LEFT)
    qtbot.waitUntil(lambda: default_library().current() == "test-lung")
    qtbot.waitUntil(lambda: dock._session.model == "test-lung")
    assert (library / name).is_dir(), "going back deletes nothing"
    qtbot.waitUntil(dock.in_use.forward.isVisible)
    assert dock.in_use.forward.text() == "Use the new model again" and name in dock.in_use.says.text()
    qtbot.mouseClick(dock.in_use.forward, LEFT)
    qtbot.waitUntil(lambda: default_library().current() == name and dock._session.model == name)
    qtbot.waitUntil(lambda: not dock.in_use.forward.isVisible())
    assert dock.in_use.back.text() == "Go back to test-lung"


def test_a_model_that_forgets_is_not_suggested(dock, started, library, qtbot):
    job, _ = started()
    job.end(result_of(job, library, forgets=0.05))
    qtbot.waitUntil(dock.acceptance.isVisible)
    assert "forget" in dock.acceptance.warning.text() and "did not pass" in dock.acceptance.warning.text()
    assert dock.acceptance.keep.isDefault() and dock.window().focusWidget() is dock.acceptance.keep
    assert not dock.acceptance.take.isDefault()
    qtbot.keyClick(dock.acceptance.keep, Qt.Key.Key_Space)
    qtbot.waitUntil(dock.setup.isVisible)
    assert default_library().current() is None
    assert dock._session.model == "test-lung"
    assert dock.setup.model.findText(job.arguments["name"]) >= 0, "it is kept beside the others"
    assert dock.setup.name.text() != job.arguments["name"]


def test_a_gain_that_may_be_chance_is_called_so(dock, started, library, qtbot):
    job, _ = started()
    job.end(result_of(job, library, worst=0.7))
    qtbot.waitUntil(dock.acceptance.isVisible)
    assert "Perhaps better on your images" in dock.acceptance.verdict.text()
    said = dock.acceptance.warning.text()
    assert "may be due to chance" in said and "forget" not in said
    assert dock.acceptance.keep.isDefault() and dock.acceptance.take.isEnabled()


def test_four_cases_that_all_gain_are_perhaps_better_and_that_was_said_before(dock, started, library, qtbot):
    job, _ = started()
    said = dock.setup.source.says.text()
    assert "With fewer than 6 patients, the best possible verdict is “perhaps better”" in said
    job.end(result_of(job, library))
    qtbot.waitUntil(dock.acceptance.isVisible)
    assert "Perhaps better on your images" in dock.acceptance.verdict.text()
    assert "at least 6 patients" in dock.acceptance.warning.text()
    assert "With fewer than 6 patients no test can tell" in dock.acceptance.explained.text()
    assert dock.acceptance.keep.isDefault()


@pytest.mark.parametrize("same", [True, False])
def test_protocols_that_differ_are_asked_about(dock, project, engines, library, qtbot, same):
    project(protocol="Whole thorax without the spine")
    qtbot.waitUntil(dock.setup.start.isEnabled)
    assert "follow a different protocol" in dock.setup.protocol.text()
    qtbot.mouseClick(dock.setup.start, LEFT)
    choice = dock.setup.choice
    qtbot.waitUntil(choice.isVisible)
    known = choice.known.text()
    assert "Whole thorax without the spine" in known and PROTOCOL in known and "were measured" in known
    assert not engines.jobs and not dock.setup.start.isEnabled()
    assert not (choice.same.isDefault() or choice.other.isDefault())
    assert not (choice.same.autoDefault() or choice.other.autoDefault())
    qtbot.mouseClick(choice.same if same else choice.other, LEFT)
    qtbot.waitUntil(lambda: bool(engines.jobs) and engines.jobs[-1]._progress is not None)
    job = engines.jobs[-1]
    assert job.kind == "finetune" and job.arguments["same_protocol"] is same
    assert job.arguments["protocol"] == "Whole thorax without the spine"
    job.end(result_of(job, library, earlier_change=None if same else 0.0))
    qtbot.waitUntil(dock.acceptance.isVisible)
    said = dock.acceptance.protocol.text()
    assert said == "" if same else "Its answer lungs is that of test-lung as before" in said


def test_a_question_is_withdrawn_when_something_else_is_chosen(dock, project, engines, qtbot):
    project(protocol="Whole thorax without the spine")
    qtbot.waitUntil(dock.setup.start.isEnabled)
    qtbot.mouseClick(dock.setup.start, LEFT)
    qtbot.waitUntil(dock.setup.choice.isVisible)
    qtbot.mouseClick(dock.setup.presets.buttons["thorough"], LEFT)
    assert not dock.setup.choice.isVisible()
    qtbot.waitUntil(dock.setup.start.isEnabled)
    assert not engines.jobs


def test_what_follows_the_models_protocol_is_not_asked_about(started):
    job, _ = started(protocol=PROTOCOL)
    assert job.arguments["same_protocol"] is True


def test_protocols_that_agree_need_no_words(dock, project, qtbot):
    project(protocol=f"{PROTOCOL.upper()}. ")
    qtbot.waitUntil(dock.setup.start.isEnabled)
    assert dock.setup.protocol.text() == ""


def test_a_failure_is_told_in_plain_words(dock, started, qtbot):
    job, ids = started()
    job.end(UserError(f"The mask of case {ids[1]} has the size 3 × 3.", "Leave the case out."))
    qtbot.waitUntil(dock.setup.isVisible)
    assert "The mask of case 2 has the size 3 × 3. Leave the case out." in dock.message.text()
    assert dock.setup.start.isEnabled()


def test_a_failure_without_a_dock_is_shown_later(dock, started, open_dock, viewer, qtbot):
    job, ids = started()
    training = dock.training
    viewer.window.remove_dock_widget(dock)
    job.end(UserError(f"The mask of case {ids[0]} cannot be read."))
    qtbot.waitUntil(lambda: training.stage is Stage.IDLE)
    assert "The mask of case 1 cannot be read." in open_dock().message.text()


def test_the_keyboard_is_left_to_who_paints(dock, started, viewer, library, qtbot):
    job, _ = started()
    canvas = viewer.window._qt_viewer.canvas.native
    canvas.setFocus()
    job.end(result_of(job, library))
    qtbot.waitUntil(dock.acceptance.isVisible)
    assert dock.window().focusWidget() is canvas


def test_an_error_of_ours_is_told_too(dock, started, qtbot):
    job, _ = started()
    job.end(RuntimeError("boom"))
    qtbot.waitUntil(lambda: "Something went wrong" in dock.message.text())
    assert dock.training.stage is Stage.IDLE and dock.setup.start.isEnabled()


def test_a_training_is_cancelled(dock, started, qtbot):
    job, _ = started()
    qtbot.mouseClick(dock.run.cancel, LEFT)
    qtbot.waitUntil(dock.setup.isVisible)
    assert job.cancelled
    assert "no model was made" in dock.status.text()
    assert dock.setup.start.isEnabled()


def test_a_second_start_is_refused(dock, started, engines, qtbot):
    job, _ = started()
    assert not dock.setup.start.isVisible() and not dock.setup.start.isEnabled()
    dock._on_requested(dock.training.request)
    assert "under way already" in dock.message.text()
    assert engines.jobs == [job]


def test_a_training_is_held_and_stopped(dock, started, library, qtbot):
    job, ids = started()
    job.tell(*fold(1, ids[1]))
    qtbot.mouseClick(dock.run.pause, LEFT)
    assert dock.training.stage is Stage.PAUSED and dock.run.pause.text() == "Resume"
    qtbot.mouseClick(dock.run.pause, LEFT)
    qtbot.mouseClick(dock.run.stop, LEFT)
    assert job.words == ["pause", "resume", "stop"]
    assert not dock.run.stop.isEnabled() and not dock.run.pause.isEnabled() and dock.run.cancel.isEnabled()
    job.end(result_of(job, library))
    qtbot.waitUntil(dock.acceptance.isVisible)


def test_it_goes_on_without_dock_and_project(dock, started, open_dock, viewer, engines, library, qtbot):
    job, ids = started()
    job.tell(*fold(1, ids[1]))
    dock._session.casework.close_project()
    viewer.window.remove_dock_widget(dock)
    qtbot.wait(50)
    assert not job.cancelled and not engines[-1].closed.is_set()
    job.tell(*fold(2, ids[1]))
    again = open_dock()
    qtbot.waitUntil(again.run.isVisible)
    assert "Part 2 of 3" in again.run.where.text()
    qtbot.waitUntil(lambda: len(again.run.curves._drawn) == 3)
    assert len(again.run.curves._drawn["loss"].getData()[0]) == 9, "two parts of four steps, and a gap"
    job.end(result_of(job, library))
    qtbot.waitUntil(again.acceptance.isVisible)
    assert texts(again.acceptance.table)[1][0] == "Case 1"


def test_what_ended_without_a_dock_is_shown_later(dock, started, open_dock, viewer, engines, library, qtbot):
    job, _ = started()
    training = dock.training
    viewer.window.remove_dock_widget(dock)
    job.end(result_of(job, library))
    qtbot.waitUntil(lambda: training.stage is Stage.DECIDE)
    assert engines[0].closed.wait(20), "nobody needs the process any more"
    again = open_dock()
    qtbot.waitUntil(again.acceptance.isVisible)


def test_the_window_takes_the_training_with_it(dock, started, viewer, engines, qtbot):
    job, _ = started()
    worker = dock._session.casework.connection.worker
    viewer.close()
    qtbot.waitUntil(lambda: job.cancelled)
    assert engines[-1].closed.wait(20)
    assert worker.join(20)


def test_a_held_out_case_is_shown_and_leaves_no_trace(dock, started, viewer, library, qtbot):
    mine = viewer.add_labels(lungs(), name="mine")
    dock.setup.source.project.setChecked(True)
    job, ids = started()
    assert not dock.run.watch.isChecked(), "what is there is not covered unasked"
    viewer.layers.selection.active = mine
    job.tell(*fold(1, ids[1]))
    dock.run.watch.click()
    qtbot.waitUntil(lambda: len(viewer.layers) == 3)
    image, mask = dock.run.preview.layers()
    assert viewer.layers.selection.active is mine
    assert image.data.shape == (60, 80) and not is_image(image)
    world = viewer.layers.extent.world
    np.testing.assert_allclose(image.extent.world, mine.extent.world)
    np.testing.assert_allclose(world[:, -2:], mine.extent.world)
    assert mask.data.all()
    data = mask.data
    job.tell(*fold(2, ids[1]))
    qtbot.waitUntil(lambda: mask.data is not data)
    dock.run.watch.click()
    assert list(viewer.layers) == [mine]
    dock.run.watch.click()
    qtbot.waitUntil(lambda: len(viewer.layers) == 3)
    job.end(result_of(job, library))
    qtbot.waitUntil(dock.acceptance.isVisible)
    assert list(viewer.layers) == [mine]


def test_an_open_case_is_not_covered_unasked(dock, project, engines, qtbot):
    ids = project(new=1)
    work = dock._session.casework
    work.navigator.open_case(ids[4])
    qtbot.waitUntil(lambda: work.current is not None)
    qtbot.waitUntil(dock.setup.start.isEnabled)
    layer = work.current_layer
    layer.paint((2, 2), 1)
    qtbot.mouseClick(dock.setup.start, LEFT)
    qtbot.waitUntil(lambda: bool(engines.jobs))
    assert not dock.run.watch.isChecked()
    assert work.current.id == ids[4]


def test_a_held_out_case_and_one_in_review_are_never_on_the_canvas_together(
    dock, started, viewer, library, qtbot
):
    job, ids = started(new=2)
    work = dock._session.casework
    assert dock.run.watch.isChecked(), "nothing is on the canvas"
    job.tell(*fold(1, ids[1]))
    qtbot.waitUntil(lambda: len(dock.run.preview.layers()) == 2)
    work.navigator.open_case(ids[4])
    qtbot.waitUntil(lambda: work.current is not None)
    assert not dock.run.watch.isChecked() and not dock.run.preview.layers()
    work.current_layer.paint((2, 2), 1)
    dock.run.watch.click()
    qtbot.waitUntil(lambda: len(dock.run.preview.layers()) == 2)
    assert work.current is None and len(viewer.layers) == 2
    dock.run.watch.click()
    qtbot.waitUntil(lambda: work.current is not None and work.current.id == ids[4])
    assert work.current_layer.data[2, 2] == 1, "the stroke is there"
    dock.run.watch.click()
    qtbot.waitUntil(lambda: len(dock.run.preview.layers()) == 2)
    job.end(result_of(job, library))
    qtbot.waitUntil(dock.acceptance.isVisible)
    qtbot.waitUntil(lambda: work.current is not None and work.current.id == ids[4])


def test_cases_that_have_taught_the_model_are_told_before(dock, project, library, qtbot):
    ids = project()
    qtbot.waitUntil(dock.setup.start.isEnabled)
    assert dock.setup.taught.text() == ""
    taught = tuple(TrainedCase(id=id) for id in ids[:3])
    add_model(library, "second", parent="test-lung", trained_on=taught)
    dock.setup.model.reload()
    dock.setup.model.setCurrentText("second")
    qtbot.waitUntil(lambda: "3 of these 4 cases were used to train second" in dock.setup.taught.text())
    assert "begin with test-lung" in dock.setup.taught.text()


def test_cases_that_taught_it_in_another_project_are_told_too(dock, project, library, qtbot):
    """There they had other ids; the file is the same."""
    ids = project()
    qtbot.waitUntil(dock.setup.start.isEnabled)
    work = dock._session.casework
    work.importer.scan()
    qtbot.waitUntil(lambda: all(work.cases[id].content_hash for id in ids))
    hashes = [work.cases[id].content_hash for id in ids[:2]]
    taught = tuple(TrainedCase(id=f"x{k}", content_hash=value) for k, value in enumerate(hashes))
    add_model(library, "second", parent="test-lung", trained_on=taught)
    dock.setup.model.reload()
    dock.setup.model.setCurrentText("second")
    qtbot.waitUntil(lambda: "2 of these 4 cases were used to train second" in dock.setup.taught.text())


def test_a_stroke_of_this_moment_is_learned_from(dock, project, engines, qtbot):
    ids = project()
    work = dock._session.casework
    work.navigator.open_case(ids[0])
    qtbot.waitUntil(lambda: work.current is not None)
    before = work.cases[ids[0]].revision
    work.current_layer.paint((2, 2), 1)
    qtbot.waitUntil(lambda: work.approved.question is not None)  # the mask was accepted
    change = next(b for b in work.approved.question.buttons() if b.text().startswith("Change"))
    qtbot.mouseClick(change, LEFT)
    qtbot.waitUntil(dock.setup.start.isEnabled)
    qtbot.mouseClick(dock.setup.start, LEFT)
    qtbot.waitUntil(lambda: bool(engines.jobs))
    pair = engines.jobs[-1].arguments["pairs"][0]
    now = work.project.case(ids[0]).revision
    assert now != before and work.project.revision(now).sha256 == pair.revision


def test_a_project_that_is_closed_after_the_click_is_told_of_and_start_is_there_again(dock, project, qtbot):
    project()
    work = dock._session.casework
    folder = work.project.folder
    qtbot.waitUntil(dock.setup.start.isEnabled)
    qtbot.mouseClick(dock.setup.start, LEFT)
    work.open_project(folder)
    assert "closed before its cases were read" in dock.message.text()
    qtbot.waitUntil(lambda: work.project is not None and dock.setup.source.count().cases == 4)
    qtbot.waitUntil(dock.setup.start.isEnabled)


def test_open_layers_are_learned_from(dock, viewer, engines, qtbot):
    rng = np.random.default_rng(0)
    images = [
        viewer.add_image(rng.integers(0, 255, (60, 80)).astype(np.uint8), name=f"Kim {k}") for k in (1, 2)
    ]
    stack = viewer.add_image(rng.integers(0, 255, (5, 60, 80)).astype(np.uint8), name="CT")
    for image in images:
        viewer.add_labels(lungs(), name=f"{image.name} lungs")
    painted = np.zeros((5, 60, 80), np.uint8)
    painted[1], painted[3] = lungs(), lungs()
    viewer.add_labels(painted, name="CT lungs")
    viewer.add_labels(np.zeros((7, 7), np.uint8), name="of nothing")
    source = dock.setup.source
    assert source.layers.isChecked() and "3 cases" in source.says.text()
    names = [row[0] for row in texts(source.pairs)]
    assert names == ["of nothing", "CT lungs", "Kim 2 lungs", "Kim 1 lungs"]
    source.pairs.cellWidget(2, 1).setCurrentIndex(0)
    source.pairs.cellWidget(2, 1).activated.emit(0)  # Kim 2's image, the upper one
    source.pairs.cellWidget(3, 1).setCurrentIndex(1)
    source.pairs.cellWidget(3, 1).activated.emit(1)
    images[0].name = "renamed"
    assert source.count().patients == 3
    qtbot.waitUntil(dock.setup.start.isEnabled)
    qtbot.mouseClick(dock.setup.start, LEFT)
    qtbot.waitUntil(lambda: bool(engines.jobs))
    pairs = engines.jobs[-1].arguments["pairs"]
    of_stack, second, first = pairs
    assert of_stack.slices == (1, 3) and of_stack.image.pixels.shape == (5, 60, 80)
    np.testing.assert_array_equal(second.image.pixels, images[1].data)
    np.testing.assert_array_equal(first.image.pixels, images[0].data)
    assert len({pair.group for pair in pairs}) == 3
    assert not any("Kim" in f"{pair.id}{pair.patient}{pair.image.source}" for pair in pairs)
    assert stack in viewer.layers


def test_a_new_mask_belongs_to_the_image_it_is_named_after_and_an_empty_one_is_not_ticked(dock, viewer):
    for name in ("Kim", "Lee"):
        viewer.add_image(np.full((60, 80), 7, np.uint8), name=name)
    viewer.add_labels(np.zeros((60, 80), np.uint8), name="Lee - Labels")
    viewer.add_labels(lungs(), name="Kim - Labels")
    pairs = dock.setup.source.pairs
    assert [pairs.item(row, 0).text() for row in range(2)] == ["Kim - Labels", "Lee - Labels"]
    assert [pairs.cellWidget(row, 1).currentText() for row in range(2)] == ["Kim", "Lee"]
    assert [mask.name for _, mask in pairs.chosen()] == ["Kim - Labels"]
    pairs.item(1, 0).setCheckState(Qt.CheckState.Checked)
    assert len(pairs.chosen()) == 2


def test_a_mask_in_review_is_not_ticked_unasked(dock, project, qtbot):
    ids = project(new=1)
    work = dock._session.casework
    work.navigator.open_case(ids[4])
    qtbot.waitUntil(lambda: work.current is not None)
    dock.setup.source.layers.setChecked(True)
    pairs = dock.setup.source.pairs
    assert pairs.rowCount() == 1 and not pairs.chosen()


def test_a_mask_is_left_out_at_a_click_and_with_its_layer(dock, viewer, qtbot):
    for k in (1, 2, 3):
        viewer.add_image(np.full((60, 80), k, np.uint8), name=f"image {k}")
        viewer.add_labels(lungs(), name=f"mask {k}")
    source = dock.setup.source
    assert source.count().cases == 3 and source.count().patients == 3
    source.pairs.item(0, 0).setCheckState(Qt.CheckState.Unchecked)
    assert source.count().cases == 2
    viewer.layers.remove("mask 1")
    assert source.count().cases == 1
    assert "At least 2" in source.warning.text()
    viewer.layers.remove("image 2")
    assert source.count().cases == 1, "another image of its size is taken"
