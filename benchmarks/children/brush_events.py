"""Strokes of the mouse on a large mask, with and without our docks: ...children.brush_events SIDE"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

_STROKES, _MOVES, _BRUSH = 6, 14, 40
_PAUSE_S = 0.015  # between events; vispy and napari leave out those that come too fast
_PATIENCE_S = 120.0


def main(side: int) -> None:
    import napari

    plain, ours = napari.Viewer(), napari.Viewer()
    with tempfile.TemporaryDirectory() as folder:
        session = _open_case(ours, Path(folder), side)
        plain.add_image(ours.layers[0].data, name="chest")
        plain.add_labels(ours.layers[1].data.copy(), name="mask")
        found: dict[str, Any] = {}
        for how in ("filled", "outline"):
            masks = {"napari": (plain, plain.layers[1]), "ours": (ours, session.casework.current_layer)}
            for _, mask in masks.values():
                mask.mode, mask.brush_size, mask.selected_label = "paint", _BRUSH, 1
                mask.contour = 2 if how == "outline" else 0
            found[how] = _strokes(masks)
        worker = session.casework.connection.worker
        session.casework.close_project()
        worker.join(_PATIENCE_S)
        plain.close()
        ours.close()
    print(json.dumps(found))


def _open_case(viewer: Any, folder: Path, side: int) -> Any:
    """A project with one large case, opened as its user does, with the docks Review and Correct."""
    from PIL import Image

    from benchmarks.images import xray
    from napari_unet.review.store import ReviewProject
    from napari_unet.review.types import Author, AuthorKind, NewCase
    from napari_unet.widgets.session import session_of

    pixels = xray(side)
    Image.fromarray((pixels / max(1, pixels.max()) * 255).astype(np.uint8)).save(folder / "chest.png")
    mask = np.zeros((side, side), np.uint8)
    mask[side // 5 : -side // 5, side // 8 : 3 * side // 8] = 1
    with ReviewProject.create(folder / "project") as project:
        ((case, _),) = project.add([NewCase(str(folder / "chest.png"))], "benchmark")
        project.add_revision(case, mask, Author(AuthorKind.MODEL, "benchmark"))
    session = session_of(viewer)
    session.attach(main)
    for name in _docks():
        viewer.window.add_plugin_dock_widget("napari-unet-lung", name)
    session.casework.open_project(folder / "project")
    _wait(lambda: session.casework.project is not None)
    session.casework.navigator.open_case(case)
    _wait(lambda: session.casework.current_layer is not None)
    return session


def _docks() -> list[str]:
    """Those of ours that the manifest offers beside Segment."""
    from npe2 import PluginManager

    manifest = PluginManager.instance().get_manifest("napari-unet-lung")
    offered = {widget.display_name for widget in manifest.contributions.widgets or ()}
    return [name for name in ("Review", "Correct") if name in offered]


def _strokes(masks: dict[str, tuple[Any, Any]]) -> dict[str, dict[str, float]]:
    """Median seconds of a move and of a release by contender, in turns; the first stroke does not count."""
    taken: dict[str, dict[str, list[float]]] = {name: {"move": [], "release": []} for name in masks}
    for number in range(_STROKES + 1):
        for name, (viewer, mask) in masks.items():
            mask.selected_label = 1 + number % 2
            moves, release = _stroke(viewer, number)
            if number:
                taken[name]["move"] += moves
                taken[name]["release"].append(release)
    return {
        name: {kind: statistics.median(seconds) for kind, seconds in kinds.items()}
        for name, kinds in taken.items()
    }


def _stroke(viewer: Any, number: int) -> tuple[list[float], float]:
    """Press, drag across the canvas, :release:: seconds of each move and of the release."""
    from qtpy.QtCore import QEvent, QPointF, Qt
    from qtpy.QtGui import QMouseEvent
    from qtpy.QtWidgets import QApplication

    canvas = viewer.window._qt_viewer.canvas.native
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton

    def send(kind: Any, at: tuple[float, float], button: Any, held: Any) -> float:
        where = QPointF(*at)
        event = QMouseEvent(kind, where, where, button, held, Qt.KeyboardModifier.NoModifier)
        start = time.perf_counter()
        QApplication.sendEvent(canvas, event)
        seconds = time.perf_counter() - start
        time.sleep(_PAUSE_S)
        QApplication.processEvents()
        return seconds

    width, height = canvas.width(), canvas.height()
    y = height * (0.3 + 0.4 * number / _STROKES)
    path = [(width * x, y) for x in np.linspace(0.35, 0.65, _MOVES)]
    send(QEvent.Type.MouseButtonPress, path[0], left, left)
    moves = [send(QEvent.Type.MouseMove, at, none, left) for at in path[1:]]
    return moves, send(QEvent.Type.MouseButtonRelease, path[-1], left, none)


def _wait(until: Any) -> None:
    from qtpy.QtWidgets import QApplication

    end = time.monotonic() + _PATIENCE_S
    while not until():
        if time.monotonic() > end:
            raise TimeoutError("nothing happened")
        QApplication.processEvents()
        time.sleep(0.005)


if __name__ == "__main__":
    main(int(sys.argv[1]))
