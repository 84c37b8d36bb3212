"""Opening cases, leaving them, coming back."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from casework_fakes import MODEL, lungs, stroke, write_images, write_stack
from napari.layers import Image, Labels
from PIL import Image as Picture

from napari_unet.review import decisions, rows, store_decisions, store_masks, trail
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import Author, AuthorKind, Status
from napari_unet.widgets.casework.cache import CaseCache


def test_a_project_is_opened_with_its_cases(review, three):
    assert list(review.work.cases) == three == review.work.queue
    assert review.work.current is None and review.work.current_layer is None


def test_the_project_that_is_no_project_is_told(review, tmp_path):
    review.work.open_project(tmp_path / "nothing")
    review.qtbot.waitUntil(lambda: bool(review.failures))
    assert "not a review project" in str(review.failures[0])
    assert review.work.project is None


def test_a_case_opens_as_image_and_active_mask(review, three):
    mask = review.open(three[0])
    image = review.viewer.layers[0]
    assert isinstance(image, Image) and isinstance(mask, Labels)
    assert [layer.name for layer in review.viewer.layers] == ["Case 1", "Case 1: mask"]
    assert review.viewer.layers.selection.active is mask
    np.testing.assert_array_equal(mask.data, lungs(image.data.shape))
    assert review.session.context_of(mask).image() is image
    np.testing.assert_array_equal(review.session.context_of(mask).model_mask(), mask.data)
    assert review.opened[-1].id == three[0]
    review.settle()
    assert review.work.current.status == Status.IN_PROGRESS
    assert review.work.current.lease == "Ann"


def test_what_the_reader_says_of_the_image_is_told(review, tmp_path):
    (path,) = write_images(tmp_path / "images", 1)
    exif = Picture.Exif()
    exif[274] = 6
    with Picture.open(path) as stored:
        stored.load()
        stored.save(path, exif=exif)
    (case,) = review.start([path])
    mask = review.open(case)
    assert mask.data.shape == (80, 60)
    review.qtbot.waitUntil(lambda: bool(review.news))
    assert "rotated by 90°" in review.news[-1]


def test_the_whole_image_is_in_view(review, three):
    review.open(three[0])
    review.viewer.camera.zoom *= 20
    review.open(three[1])
    height, width = review.viewer.layers[0].data.shape
    assert review.viewer.camera.center[-2:] == pytest.approx(((height - 1) / 2, (width - 1) / 2))
    first = review.viewer.camera.zoom
    review.viewer.reset_view()
    assert first == pytest.approx(review.viewer.camera.zoom, rel=0.02)


def test_the_keyboard_belongs_to_the_canvas(review, three):
    review.viewer.window._qt_window.activateWindow()
    canvas = review.viewer.window._qt_viewer.canvas.native
    review.viewer.window._qt_viewer.controls.setFocus()
    review.open(three[0])
    review.qtbot.waitUntil(canvas.hasFocus)


def test_tool_size_label_and_contrast_are_kept(review, three):
    mask = review.open(three[0])
    mask.mode, mask.brush_size, mask.selected_label, mask.opacity = "erase", 33, 2, 0.7
    image = review.viewer.layers[0]
    low, high = image.contrast_limits
    image.contrast_limits = (low + 10, high - 20)
    image.colormap = "gray_r"
    mask = review.open(three[1])
    assert (mask.mode, mask.brush_size, mask.selected_label, mask.opacity) == ("erase", 33, 2, 0.7)
    image = review.viewer.layers[0]
    assert image.colormap.name == "gray_r"
    data = image.data  # a ramp of the same height, a little brighter
    assert image.contrast_limits == pytest.approx((data.min() + 10, data.max() - 20))


def test_undo_goes_on_after_coming_back(review, three):
    mask = review.open(three[0])
    before = mask.data.copy()
    stroke(mask, (5, 5), (6, 40))
    painted = mask.data.copy()
    review.open(three[1])
    assert mask not in review.viewer.layers
    again = review.open(three[0])
    assert again is mask
    again.undo()
    np.testing.assert_array_equal(again.data, before)
    np.testing.assert_array_equal(review.saved(three[0]), painted)  # from when the case was left
    again.redo()
    review.open(three[2])
    np.testing.assert_array_equal(review.saved(three[0]), painted)


def test_the_next_case_is_read_ahead(review, three):
    review.open(three[0])
    review.settle()
    assert review.work.opener._ahead.case.id == three[1]
    review.work.navigator.open_next()
    assert review.work.current.id == three[1]  # at once


def test_the_last_wish_counts(review, three):
    review.work.navigator.open_case(three[0])
    review.work.navigator.open_case(three[1])
    review.work.navigator.open_case(three[2])
    review.until_open(three[2])
    review.settle()
    assert [case.id for case in review.opened] == [three[2]]
    assert len(review.viewer.layers) == 2


def test_opened_twice_is_opened_once(review, three):
    review.work.navigator.open_case(three[0])
    review.work.navigator.open_case(three[0])
    review.until_open(three[0])
    review.work.navigator.open_case(three[0])
    review.settle()
    assert len(review.opened) == 1


def test_a_case_whose_image_is_gone_is_told(review, three, tmp_path):
    review.open(three[0])
    review.settle()
    (tmp_path / "images" / "2.png").unlink()
    review.work.navigator.open_case(three[2])
    review.qtbot.waitUntil(lambda: bool(review.failures))
    assert review.work.current.id == three[0]


def test_the_project_is_closed_while_a_case_loads(review, three):
    review.work.navigator.open_case(three[0])
    review.work.close_project()
    review.settle()
    assert not review.opened and not review.viewer.layers
    review.reopen()
    review.open(three[0])


@pytest.fixture
def elsewhere(review, three):
    """The project in another window."""
    with ReviewProject.open(review.folder) as project:
        yield project


def test_a_case_of_somebody_else_is_not_opened(review, three, elsewhere):
    elsewhere.begin(three[1], "Bob")
    review.work.navigator.open_case(three[1])
    review.qtbot.waitUntil(lambda: bool(review.failures))
    assert "Bob has case 2 open" in str(review.failures[0])
    assert review.work.current is None and not review.viewer.layers


def test_the_open_case_stays_when_one_of_somebody_else_is_clicked(review, three, elsewhere):
    elsewhere.begin(three[1], "Ann")
    mask = review.open(three[0])
    stroke(mask, (5, 5))
    review.work.navigator.open_case(three[1])
    review.qtbot.waitUntil(lambda: bool(review.failures))
    assert "You have case 2 open in another window" in str(review.failures[0])
    review.settle()
    assert review.work.current_layer is mask and len(review.viewer.layers) == 2
    assert review.work.project.case(three[0]).lease == "Ann"
    assert not review.work.project.is_elsewhere(three[0])
    assert elsewhere.case(three[1]).lease == "Ann" and not elsewhere.is_elsewhere(three[1])


def test_going_on_passes_by_cases_of_somebody_else(review, three, elsewhere):
    elsewhere.begin(three[1], "Dr. X")
    review.open(three[0])
    review.work.decisions.accept()
    review.until_open(three[2])
    review.settle()
    assert review.news[-1] == "Case 2 is open elsewhere (Dr. X); case 3 is shown."
    assert not review.failures and len(review.viewer.layers) == 2
    assert review.work.project.case(three[0]).status == Status.ACCEPTED


def test_going_on_where_all_others_are_open_elsewhere(review, three, elsewhere):
    for id in three[1:]:
        elsewhere.begin(id, "Dr. X")
    review.open(three[0])
    review.work.decisions.accept()
    review.qtbot.waitUntil(lambda: bool(review.failures))
    told = "Cases 2 and 3 are open elsewhere (Dr. X); no other case is left to decide."
    assert review.failures[-1].problem == told
    assert review.work.current is None and not review.viewer.layers
    elsewhere.leave(three[1], "Dr. X", 1.0)
    review.work.navigator.open_next()
    review.until_open(three[1])


def _taken_over(review, monkeypatch, id):
    """This computer slept for an hour, and Bob, who was there meanwhile, opened the case."""
    real = trail.now
    for module in (decisions, rows, store_decisions, store_masks):
        monkeypatch.setattr(module, "now", lambda: real() + timedelta(hours=1))
    other = ReviewProject.open(review.folder)
    other.begin(id, "Bob")
    return other


@pytest.mark.parametrize("then", ["renew", "accept", "switch"])
def test_a_case_that_was_taken_over_loses_nothing(review, three, monkeypatch, then):
    mask = review.open(three[0])
    review.settle()
    with _taken_over(review, monkeypatch, three[0]) as bobs:
        head = bobs.case(three[0]).revision
        stroke(mask, (14, 20))
        painted = mask.data.copy()
        if then == "renew":
            review.work.opener.lease._renew.timeout.emit()
        elif then == "accept":
            review.work.decisions.accept()
        else:
            review.work.navigator.open_case(three[1])
        review.qtbot.waitUntil(lambda: bool(review.failures))
        assert "Case 1 was opened elsewhere (Bob) since you opened it" in str(review.failures[0])
        review.settle()
        assert review.work.navigator.here() == ("" if then == "renew" else three[1])
        assert (bobs.case(three[0]).revision, bobs.case(three[0]).status) == (head, Status.IN_PROGRESS)
        np.testing.assert_array_equal(bobs.read_mask(bobs.revisions(three[0])[-1].id), painted)
        bobs.leave(three[0], "Bob", 1.0)
    again = review.open(three[0])
    assert again is not mask and not np.array_equal(again.data, painted)


def test_a_mask_that_somebody_else_changed_meanwhile_is_shown(review, three):
    mask = review.open(three[0])
    stroke(mask, (5, 5))
    review.open(three[1])
    review.settle()
    theirs = lungs(mask.data.shape)
    theirs[:4] = 1
    review.work.project.add_revision(three[0], theirs, Author(AuthorKind.PERSON, "Bob"))
    again = review.open(three[0])
    review.settle()
    np.testing.assert_array_equal(again.data, theirs)
    again.undo()
    assert not np.array_equal(again.data, theirs)


def test_the_user_removes_the_mask_layer(review, three):
    mask = review.open(three[0])
    stroke(mask, (5, 5))
    painted = mask.data.copy()
    review.viewer.layers.remove(mask)
    assert review.work.current is None
    assert "taken out" in review.news[-1]
    np.testing.assert_array_equal(review.saved(three[0]), painted)
    again = review.open(three[0])
    assert again is mask and len(review.viewer.layers) == 2


def test_the_user_renames_and_removes_the_image_layer(review, three):
    mask = review.open(three[0])
    mask.name = "mine"
    review.viewer.layers[0].name = "also mine"
    review.viewer.layers.remove(review.viewer.layers[0])
    stroke(mask, (5, 5))
    painted = mask.data.copy()
    review.open(three[1])
    np.testing.assert_array_equal(review.saved(three[0]), painted)
    review.open(three[0])
    assert [layer.name for layer in review.viewer.layers] == ["also mine", "mine"]


def test_other_layers_of_the_user_stay(review, three):
    own = review.viewer.add_points([[3, 3]], name="own")
    review.open(three[0])
    review.open(three[1])
    assert own in review.viewer.layers
    review.work.close_project()
    assert list(review.viewer.layers) == [own]


def test_closing_the_project_saves_and_gives_back(review, three):
    mask = review.open(three[0])
    stroke(mask, (5, 5))
    painted = mask.data.copy()
    worker = review.work.connection.worker
    review.work.close_project()
    assert review.work.project is None and not review.viewer.layers
    assert worker.join(20)
    with ReviewProject.open(review.folder) as project:
        case = project.case(three[0])
        assert case.lease == "" and case.active_seconds >= 0
        np.testing.assert_array_equal(project.read_mask(case.revision), painted)
        assert project.revision(case.revision).author == Author(AuthorKind.PERSON, "Ann")


def test_a_stack_is_worked_on_slice_by_slice(review, tmp_path):
    (stack,) = review.start([write_stack(tmp_path / "ct.nii")])
    mask = review.open(stack)
    assert mask.data.shape == (6, 40, 50)
    assert tuple(mask.scale) == (4.0, 1.5, 1.5)
    assert review.viewer.dims.current_step[0] == 3
    review.viewer.dims.set_current_step(0, 1)
    stroke(mask, (1, 3, 3))
    painted = mask.data.copy()
    assert painted[1].sum() > lungs((40, 50)).sum()
    np.testing.assert_array_equal(review.journaled(stack), painted)
    review.work.close_project()
    review.reopen()
    np.testing.assert_array_equal(review.open(stack).data, painted)


def test_a_stack_comes_back_at_its_slice(review, tmp_path):
    images = [write_stack(tmp_path / "ct.nii"), *write_images(tmp_path / "images", 1)]
    stack, flat = review.start(images)
    review.open(stack).n_edit_dimensions = 3
    review.viewer.dims.set_current_step(0, 5)
    assert review.open(flat).n_edit_dimensions == 2
    assert review.viewer.dims.ndim == 2
    review.open(stack)
    assert review.viewer.dims.current_step[0] == 5


def test_the_cache_is_bounded(review, three):
    cache = CaseCache(cases=2, nbytes=10**9)
    for id in three:
        review.open(id)
        cache.keep(review.work.presenter.layers)
    assert [id in cache for id in three] == [False, True, True]
    small = CaseCache(cases=9, nbytes=review.work.presenter.layers.nbytes + 1)
    kept = review.work.presenter.layers
    assert small.keep(kept) == []
    assert small.keep(cache.take(three[1])) == [kept]


def test_a_kept_case_comes_back_though_the_one_that_is_left_needs_its_room(review, three):
    review.work.presenter._cache = CaseCache(cases=1)
    first = review.open(three[0])
    stroke(first, (5, 5))
    review.open(three[1])
    assert review.open(three[0]) is first
    assert first in review.viewer.layers and not review.failures


def test_history_counts_in_the_cache(review, three):
    mask = review.open(three[0])
    before = review.work.presenter.layers.nbytes
    stroke(mask, (5, 5), size=30)
    mask.data_setitem((np.array([1, 2]), np.array([1, 2])), 1)
    assert review.work.presenter.layers.nbytes > before + 100


def test_an_older_case_is_read_from_its_revisions(review, three):
    mask = review.open(three[0])
    stroke(mask, (5, 5))
    painted = mask.data.copy()
    review.open(three[1])
    review.settle()
    review.work.opener.forget_all()
    again = review.open(three[0])
    assert again is not mask
    np.testing.assert_array_equal(again.data, painted)
    assert review.work.project.first_mask(three[0]).author == MODEL
