"""Edits of a mask layer by tools: each is one step of undo and holds only the changed pixels."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.layers import Labels
from qtpy.QtCore import QObject, QTimer, Signal

from napari_unet.core.change import Change
from napari_unet.core.errors import UserError
from napari_unet.core.labels import IGNORE, as_bytes
from napari_unet.widgets.common.jobs import Job, in_words, run_in_thread
from napari_unet.widgets.napari_compat.history import is_painting, one_step

_OTHER = IGNORE - 1  # stands for labels that a byte cannot hold
_AGAIN_MS = 80  # while a stroke of the brush is under way
_TRIES = 5
_CLOSED = "The mask was closed in the meantime; nothing was changed."

WAIT = UserError("One moment: the image is being read.", "Then try again.")
"""While what belongs to the slice in view is being loaded."""

Lead = tuple[int, ...]
Make = Callable[[np.ndarray], Change]


def plane_of(layer: Labels, lead: Lead | None) -> np.ndarray:
    """The slice (Y, X) of a mask layer at `lead` on its leading axes; all of it for None. No copy."""
    return np.asarray(layer.data if lead is None else layer.data[lead])


def as_labels(plane: np.ndarray) -> np.ndarray:
    """uint8 labels of a layer of any integer type; the same array if it holds them already."""
    if plane.dtype == np.uint8:
        return plane
    return np.where((plane < 0) | (plane > IGNORE), _OTHER, plane).astype(np.uint8)


def put(layer: Labels, lead: Lead | None, change: Change) -> None:
    """Make `change`, of the slice at `lead` or of the whole layer, as an edit that Ctrl+Z takes back.

    Raises UserError if the layer's numbers cannot hold a label.
    """
    if not len(change):
        return
    highest = np.iinfo(layer.data.dtype).max
    if int(change.values.max()) > highest:
        raise UserError(
            f"This mask holds labels up to {highest} only, and “not sure” is {IGNORE}.",
            "Convert it first: right-click it in the layer list ▸ Convert data type ▸ uint8.",
        )
    before = () if lead is None else tuple(np.full(len(change), at) for at in lead)
    where, values = (*before, *change.indices()), change.values.astype(layer.data.dtype)
    if is_painting(layer):
        layer.data_setitem(where, values)
        return
    with one_step(layer):  # it writes first and notifies afterwards: a listener that fails stops nothing
        layer.data_setitem(where, values)


@dataclass
class _Request:
    layer: Labels
    lead: Lead | None
    make: Make
    done: str
    nothing: str
    tries: int = 0


class MaskEditor(QObject):
    """Computes changes outside the GUI thread, one after the other, and makes them if they still fit.

    reported : a sentence. edited : the sentence on a change that was made, after it was reported. failed : a
    UserError. busy : whether something is under way.
    """

    reported = Signal(str)
    edited = Signal(str)
    failed = Signal(object)
    busy = Signal(bool)

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = viewer
        self._pending: deque[_Request] = deque()
        self._job: Job | None = None
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.setInterval(_AGAIN_MS)
        self._again.timeout.connect(self._start)

    @property
    def is_busy(self) -> bool:
        """Whether anything is under way or waits."""
        return bool(self._pending)

    def edit(
        self,
        layer: Labels,
        lead: Lead | None,
        make: Make,
        done: str = "Done.",
        nothing: str = "Nothing to change.",
    ) -> None:
        """Give `make` a copy of the labels (uint8) in a thread, and make the Change it returns.

        lead : see `plane_of`. done, nothing : said afterwards, if there was a change or none. If somebody
        painted meanwhile, it is computed again.
        """
        self._pending.append(_Request(layer, lead, make, done, nothing))
        if len(self._pending) == 1:
            self.busy.emit(True)
            self._start()

    def close_down(self) -> None:
        """Forget all that is under way."""
        self._pending.clear()
        self._again.stop()
        if self._job is not None:
            self._job.abandon()

    def _start(self) -> None:
        if not self._pending:
            return
        request = self._pending[0]
        try:
            self._compute(request)
        except Exception as error:
            self._fail(in_words(error))

    def _compute(self, request: _Request) -> None:
        if request.layer not in self._viewer.layers:
            self._finish(_CLOSED)
            return
        data, lead = request.layer.data, request.lead

        def work() -> tuple[np.ndarray, Change]:
            before = np.array(data if lead is None else data[lead])
            labels = as_labels(before)
            change = request.make(labels.copy() if labels is before else labels)
            if labels is not before and (change.values == _OTHER).any():
                as_bytes(before)  # a label that stands for others must not be copied
            return before, change

        job = self._job = run_in_thread(work, self)
        job.succeeded.connect(lambda made: self._on_made(request, data, *made))
        job.failed.connect(self._fail)

    def _on_made(self, request: _Request, data: Any, before: np.ndarray, change: Change) -> None:
        try:
            said = self._apply(request, data, before, change)
        except Exception as error:
            self._fail(in_words(error))
            return
        if said is not None:
            self._finish(said)
            if said is request.done:
                self.edited.emit(said)

    def _apply(self, request: _Request, data: Any, before: np.ndarray, change: Change) -> str | None:
        """Make the change; returns what to report, or None if it is computed again."""
        layer = request.layer
        if layer not in self._viewer.layers:
            return _CLOSED
        if layer.data is not data:
            return "The mask was replaced in the meantime; nothing was changed. Try again."
        if is_painting(layer) or not np.array_equal(plane_of(layer, request.lead), before):
            request.tries += 1
            if request.tries < _TRIES or is_painting(layer):
                self._again.start()
                return None
            return "The mask kept changing in the meantime; nothing was changed. Try again."
        put(layer, request.lead, change)
        layer.refresh(extent=False)  # the thumbnail does not follow by itself
        return request.done if len(change) else request.nothing

    def _fail(self, error: UserError) -> None:
        self._finish("")
        self.failed.emit(error)

    def _finish(self, text: str) -> None:
        """The first request is done with, whatever became of it; the next one begins."""
        self._job = None
        if self._pending:
            self._pending.popleft()
        if text:
            self.reported.emit(text)
        if self._pending:
            self._start()
        else:
            self.busy.emit(False)
