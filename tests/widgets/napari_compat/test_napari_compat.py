"""What of napari is private and used: all of it in `napari_compat`, and each still what it is taken for.

A test that fails here after napari was updated names the function to fix.
"""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
from napari._qt.dialogs.qt_notification import NapariQtNotification
from napari.components import ViewerModel
from napari.layers import Image, Labels
from napari.utils._proxies import PublicOnlyProxy
from npe2 import DynamicPlugin
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QMainWindow
from vispy.scene import Node

import napari_unet
from napari_unet.widgets.napari_compat import history, modes, scene, window
from napari_unet.widgets.napari_compat.opened import opened_together

PACKAGE = Path(napari_unet.__file__).parent
COMPAT = PACKAGE / "widgets" / "napari_compat"
PUBLIC = {
    "_exit": "os, documented",
    "_replace": "named tuples, documented",
    "_mapping": "a row of SQLAlchemy, documented",
    "_value_": "members of an enum, documented",
}
BY_NAME = {"getattr", "setattr", "hasattr", "delattr", "attrgetter", "methodcaller", "pop", "import_module"}


# -- nowhere else --


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name != "_"


def _own_names(tree: ast.AST) -> set[str]:
    """What classes of ours define or set on themselves."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for part in node.body:
                if isinstance(part, (ast.FunctionDef, ast.ClassDef)):
                    names.add(part.name)
                targets = [*getattr(part, "targets", []), getattr(part, "target", None)]
                names |= {target.id for target in targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _is_self(node.value):
            names.add(node.attr)
    return names


def _is_self(node: ast.AST) -> bool:
    named = isinstance(node, ast.Name) and node.id in ("self", "cls")
    return named or (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "super")


def _used(tree: ast.AST, own: set[str]) -> list[tuple[int, str]]:
    """(line, what) of every private name of somebody else's: attributes, imports, and names as text."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and _is_private(node.attr) and node.attr not in PUBLIC:
            if not (_is_self(node.value) and node.attr in own):
                found.append((node.lineno, ast.unparse(node)))
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            named = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            parts = {part for name in named for part in name.split(".")}
            if any(_is_private(part) and part != "_version" for part in parts):
                found.append((node.lineno, ast.unparse(node)))
        elif isinstance(node, ast.Call):
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            texts = [one.value for one in node.args if isinstance(one, ast.Constant) and called in BY_NAME]
            if any(isinstance(text, str) and _is_private(text) for text in texts):
                found.append((node.lineno, ast.unparse(node)))
    return found


def test_no_private_attribute_of_others_outside_of_this_package():
    trees = {file: ast.parse(file.read_text("utf-8")) for file in PACKAGE.rglob("*.py")}
    own = {name for tree in trees.values() for name in _own_names(tree)}
    used = [
        f"{file.relative_to(PACKAGE)}:{line}: {what}"
        for file, tree in trees.items()
        if COMPAT not in file.parents
        for line, what in _used(tree, own)
    ]
    assert used == []


@pytest.mark.parametrize(
    "line",
    [
        "viewer.window._qt_window",
        "self._viewer._qt_window",
        "self._qt_window",  # inherited
        "getattr(layer, '_undo_history')",
        "vars(layer).pop('_mode', None)",
        "from napari._qt import qt_viewer",
        "import napari._vispy",
        "from napari.layers import _base",
        "sys._getframe()",
    ],
)
def test_the_search_finds(line):
    tree = ast.parse(f"class A:\n    def __init__(self, viewer):\n        self._viewer = viewer\n{line}")
    assert len(_used(tree, _own_names(tree))) == 1


def test_the_search_passes_over_what_is_ours():
    ours = "class A:\n    _n: int = 0\n    def _f(self):\n        self._g = cls._n\n        super()._f()"
    tree = ast.parse(ours)
    assert _used(tree, _own_names(tree)) == []


# -- window --


def test_window_and_canvas(viewer, qtbot):
    canvas = window.canvas_of(viewer)
    assert isinstance(window.window_of(viewer), QMainWindow)
    assert window.window_of(viewer).isAncestorOf(canvas)
    assert canvas.isVisible()
    assert window.window_of(ViewerModel()) is None
    assert window.canvas_of(ViewerModel()) is None


def test_real_viewer(viewer):
    assert window.real_viewer(PublicOnlyProxy(viewer)) is viewer
    assert window.real_viewer(viewer) is viewer


def test_is_closing(make_napari_viewer):
    viewer = make_napari_viewer(show=True)
    assert not window.is_closing(viewer)
    assert not window.is_closing(ViewerModel())
    seen = []

    class Watch(QObject):
        def eventFilter(self, _watched, event):
            if event.type() == QEvent.Type.Hide:
                seen.append(window.is_closing(viewer))
            return False

    watch = Watch()
    window.window_of(viewer).installEventFilter(watch)
    viewer.close()
    assert seen == [True]


def test_canvas_keys(viewer):
    pressed, released = window.canvas_keys(viewer)
    down, up = [], []
    pressed.connect(lambda event: down.append(event.key.name))
    released.connect(lambda event: up.append(event.key.name))
    QTest.keyClick(window.canvas_of(viewer), Qt.Key.Key_Space)
    assert set(down) == set(up) == {"Space"}


def test_mode_buttons_and_group(viewer):
    layer = viewer.layers["lungs"]
    buttons = window.mode_buttons(viewer, layer)
    layer.mode = "paint"
    assert [mode for mode, button in buttons.items() if button.isChecked()] == ["paint"]
    assert window.mode_group(viewer, layer).checkedButton() is buttons["paint"]
    assert window.mode_buttons(viewer, Labels(np.zeros((2, 2), int))) == {}
    assert window.mode_group(viewer, Labels(np.zeros((2, 2), int))) is None


def test_notes(viewer, qtbot):
    note = NapariQtNotification("a word", "warning", parent=window.window_of(viewer))
    note.show()
    ((_, close),) = [found for found in window.notes() if found[0] == "a word"]
    close()
    qtbot.waitUntil(lambda: all(text != "a word" for text, _ in window.notes()))


def test_show_preferences(viewer):
    dialog = window.show_preferences(viewer, "Shortcuts")
    chosen = dialog._list.currentItem().text()
    dialog.close()
    assert chosen == "Shortcuts"


# -- keys --


def test_described_actions():
    actions = window.described_actions()
    for name, kind in (
        ("activate_labels_paint_mode", Labels),
        ("activate_image_transform_mode", Image),
        ("reset_view", ViewerModel),
    ):
        provider, does = actions[f"napari:{name}"]
        assert provider is kind
        assert does


def test_menu_keys(viewer):
    found = dict(window.menu_keys())
    assert found["Ctrl+O"].startswith("napari.window.file")


# -- history --


@pytest.fixture
def mask() -> Labels:
    return Labels(np.zeros((4, 4), np.uint8))


def test_steps_of_undo_and_redo(mask):
    mask.data_setitem((np.array([1]), np.array([2])), 1)
    ((step,),) = [history.undo_steps(mask)]
    assert len(history.redo_steps(mask)) == 0
    mask.undo()
    assert len(history.undo_steps(mask)) == 0
    assert list(history.redo_steps(mask)) == [step]
    history.redo_steps(mask).clear()
    mask.redo()
    assert not mask.data.any()


def test_is_painting(mask):
    with mask.block_history():
        assert history.is_painting(mask)
    assert not history.is_painting(mask)


def test_end_failed_step(mask):
    with pytest.raises(ZeroDivisionError), mask.block_history():
        mask.data_setitem((np.array([0]), np.array([0])), 1)
        raise ZeroDivisionError
    history.end_failed_step(mask)
    assert len(history.undo_steps(mask)) == 1
    mask.data_setitem((np.array([1]), np.array([1])), 1)
    assert len(history.undo_steps(mask)) == 2
    mask.undo()
    assert mask.data.sum() == 1


# -- modes --


def test_mode_requests(mask):
    mask.mode = "polygon"
    heard = []

    def asked(mode):
        heard.append(mode)
        return requests.grant(mode)

    requests = modes.ModeRequests(mask, asked)
    mask.mode = "polygon"  # as it is
    mask.mode = "PAINT"
    assert heard == ["polygon", "paint"]
    assert mask.mode == "paint"
    requests.end()
    mask.mode = "erase"
    assert heard == ["polygon", "paint"]


def test_set_hidden_mode(viewer):
    layer = viewer.layers["lungs"]
    layer.mode = "paint"
    layer.visible = False
    modes.set_hidden_mode(layer, "fill")
    layer.visible = True
    assert layer.mode == "fill"


def test_stop_polygon(viewer):
    layer = viewer.layers["lungs"]
    polygon = layer._overlays["polygon"]
    layer.mode = "polygon"
    assert polygon.enabled
    modes.stop_polygon(layer)
    assert not polygon.enabled


def test_is_drawing_freehand(viewer):
    layer = viewer.layers["lungs"]
    assert not modes.is_drawing_freehand(layer)
    layer._overlays["brush_stroke"].active = True
    assert modes.is_drawing_freehand(layer)
    assert not modes.is_drawing_freehand(viewer.layers["chest"])


# -- scene --


def test_node_of(viewer):
    node = scene.node_of(viewer, viewer.layers["lungs"])
    assert isinstance(node, Node)
    assert node.canvas is not None
    assert scene.node_of(viewer, Labels(np.zeros((2, 2), int))) is None
    assert scene.node_of(ViewerModel(), viewer.layers["lungs"]) is None


def test_texture_step(viewer, qtbot):
    assert scene.texture_step(viewer.layers["lungs"]) == (1, 1)
    wide = viewer.add_labels(np.zeros((2, 40_000), np.uint8))
    qtbot.waitUntil(lambda: scene.texture_step(wide)[1] > 1)
    assert scene.texture_step(wide)[0] == 1


def test_added_unselected(viewer):
    active = viewer.layers.selection.active
    with scene.added_unselected(viewer):
        viewer.add_image(np.zeros((4, 4)))
    assert viewer.layers.selection.active is active
    later = viewer.add_image(np.zeros((4, 4)))
    assert viewer.layers.selection.active is later


def test_opened_together(viewer, tmp_path):
    files = [str(tmp_path / name) for name in ("1.xyz", "2.xyz")]
    for file in files:
        Path(file).touch()
    heard = []

    def read(_path):
        heard.append(opened_together())
        return [(np.zeros((2, 2)), {}, "image")]

    with DynamicPlugin("one-by-one") as plugin:

        @plugin.contribute.reader(filename_patterns=["*.xyz"])
        def get_reader(path):
            return read

        viewer.open(files, plugin="one-by-one")
    assert heard == [[Path(file) for file in files]] * 2
    assert opened_together() == []
