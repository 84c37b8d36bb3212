"""Where first masks are made: what is offered, asked for and remembered."""

from __future__ import annotations

import pytest
from qtpy.QtWidgets import QInputDialog

from napari_unet.widgets.common.run_on import RunOnBox, RunOnDialog, choose_cluster, chosen_cluster


@pytest.fixture
def typed(monkeypatch):
    """What the user answers when the address is asked for: (text, whether it was confirmed)."""
    answer = ["tls://gpu1:8786", True]
    monkeypatch.setattr(QInputDialog, "getText", lambda *_: tuple(answer))
    return answer


def choose(box: RunOnBox, text: str) -> None:
    """As with the mouse."""
    index = box.findText(text)
    box.setCurrentIndex(index)
    box.activated.emit(index)


def entries(box: RunOnBox) -> list[str]:
    return [box.itemText(row) for row in range(box.count())]


def test_nothing_leaves_this_computer_unless_it_was_chosen(qtbot):
    box = RunOnBox()
    qtbot.addWidget(box)
    assert (box.currentText(), box.address(), chosen_cluster()) == ("This computer", "", "")
    assert entries(box) == ["This computer", "Cluster…"]


def test_a_cluster_is_asked_for_and_remembered(qtbot, typed):
    box = RunOnBox()
    qtbot.addWidget(box)
    with qtbot.waitSignal(box.chosen) as told:
        choose(box, "Cluster…")
    assert told.args == ["tls://gpu1:8786"] and box.currentText() == "tls://gpu1:8786"
    later = RunOnBox()
    qtbot.addWidget(later)
    assert later.address() == chosen_cluster() == "tls://gpu1:8786"
    choose(later, "This computer")
    assert chosen_cluster() == ""
    assert entries(later) == ["This computer", "tls://gpu1:8786", "Cluster…"]


@pytest.mark.parametrize("answer", [("tls://gpu2:1", False), ("tls://", True), ("  ", True)])
def test_no_address_is_no_choice(qtbot, typed, answer):
    choose_cluster("tls://gpu1:8786")
    box = RunOnBox()
    qtbot.addWidget(box)
    typed[:] = answer
    choose(box, "Cluster…")
    assert box.address() == chosen_cluster() == "tls://gpu1:8786"


def test_only_the_last_few_are_offered_each_once(qtbot):
    for number in (1, 2, 3, 4, 5, 6, 7, 6):
        choose_cluster(f"tls://gpu{number}:8786")
    box = RunOnBox()
    qtbot.addWidget(box)
    assert entries(box)[1:-1] == [f"tls://gpu{number}:8786" for number in (6, 7, 5, 4, 3)]


def test_the_dialog_of_the_menu_says_what_it_means(qtbot, review_dock):
    review_dock.page.header.entries["run on"].trigger()
    (dialog,) = review_dock.findChildren(RunOnDialog)
    assert dialog.isVisible() and dialog.box.address() == ""
    choose_cluster("tls://gpu1:8786")
    dialog.reject()
    assert chosen_cluster() == "tls://gpu1:8786"
