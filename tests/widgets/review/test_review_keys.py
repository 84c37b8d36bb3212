"""The keys of the Review dock: what clashes is refused, and they work wherever the focus is."""

from __future__ import annotations

import pytest
from napari.components import ViewerModel
from napari.layers import Image, Labels
from napari.settings import get_settings
from napari.utils.key_bindings import coerce_keybinding
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QLineEdit, QMainWindow, QPushButton, QSpinBox, QTextEdit, QWidget

from napari_unet.widgets.common.window_keys import WindowKeys
from napari_unet.widgets.review.actions import ACTIONS, HELD, REASON_KEYS, normal_key, plan_keys, taken_keys

KEYS = {action.name: action.key for action in ACTIONS}


def test_no_default_belongs_to_labels_images_the_viewer_or_us(make_napari_viewer):
    viewer = make_napari_viewer()
    taken = taken_keys(viewer)
    assert {"V", "P", "Ctrl+Z", "G", "W", "H", "Space", "[", "1"} <= set(taken), "the lists are those in use"
    assert plan_keys({}, taken).problems == ()
    bound = {coerce_keybinding(key) for key in KEYS.values()}
    for kind in (Labels, Image, ViewerModel, type(viewer)):
        assert not bound & set(kind.class_keymap)
    points_and_shapes = ("points", "shapes", "select_", "direct", "_in_slice", "rectangle", "ellipse", "path")
    for name, keys in get_settings().shortcuts.shortcuts.items():
        if bound & set(keys):
            assert any(word in str(name) for word in (*points_and_shapes, "line", "vertex")), name


def test_a_clash_is_refused_with_its_name_and_the_default_stays(make_napari_viewer):
    viewer = make_napari_viewer()

    def count_cells(_viewer):
        """Of another plug-in."""

    viewer.bind_key("Q", count_cells)
    taken = taken_keys(viewer)
    for name, key, whose in (
        ("accept", "V", "Toggle visibility of selected layers"),
        ("accept", "p", "Activate the paint brush"),
        ("next", "Ctrl+Z", "undo"),
        ("flip", "G", "invert grey"),
        ("jump", "R", "Reject"),
        ("accept", "q", "count cells"),
    ):
        plan = plan_keys({name: key}, taken)
        (problem,) = plan.problems
        assert whose in problem
        assert plan.key_of(name) == KEYS[name]


def test_keys_can_be_changed_swapped_and_left_out():
    plan = plan_keys({"accept": "Q", "next": "", "reject": "A"}, {})
    assert plan.problems == ()
    assert (plan.key_of("accept"), plan.key_of("next"), plan.key_of("reject")) == ("Q", "", "A")


@pytest.mark.parametrize("text", ["", "foo", "Ctrl+K, B", "Æ"])
def test_what_is_no_single_key(text):
    assert normal_key(text) == ""


@pytest.fixture
def window(qtbot):
    main = QMainWindow()
    main.setCentralWidget(QWidget())
    qtbot.addWidget(main)
    main.show()
    qtbot.waitExposed(main)
    return main


@pytest.fixture
def pressed(window):
    keys = WindowKeys(window, window, HELD)
    keys.set_keys(plan_keys({}, {}).keys)
    names = []
    keys.pressed.connect(names.append)
    keys.offered.connect(names.append)
    keys.switch(True)
    yield names
    keys.switch(False)


@pytest.mark.parametrize("kind", [QLineEdit, QTextEdit, QSpinBox])
def test_who_types_text_is_left_alone(window, pressed, qtbot, kind):
    field = kind(window.centralWidget())
    field.show()
    field.setFocus()
    qtbot.keyClicks(field, "ar")
    assert pressed == []
    if kind is QLineEdit:
        assert field.text() == "ar"


@pytest.mark.parametrize("kind", [QPushButton, QComboBox, QWidget])
def test_other_widgets_pass_them_on(window, pressed, qtbot, kind):
    field = kind(window.centralWidget())
    field.show()
    qtbot.keyClick(field, Qt.Key.Key_A)
    qtbot.keyClick(field, Qt.Key.Key_N, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClick(field, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert pressed == ["accept", "previous"]


def test_another_window_is_left_alone(pressed, qtbot):
    other = QPushButton()
    qtbot.addWidget(other)
    qtbot.keyClick(other, Qt.Key.Key_A)
    assert pressed == []


def test_an_offer_takes_numbers_also_from_the_number_pad(window, pressed, qtbot):
    keys = window.findChild(WindowKeys)
    field = QPushButton(window.centralWidget())
    qtbot.keyClick(field, Qt.Key.Key_3)
    keys.offer(frozenset(REASON_KEYS))
    qtbot.keyClick(field, Qt.Key.Key_3)
    qtbot.keyClick(field, Qt.Key.Key_4, Qt.KeyboardModifier.KeypadModifier)
    keys.offer(frozenset())
    qtbot.keyClick(field, Qt.Key.Key_3)
    assert pressed == ["3", "4"]
