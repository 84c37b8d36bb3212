"""Walks the ten stops of the tour in a real napari window, by keys alone, in both languages.

Writes a picture of the window at each stop (stop-01.png …, and ko/ for Korean) and keys.txt: each key, what
the dock then said, and after how many seconds. Needs a screen of 1366×768: `make tour-by-keys`.
"""

from __future__ import annotations

import argparse
import re
import time
from html import unescape
from pathlib import Path
from typing import Any

from desk import Desk  # isort: skip  # first: it keeps the settings of whoever runs this out of the pictures

from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QLabel, QWidget

from napari_unet.samples import SAMPLES
from napari_unet.tour.stops import TOUR

_WIDTH = 360  # of the dock
_ALT, _NONE = Qt.KeyboardModifier.AltModifier, Qt.KeyboardModifier.NoModifier
_MOST_TABS = 100


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
        QTest.keyClick(QApplication.focusWidget() or self.desk.canvas, key, modifier)
        self._answered()
        self.log.append(f"{name}\t{time.monotonic() - begun:.1f} s\t{self._said()}")

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

    def _answered(self) -> None:
        self.desk.wait(0.1)
        self.desk.wait_until(lambda: not self.dock.cancel.isEnabled(), "answer")

    def _said(self) -> str:
        """Title and sentence of the stop; nothing before and after the tour."""
        texts = (self.dock.findChild(QLabel, name).text() for name in ("stop_title", "stop_sentence"))
        return " ".join(unescape(re.sub("<[^>]*>", "", text)) for text in texts).strip()


def main() -> None:
    """Both languages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("build/tour-by-keys"))
    folder = parser.parse_args().folder.absolute()
    (folder / "ko").mkdir(parents=True, exist_ok=True)
    walk = Walk(folder)
    walk.tour("")
    walk.go_to(walk.dock.language)
    walk.press("Tab to Language, Down", Qt.Key.Key_Down)
    walk.tour("ko/")
    walk.desk.close()
    text = "\n".join(["key\tanswered after\tthe dock says", *walk.log])
    (folder / "keys.txt").write_text(text + "\n", encoding="utf-8")
    print(f"{folder / 'keys.txt'}: {len(walk.log)} keys")


if __name__ == "__main__":
    main()
