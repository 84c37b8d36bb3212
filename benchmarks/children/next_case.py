"""How long showing a case keeps the window, and who does: ...children.next_case COUNT SIDE"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

_PATIENCE_S = 120.0
_REST_S = 1.5  # between two cases: the next one is read meanwhile
_TICK_S = 0.001


class Watch:
    """Looks at the window's thread every millisecond, from another thread.

    longest : seconds between two turns of the event loop. ours, napari : seconds in which the innermost
    function of the two was of this package, or of napari and vispy. piece : the longest of ours at a stretch.
    """

    def __init__(self) -> None:
        from qtpy.QtCore import QTimer

        self._window = threading.get_ident()
        self._turn = time.perf_counter()
        self.start()
        self._timer = QTimer()
        self._timer.setInterval(2)
        self._timer.timeout.connect(self._on_turn)
        self._timer.start()
        threading.Thread(target=self._look, daemon=True).start()

    def start(self) -> None:
        """Start again."""
        self.longest = self.ours = self.napari = self.piece = 0.0

    def figures(self) -> dict[str, float]:
        """Since `start`."""
        return {"longest": self.longest, "ours": self.ours, "napari": self.napari, "piece": self.piece}

    def _on_turn(self) -> None:
        now = time.perf_counter()
        self.longest, self._turn = max(self.longest, now - self._turn), now

    def _look(self) -> None:
        before, piece = time.perf_counter(), 0.0
        while True:
            time.sleep(_TICK_S)
            frame = sys._current_frames().get(self._window)
            now = time.perf_counter()
            passed, before = now - before, now
            whose = self._whose(frame)
            piece = piece + passed if whose == "ours" else 0.0
            self.piece = max(self.piece, piece)
            if whose == "ours":
                self.ours += passed
            elif whose == "napari":
                self.napari += passed

    @staticmethod
    def _whose(frame: Any) -> str:
        while frame is not None:
            file = Path(frame.f_code.co_filename).parts
            if "napari_unet" in file:
                return "ours"
            if "napari" in file or "vispy" in file:
                return "napari"
            frame = frame.f_back
        return ""


def main(count: int, side: int) -> None:
    import napari

    from napari_unet.widgets.open_review import open_review
    from napari_unet.widgets.session import session_of

    with tempfile.TemporaryDirectory() as folder:
        project = _make_project(Path(folder), count, side)
        viewer = napari.Viewer()
        casework = session_of(viewer).casework
        opened: list[Any] = []
        casework.case_opened.connect(opened.append)
        watch = Watch()
        _rest(_REST_S)
        watch.start()
        open_review(viewer, project)
        _wait(lambda: opened)
        _rest(_REST_S)
        found: dict[str, Any] = {"first": watch.figures(), "next": []}
        for _ in range(count - 1):
            watch.start()
            before = len(opened)
            casework.decisions.accept()
            _wait(lambda before=before: len(opened) > before)
            _rest(_REST_S)
            found["next"].append(watch.figures())
        print(json.dumps(found), flush=True)
        os._exit(0)  # the window's own end is not measured


def _make_project(folder: Path, count: int, side: int) -> Path:
    """X-rays of 8 bits, each with a mask."""
    from benchmarks.images import lungs, unit_xray
    from napari_unet.io.pictures import write_png
    from napari_unet.review.store import ReviewProject
    from napari_unet.review.types import Author, AuthorKind, NewCase

    image = write_png(folder / "0.png", (unit_xray(side) * 255).astype(np.uint8))
    mask = lungs(side).astype(np.uint8)
    with ReviewProject.create(folder / "project") as project:
        for number in range(count):
            path = folder / f"case {number}.png"
            os.link(image, path)
            ((case, _),) = project.add([NewCase(str(path))], "benchmark")
            project.add_revision(case, mask, Author(AuthorKind.MODEL, "benchmark"))
    return folder / "project"


def _rest(seconds: float) -> None:
    end = time.monotonic() + seconds
    _wait(lambda: time.monotonic() > end)


def _wait(done: Any) -> None:
    from qtpy.QtWidgets import QApplication

    end = time.monotonic() + _PATIENCE_S
    while not done():
        if time.monotonic() > end:
            raise SystemExit("the window did not get there")
        QApplication.processEvents()
        time.sleep(0.001)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
