"""Which slices of a stack are right, so that those between them can be filled in."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any
from weakref import WeakKeyDictionary

from napari.layers import Labels
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QGridLayout, QPushButton, QVBoxLayout, QWidget

from napari_unet.widgets.common.forms import WrappedLabel
from napari_unet.widgets.napari_compat.history import undo_steps

_NAMED = 12  # slices; of more, only how many there are is said


class SliceBox(QWidget):
    """fill_between : the key slices, counted from 0 as on napari's slider.

    copy_from : -1 the slice before this one, +1 the one after. marked : the key slices, after one was marked
    or unmarked.
    """

    marked = Signal(list)
    fill_between = Signal(list)
    copy_from = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._by_hand: WeakKeyDictionary[Labels, dict[int, bool]] = WeakKeyDictionary()  # marked or not
        self._layer: Labels | None = None
        self._at = 0
        self.words = WrappedLabel(name="slices")
        self.mark = _button(
            "Mark key slice",
            "Mark a correctly drawn slice as a key slice: the slices between key slices are interpolated, "
            "and fine-tuning on corrected slices uses it.",
        )
        self.fill = _button(
            "Interpolate slices", "Redraw the slices between the key slices, from one to the next."
        )
        self.before = _button("Copy previous slice", "Copy the mask of the previous slice into this one.")
        self.after = _button("Copy next slice", "Copy the mask of the next slice into this one.")
        self._tips = {each: each.toolTip() for each in (self.mark, self.fill, self.before, self.after)}
        self.mark.clicked.connect(self._on_mark)
        self.fill.clicked.connect(lambda: self.fill_between.emit(self.known()))
        self.before.clicked.connect(lambda: self.copy_from.emit(-1))
        self.after.clicked.connect(lambda: self.copy_from.emit(1))
        grid = QGridLayout()
        for place, button in enumerate((self.mark, self.fill, self.before, self.after)):
            grid.addWidget(button, place // 2, place % 2)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(grid)
        column.addWidget(self.words)

    def show_for(self, layer: Labels | None, at: int, marked: Iterable[int] = ()) -> None:
        """Show the state of the stack `layer` while slice `at` is in view. marked : when it was opened."""
        self._layer, self._at = layer, at
        if layer is not None and layer not in self._by_hand:
            self._by_hand[layer] = dict.fromkeys(marked, True)
        known = self.known()
        last = layer.data.shape[0] - 1 if layer is not None else 0
        self.mark.setText("Unmark key slice" if at in known else "Mark key slice")
        self.mark.setEnabled(True)
        for button, tip in self._tips.items():
            button.setToolTip(tip)
        self.fill.setEnabled(any(b - a > 1 for a, b in pairwise(known)))
        self.before.setEnabled(at > 0)
        self.after.setEnabled(at < last)
        self.words.say(_in_words(known))

    def block(self, why: str) -> None:
        """None of it can be used now; the buttons say why."""
        for button in (self.mark, self.fill, self.before, self.after):
            button.setEnabled(False)
            button.setToolTip(why)

    def known(self) -> list[int]:
        """The key slices: those that were painted on one by one, and those marked, less the unmarked."""
        if self._layer is None:
            return []
        by_hand = self._by_hand.get(self._layer, {})
        found = painted_slices(self._layer) | by_hand.keys()
        return sorted(z for z in found if by_hand.get(z, True))

    def _on_mark(self) -> None:
        if self._layer is not None:
            self._by_hand[self._layer][self._at] = self._at not in self.known()
            self.show_for(self._layer, self._at)
            self.marked.emit(self.known())


def painted_slices(layer: Labels) -> set[int]:
    """The slices of a stack that the steps of its undo history touch one by one; follows undo and redo."""
    found: set[int] = set()
    for step in undo_steps(layer):
        touched: set[int] = set()
        for atom in step:
            touched |= _slices_of(atom)
        if len(touched) == 1:  # what filled many slices shows none of them to be right
            found |= touched
    return found


def _slices_of(atom: Any) -> set[int]:
    """napari's own tools keep a box, `data_setitem` keeps indices."""
    box = getattr(atom, "slice_key", None)
    if box is not None:
        return set(range(box[0].start, box[0].stop))
    first = atom[0][0]
    return {int(first.min()), int(first.max())}


def _in_words(known: list[int]) -> str:
    if not known:
        return "Correct a few slices, far apart, then interpolate the slices between. No key slice yet."
    if len(known) > _NAMED:
        return f"{len(known)} key slices."
    return "Key slices: " + ", ".join(map(str, known)) + "."


def _button(text: str, tip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tip)
    return button
