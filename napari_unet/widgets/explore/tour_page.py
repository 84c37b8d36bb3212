"""The ten stops of the tour, one after the other, by key or button."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_unet.core.inside import Look
from napari_unet.tour.captions import BACK, BEGIN, INTRO, LEAVE, MISSING, NEXT, UNREAD
from napari_unet.tour.stops import TOUR, Stop
from napari_unet.tour.words import Language
from napari_unet.widgets.common.forms import WrappedLabel


class TourPage(QWidget):
    """Where the tour is. wanted : a Stop is to be shown. left : the tour is over."""

    wanted = Signal(object)
    left = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._at: int | None = None  # index of the stop
        self.language = Language.ENGLISH
        self.begin = QPushButton()
        self.begin.clicked.connect(lambda: self.go(0))
        self.back = QPushButton()
        self.back.clicked.connect(lambda: self.step(-1))
        self.next = QPushButton()
        self.next.clicked.connect(lambda: self.step(1))
        self.end = QPushButton()
        self.end.clicked.connect(self.leave)
        self.heading = WrappedLabel(name="stop_title")
        self.sentence = WrappedLabel(name="stop_sentence")
        self.missing = WrappedLabel(name="stop_missing")
        self.unread = WrappedLabel(name="unread")
        self.intro = WrappedLabel(name="tour_intro")
        steps = QHBoxLayout()
        steps.addWidget(self.back)
        steps.addWidget(self.next)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 6, 0, 0)
        for part in (self.intro, self.begin, self.heading, self.sentence, self.missing):
            column.addWidget(part)
        column.addLayout(steps)
        column.addWidget(self.end)
        column.addWidget(self.unread)
        column.addStretch()
        self.show_language(self.language)

    @property
    def stop(self) -> Stop | None:
        """Where the tour is; None before it has begun."""
        return None if self._at is None else TOUR[self._at]

    def step(self, by: int) -> None:
        """To the next stop, or to the one before; the first step begins the tour."""
        there = 0 if self._at is None else min(max(self._at + by, 0), len(TOUR) - 1)
        if there != self._at:
            self.go(there)

    def go(self, number: int) -> None:
        """To a stop, counted from 0."""
        self._at = number
        self.missing.say("")
        self._show_state()
        self.wanted.emit(self.stop)

    def leave(self) -> None:
        """The tour is over."""
        if self._at is not None:
            self._at = None
            self._show_state()
            self.left.emit()

    def show_language(self, language: Language) -> None:
        """All words in a language from now on."""
        self.language = language
        for part, text in (
            (self.begin, BEGIN),
            (self.back, BACK),
            (self.next, NEXT),
            (self.end, LEAVE),
        ):
            part.setText(text.say(language))
        self.intro.say_plain(INTRO.say(language))
        self._show_state()

    def say(self, look: Look) -> None:
        """The sentence with its figures, and which models are missing."""
        stop = self.stop
        if stop is None:
            return
        self.sentence.say_plain(stop.sentence.say(self.language, look.facts))
        names = ", ".join(look.missing)
        self.missing.warn(MISSING.say(self.language, {"models": names})) if names else self.missing.say("")

    def _show_state(self) -> None:
        stop = self.stop
        self.intro.setVisible(stop is None)
        self.begin.setVisible(stop is None)
        for part in (self.back, self.next, self.end):
            part.setVisible(stop is not None)
        self.sentence.say("")
        self.unread.say_plain(UNREAD.say(self.language))
        if stop is None:
            self.heading.say("")
            self.missing.say("")
            return
        self.heading.say(f"<b>{stop.number}/{len(TOUR)}. {stop.title.say(self.language)}</b>")
        self.back.setEnabled(stop.number > 1)
        self.next.setEnabled(stop.number < len(TOUR))
