"""A review project of many cases in a real window: python -m benchmarks.children.review_queue COUNT SIDE"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.images import xray
from napari_unet.io.pictures import write_png
from napari_unet.review.add import add_found, gather
from napari_unet.review.queue import order_cases
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import Order

_PATIENCE_S = 120.0
_MANY = 1000  # from here on it is not a trial


def main(count: int, side: int) -> None:
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # thumbnails still come
        images, project = Path(folder) / "images", Path(folder) / "project"
        _make_images(images, count, side)
        _without_window(images, project, found)
        started = [_started(project) for _ in range(1 if count < _MANY else 3)]
        found["first"] = [one["first"] for one in started]
        _in_window(project, found)
    found["torch"] = "torch" in sys.modules or any(one["torch"] for one in started)
    print(json.dumps(found), flush=True)
    os._exit(0)  # the window's own end is not measured


def _make_images(folder: Path, count: int, side: int) -> None:
    """One X-ray under many names."""
    folder.mkdir()
    first = write_png(folder / "00000.png", xray(side))
    for number in range(1, count):
        os.link(first, folder / f"{number:05d}.png")


def _without_window(images: Path, folder: Path, found: dict[str, Any]) -> None:
    with ReviewProject.create(folder) as project:
        start = time.perf_counter()
        given = gather([images])
        found["find"] = time.perf_counter() - start
        start = time.perf_counter()
        ids = add_found(project, given, "benchmark")
        found["add"] = time.perf_counter() - start
        project.put_check_results(ids[-1][0], ("holes",), 0.2)
    start = time.perf_counter()
    with ReviewProject.open(folder) as project:
        cases = project.cases()
        found["open"] = time.perf_counter() - start
    start = time.perf_counter()
    order_cases(cases, Order.CHECKS)
    found["order"] = time.perf_counter() - start


def _started(project: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.children.first_case", str(project), str(time.time())]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_PATIENCE_S)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _in_window(folder: Path, found: dict[str, Any]) -> None:
    import napari
    from qtpy.QtCore import Qt

    from napari_unet.widgets.open_review import open_review
    from napari_unet.widgets.review.queue_table import QueueTable
    from napari_unet.widgets.session import session_of

    viewer = napari.Viewer()
    casework = session_of(viewer).casework
    opened: list[Any] = []
    casework.case_opened.connect(opened.append)
    open_review(viewer, folder)
    _wait(lambda: opened)
    table = viewer.window._qt_window.findChild(QueueTable)
    rows = table.model.rowCount()
    found["rows"] = rows
    _rest()
    found["next"] = []
    for _ in range(5):
        before, start = len(opened), time.perf_counter()
        casework.navigator.open_next()
        _wait(lambda before=before: len(opened) > before)
        found["next"].append(time.perf_counter() - start)
        _rest(0.5)
    found["filter"], found["sort"], found["scroll"] = [], [], []
    for text in ("holes", ""):
        start = time.perf_counter()
        table.search.setText(text)
        table.search.returnPressed.emit()
        _wait(lambda text=text: (table.model.rowCount() == rows) == (not text))
        found["filter"].append(time.perf_counter() - start)
    for column in range(1, table.model.columnCount()):
        start = time.perf_counter()
        table.view.sortByColumn(column, Qt.SortOrder.DescendingOrder)
        _turn()
        found["sort"].append(time.perf_counter() - start)
    for place in range(0, rows, max(1, rows // 20)):
        start = time.perf_counter()
        table.view.verticalScrollBar().setValue(place)
        _turn()
        found["scroll"].append(time.perf_counter() - start)


def _turn() -> None:
    from qtpy.QtWidgets import QApplication

    QApplication.processEvents()


def _rest(seconds: float = 2.0) -> None:
    """Let the work in the background end."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        _turn()
        time.sleep(0.01)


def _wait(done: Callable[[], object]) -> None:
    end = time.monotonic() + _PATIENCE_S
    while not done():
        if time.monotonic() > end:
            raise SystemExit("the window did not get there")
        _turn()
        time.sleep(0.001)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
