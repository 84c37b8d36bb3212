"""Walks the ten stops of the tour in a real napari window, by keys alone, in both languages.

Writes docs/tour-by-keys.md: each key, what the dock then said, after how many seconds, and for how long the
window was held at most meanwhile, by drawing too; with a picture of the window at each stop. Writes the
pictures of the tutorial too, those of `napari-unet-lung tour` in a smaller size. Needs a screen of 1366×768
and nothing else at work: `make tour-by-keys`.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from html import unescape
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from desk import Desk  # isort: skip  # first: it keeps the settings of whoever runs this out of the pictures

import numpy as np
from PIL import Image
from qtpy.QtCore import Qt, QTimer
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QLabel, QWidget

from napari_unet.samples import SAMPLES
from napari_unet.tour.picture import WIDTH
from napari_unet.tour.stops import TOUR
from napari_unet.widgets.napari_compat.scene import SceneCleaning

_WIDTH = 360  # of the dock
_ALT, _NONE = Qt.KeyboardModifier.AltModifier, Qt.KeyboardModifier.NoModifier
_MOST_TABS = 100
_COLOURS = 64  # of the pictures: twenty of them are kept
_PICTURES, _OF_TUTORIAL = "images/tour-keys", "images/tour"
_WIDEST = 900  # pixels, of those of the tutorial
_HEAD = """# The tour by keys alone

`make tour-by-keys` walks the [ten stops](inside.md#the-tour) in a real window of 1366×768, in both
languages, and writes this page. *Window held*: the longest time between two turns of the window's event loop
meanwhile, drawing included. No graphics card."""
_TABLE = """| key | answered after | window held | the dock says |
| --- | --- | --- | --- |"""
_LIMIT_MS = 50
_AIM = f"The aim is that no key holds the window for more than {_LIMIT_MS} ms."
_HIGH = 1300  # pixels of a picture, about
_ROUNDS = 3
_TURN_MS = 2  # how often the event loop is looked at: always would take a processor from the engine


class Alone(NamedTuple):
    """What napari takes by itself for one picture, in ms that the window is held."""

    add: float
    replace: float
    remove: float

    def sentence(self) -> str:
        """For the page."""
        return (
            "A key to a stop puts another picture into a layer, the first adds that layer, and leaving the "
            "tour removes it. In the same window, with the dock closed, napari alone holds it for "
            f"{self.add:.0f} ms to add such a picture ({WIDTH}×{_HIGH}), {self.replace:.0f} ms to replace it "
            f"and {self.remove:.0f} ms to remove it (medians of {_ROUNDS}; without the garbage collection "
            "after a removal, which the plugin puts off)."
        )


class Walk:
    """A window in which nothing but keys is used, once the dock is open. log : a line for each key."""

    def __init__(self, folder: Path) -> None:
        self.desk = Desk(folder)
        self.log: list[str] = []
        self.desk.viewer.open_sample("napari-unet-lung", SAMPLES[1].key)
        self.dock: Any = self.desk.dock("Inside the network", _WIDTH)
        self.desk.settle()
        self.desk.viewer.reset_view()
        self.desk.window.activateWindow()  # where no window manager does it
        self._answered()

    def press(self, name: str, key: Any, modifier: Any = _NONE) -> None:
        """A key where the keyboard is; waits for the answer and notes what is said."""
        begun = time.monotonic()
        focus = QApplication.focusWidget() or self.desk.canvas
        with _Held() as held:
            QTimer.singleShot(0, lambda: QTest.keyClick(focus, key, modifier))
            self._answered()
        taken = time.monotonic() - begun
        self.log.append(f"{name}\t{taken:.1f} s\t{1000 * held.longest:.0f} ms\t{self._said()}")

    def tour(self, prefix: str) -> None:
        """All stops, one key each."""
        for stop in TOUR:
            self.press("Alt+Right", Qt.Key.Key_Right, _ALT)
            sentence = self.dock.findChild(QLabel, "stop_sentence").text()
            if self.dock.tour.stop is not stop or not sentence:
                message = self.dock.findChild(QLabel, "message").text()
                raise SystemExit(f"Stop {stop.number} was not shown. {message}")
            self.desk.picture(f"{prefix}stop-{stop.number:02d}")
        self.press("Alt+Left", Qt.Key.Key_Left, _ALT)
        self.press("Alt+E", Qt.Key.Key_E, _ALT)

    def go_to(self, field: QWidget) -> None:
        """Tab until a field has the keyboard."""
        for _ in range(_MOST_TABS):
            if QApplication.focusWidget() is field:
                return
            QTest.keyClick(QApplication.focusWidget() or self.desk.canvas, Qt.Key.Key_Tab)
            self.desk.wait(0.02)
        raise SystemExit(f"The keyboard does not reach {field.accessibleName()}.")

    def napari_alone(self) -> Alone:
        """Closes the dock, and measures in its window what napari takes without it."""
        viewer = self.desk.viewer
        viewer.window.remove_dock_widget(self.dock)
        self.desk.settle()
        first, second = np.random.default_rng(0).integers(0, 256, (2, _HIGH, WIDTH, 3), np.uint8)
        options: Any = {"rgb": True, "interpolation2d": "linear", "name": "Alone"}
        cleaning = SceneCleaning(viewer)  # what napari does after a removal may crash
        rounds = [
            Alone(
                self._held_by(lambda: viewer.add_image(first, **options)),
                self._held_by(lambda: setattr(viewer.layers["Alone"], "data", second)),
                self._held_by(lambda: viewer.layers.remove("Alone")),
            )
            for _ in range(_ROUNDS)
        ]
        cleaning.remove()
        return Alone(*map(median, zip(*rounds, strict=True)))

    def _held_by(self, step: Callable[[], object]) -> float:
        """For how many ms a step and the drawing after it hold the window."""
        with _Held() as held:
            QTimer.singleShot(0, step)
            self.desk.wait(0.5)
        return 1000 * held.longest

    def _answered(self) -> None:
        self.desk.wait(0.1)
        self.desk.wait_until(lambda: not self.dock.is_busy, "answer")

    def _said(self) -> str:
        """Title and sentence of the stop; nothing before and after the tour."""
        texts = (self.dock.findChild(QLabel, name).text() for name in ("stop_title", "stop_sentence"))
        return " ".join(unescape(re.sub("<[^>]*>", "", text)) for text in texts).strip()


class _Held:
    """longest : seconds between two turns of the event loop while the `with` block ran."""

    def __enter__(self) -> _Held:
        self.longest, self._last = 0.0, time.monotonic()
        self._timer = QTimer()
        self._timer.timeout.connect(self._on_turn)
        self._timer.start(_TURN_MS)
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.stop()
        self._on_turn()

    def _on_turn(self) -> None:
        now = time.monotonic()
        self.longest, self._last = max(self.longest, now - self._last), now


def main() -> None:
    """Both languages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("docs", type=Path, nargs="?", default=Path("docs"), help="folder of the page")
    docs = parser.parse_args().docs.absolute()
    folder = docs / _PICTURES
    folder.mkdir(parents=True, exist_ok=True)
    walk = Walk(folder)
    walk.tour("")
    walk.go_to(walk.dock.language)
    walk.press("Tab to Language, Down", Qt.Key.Key_Down)
    walk.tour("ko-")
    alone = walk.napari_alone()
    walk.desk.close()
    for path in folder.glob("*stop-*.png"):
        Image.open(path).quantize(_COLOURS).save(path, optimize=True)
    (docs / "tour-by-keys.md").write_text(page(walk.log, alone), encoding="utf-8")
    print(f"{docs / 'tour-by-keys.md'}: {len(walk.log)} keys")
    pictures_of_tutorial(docs / _OF_TUTORIAL)


def pictures_of_tutorial(folder: Path) -> None:
    """The stops as the command line writes them."""
    with tempfile.TemporaryDirectory() as made:
        command = Path(sys.executable).with_name("napari-unet-lung")
        subprocess.run([command, "tour", "-o", f"{made}/tour"], check=True)
        for path in sorted(Path(made).glob("tour/stop-*.png")):
            picture = Image.open(path).convert("RGB")
            picture.thumbnail((_WIDEST, picture.height))
            picture.quantize(_COLOURS).save(folder / path.name, optimize=True)


def page(log: list[str], alone: Alone) -> str:
    """The log of the keys as a table, then the pictures."""
    rows = ("| " + " | ".join(line.split("\t")) + " |" for line in log)
    shown = (
        f"![Stop {stop.number} in the window, in {language}]"
        f"({_PICTURES}/{prefix}stop-{stop.number:02d}.png)\n"
        for prefix, language in (("", "English"), ("ko-", "Korean"))
        for stop in TOUR
    )
    return "\n".join([_HEAD, "", limit(log), "", alone.sentence(), "", _TABLE, *rows, "", *shown])


def limit(log: list[str]) -> str:
    """Which keys held the window for longer than is aimed at."""
    over = []
    for line in log:
        key, _, held, said = line.split("\t")
        if int(held.removesuffix(" ms")) > _LIMIT_MS:
            stop = said.partition("/")[0]
            over.append(f"{key}{f' to stop {stop}' if stop else ''} ({held})")
    if not over:
        return f"{_AIM} All {len(log)} keys met it."
    return f"{_AIM} {len(over)} of {len(log)} keys did not meet it: {', '.join(over)}."


if __name__ == "__main__":
    main()
