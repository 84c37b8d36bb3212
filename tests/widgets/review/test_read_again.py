"""Decided cases once more, from the menu of the dock, and what both readings have in common."""

from __future__ import annotations

import pytest
from casework_fakes import write_images
from dock_fakes import words

from napari_unet.review.store import ReviewProject
from napari_unet.review.types import Status

AGAIN = "napari_unet.widgets.review.again"


@pytest.fixture
def opened(review, review_dock, tmp_path):
    """The dock on a project of four, of which Ann has accepted three."""
    ids = review.start(write_images(tmp_path / "images", 4))
    for id in ids[:3]:
        review.work.project.decide(id, Status.ACCEPTED, "Ann")
    review.open(ids[3])
    review.settle()
    yield review_dock, review, ids
    review.viewer.window.remove_dock_widget(review_dock)


def test_some_cases_come_back_and_are_compared(opened, monkeypatch):
    dock, review, _ = opened
    first = review.work.project.folder
    monkeypatch.setattr(f"{AGAIN}.QInputDialog.getInt", lambda *_: (100, True))
    dock.page.header.entries["again"].trigger()
    review.qtbot.waitUntil(lambda: getattr(review.work.project, "folder", first) != first)
    review.settle()
    again = review.work.project
    assert again.folder.name == f"{first.name} again" and len(again.cases()) == 3
    assert all(
        case.status in (Status.NEW, Status.IN_PROGRESS) and not case.reviewer for case in again.cases()
    )
    for case in again.cases():
        again.decide(case.id, Status.ACCEPTED, "Ann")
    monkeypatch.setattr(f"{AGAIN}.QFileDialog.getExistingDirectory", lambda *_: str(first))
    dock.page.header.entries["compare"].trigger()
    review.qtbot.waitUntil(lambda: "Ann and Ann again: 3 cases" in said(dock))
    assert "Dice 1.000" in said(dock)
    with ReviewProject.open(first) as untouched:
        assert [case.status for case in untouched.cases()].count(Status.ACCEPTED) == 3


def said(dock) -> str:
    return words(dock, "news") + words(dock, "message")


@pytest.mark.parametrize("entry", ["again", "compare"])
def test_who_changes_their_mind_gets_nothing(opened, monkeypatch, tmp_path, entry):
    dock, review, _ = opened
    before = sorted(tmp_path.rglob("review.db"))
    monkeypatch.setattr(f"{AGAIN}.QInputDialog.getInt", lambda *_: (5, False))
    monkeypatch.setattr(f"{AGAIN}.QFileDialog.getExistingDirectory", lambda *_: "")
    dock.page.header.entries[entry].trigger()
    review.settle()
    assert sorted(tmp_path.rglob("review.db")) == before


def test_what_is_wrong_is_said_and_the_dock_goes_on(opened, monkeypatch):
    dock, review, ids = opened
    monkeypatch.setattr(
        f"{AGAIN}.QFileDialog.getExistingDirectory", lambda *_: str(review.work.project.folder.parent)
    )
    dock.page.header.entries["compare"].trigger()
    review.qtbot.waitUntil(lambda: "not" in words(dock, "message"))
    for _ in ids[:3]:
        review.work.project.take_back("Ann")
    monkeypatch.setattr(f"{AGAIN}.QInputDialog.getInt", lambda *_: (5, True))
    dock.page.header.entries["again"].trigger()
    review.qtbot.waitUntil(lambda: "No case of the project is decided yet" in words(dock, "message"))
    assert "Drawing" not in words(dock, "background")
