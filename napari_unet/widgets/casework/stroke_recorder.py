"""Every stroke into the journal at once: what the brush, undo and redo do to one mask layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import numpy as np
from napari.layers import Labels
from qtpy.QtCore import QObject, QTimer, Signal
from superqt.utils import qdebounced

from napari_unet.core.errors import UserError
from napari_unet.core.labels import as_bytes
from napari_unet.review.saving.save_state import log_bug
from napari_unet.review.types import Author
from napari_unet.widgets.casework.stroke_log import StrokeLog, new_labels
from napari_unet.widgets.casework.worker_thread import WorkerThread
from napari_unet.widgets.napari_compat.history import redo_steps, undo_steps

_REVISION_MS = 2000  # after the last stroke
_CALM_MS = 400  # before a mask is compared that changed in an unknown way


class StrokeRecorder(QObject):
    """Listens to one mask layer while its case is open. On the GUI thread it only passes on what napari keeps
    for undo; all work on pixels is done by the worker thread.

    Where `is_protected` says so, nothing is recorded before somebody has been asked: `asked` is emitted at
    the first change, `answer` records what was done meanwhile or takes it back, undo and redo as they were.

    painted : the mask was changed, in whatever way. used : the labels of a stroke, a tuple. failed : a
    UserError: it can no longer be recorded, something was painted that no mask can hold, or something went
    wrong with a stroke. Then the mask as a whole is compared with the log and saved: whatever napari or the
    journal could not say is in it. asked : a change waits for `answer`.
    """

    painted = Signal()
    used = Signal(tuple)
    failed = Signal(object)
    asked = Signal()
    _found = Signal()  # a change that no event reported, in a protected mask
    _restored = Signal(object)
    _stumbled = Signal(object, bool)  # an exception, also from the worker thread; see _on_log

    def __init__(
        self,
        layer: Labels,
        stroke_log: StrokeLog,
        worker: WorkerThread,
        author: Callable[[], Author],
        is_protected: Callable[[], bool] = lambda: False,
    ) -> None:
        super().__init__()
        self._is_protected = is_protected
        self._held: list[tuple[list[Any], bool]] | None = None  # changes that wait for an answer
        self._before: tuple[list[Any], list[Any]] = ([], [])  # undo and redo before them
        self._muted = self._consented = False
        self.was_painted = False
        self._found.connect(self._hold_unknown)
        self._restored.connect(self._put_back)
        self._stumbled.connect(self._on_stumbled)
        self.layer = layer
        self.stroke_log = stroke_log
        self._worker = worker
        self._author = author
        self._shape = layer.data.shape
        self._note = "strokes"
        self._remember()
        self._played: list[Callable[[], None]] = []  # steps that the worker thread has not received
        self._hand_over_soon = qdebounced(self._hand_over, timeout=0, parent=self)
        self._save_later = qdebounced(self.save, timeout=_REVISION_MS, parent=self)
        self._compare_soon = qdebounced(self.compare, timeout=_CALM_MS, parent=self)
        layer.events.paint.connect(self._on_paint)
        layer.events.set_data.connect(self._on_set_data)
        layer.events.data.connect(self._on_set_data)

    def stop(self) -> None:
        """The case is left: record the last differences, make a revision, and release the layer."""
        self.answer(False)
        self._save_later.cancel()
        self._compare_soon.cancel()
        self.layer.events.paint.disconnect(self._on_paint)
        self.layer.events.set_data.disconnect(self._on_set_data)
        self.layer.events.data.disconnect(self._on_set_data)
        self.compare()
        self.save()
        self._post(self.stroke_log.close)

    def compare(self) -> None:
        """Look for changes that no event reported."""
        self._compare_soon.cancel()
        if self._held is not None:
            return
        data = self.layer.data
        if self._protects():
            self._post(lambda: self._found.emit() if self.stroke_log.differs(data) else None)
        else:
            self._post(partial(self._on_log, False, self.stroke_log.compare, data, self.failed.emit))

    @property
    def is_asking(self) -> bool:
        """Whether a change waits for an answer."""
        return self._held is not None

    @contextmanager
    def consented(self) -> Iterator[None]:
        """What is changed in this block is recorded without a question."""
        self._consented = True
        try:
            yield
        finally:
            self._consented = False

    def answer(self, change: bool) -> None:
        """Record the changes that wait, or take them back: mask, undo and redo are then as before."""
        held, self._held = self._held, None
        if held is None:
            return
        if change:
            play = partial(self._on_log, True, self.stroke_log.play)
            self._played += [partial(play, item, undoing) for item, undoing in held]
            self._hand_over_soon()
            self._save_later()
            self._compare_soon()
            self._tell_painted()
            return
        self._muted = True
        try:
            for _, undoing in reversed(held):
                (self.layer.redo if undoing else self.layer.undo)()
            for history, before in zip(self._histories(), self._before, strict=True):
                history.clear()
                history.extend(before)
        finally:
            self._muted = False
        self._remember()
        self._post(lambda: self._restored.emit(self.stroke_log.copy()))

    def _hold_unknown(self) -> None:
        """A protected mask was written to in a way that is not in the history."""
        if self._held is None and self._protects():
            self._hold([])

    def _hold(self, steps: list[tuple[list[Any], bool]]) -> None:
        self._before = self._settled
        self._held = steps
        QTimer.singleShot(0, self._ask)

    def _ask(self) -> None:
        if self._held is not None:
            self.asked.emit()

    def _put_back(self, labels: np.ndarray) -> None:
        """What undo could not take back."""
        data = self.layer.data
        if self._held is None and data.shape == labels.shape and not np.array_equal(data, labels):
            data[...] = labels
            self.layer.refresh()

    def _protects(self) -> bool:
        return not self._consented and self._is_protected()

    def _histories(self) -> tuple[Any, Any]:
        return undo_steps(self.layer), redo_steps(self.layer)

    def _tell_painted(self) -> None:
        self.was_painted = True
        self.painted.emit()

    def save(self) -> None:
        """Make a revision now, if anything was changed."""
        self._save_later.cancel()
        self._post(partial(self._on_log, False, self.stroke_log.save, self._author(), self._note))

    def _on_paint(self, event: Any) -> None:
        if self._muted:
            return
        try:
            self._play(list(event.value), undoing=False)
        except Exception as error:  # napari's own work on the stroke must go on
            self._on_stumbled(error, True)

    def _on_set_data(self, event: Any = None) -> None:
        if self._muted:
            return
        try:
            self._follow_history()
        except Exception as error:
            self._on_stumbled(error, True)

    def _follow_history(self) -> None:
        """Undo, redo, another slice, or an array written to directly: the history shows which."""
        if self.layer.data.shape != self._shape:
            self._shape = self.layer.data.shape
            self.failed.emit(
                UserError("The mask was replaced by one of another size.", "Open the case again to go on.")
            )
            return
        undone, redone = self._undone, self._redone
        undo, redo = self._histories()
        if undone is _last(undo) and redone is _last(redo):
            self._compare_soon()
        elif undone is not None and redo and redo[-1] and redo[-1][0] is undone[-1]:
            self._play(list(undone), undoing=True)
        elif redone is not None and undo and undo[-1] and undo[-1][0] is redone[-1]:
            self._play(list(reversed(redone)), undoing=False)
        else:
            if not self._protects():
                self._remember()
                self._tell_painted()
            self._compare_soon()

    def _play(self, item: list[Any], undoing: bool) -> None:
        """The worker thread gets it on the next turn: two Python threads would delay this event."""
        labels = () if undoing else new_labels(item)
        try:
            as_bytes(np.array(labels, np.int64))
        except UserError as error:
            self._take_back(error)
            return
        if self._held is not None:
            self._held.append((item, undoing))
            self._remember()
            return
        if self._protects():
            self._hold([(item, undoing)])
            self._remember()
            return
        self._played.append(partial(self._on_log, True, self.stroke_log.play, item, undoing))
        self._hand_over_soon()
        self._remember()
        self._save_later()
        self._tell_painted()
        if labels:
            self.used.emit(labels)

    def _take_back(self, error: UserError) -> None:
        """The last stroke painted what no mask can hold: it goes, once napari is through with it."""
        self._remember()
        stroke = self._undone

        def undo() -> None:
            if stroke is not None and _last(undo_steps(self.layer)) is stroke:
                self._muted = True
                self.layer.undo()
                redo_steps(self.layer).pop()
                self._muted = False
                self._remember()

        QTimer.singleShot(0, undo)
        self.failed.emit(UserError(error.problem, f"The stroke was taken back. {error.remedy}"))

    def _on_log(self, again: bool, work: Callable[..., None], *arguments: Any) -> None:
        """On the worker thread. again : what could not be done is made up for by comparing and saving."""
        try:
            work(*arguments)
        except Exception as error:
            with suppress(RuntimeError):  # the case is closed and Qt's half is gone
                self._stumbled.emit(error, again)

    def _on_stumbled(self, error: Exception, again: bool) -> None:
        log_bug("a stroke could not be recorded", error)
        remedy = "Save a copy of the mask: File ▸ Save Selected Layer(s)."
        if again:
            self.compare()
            self.save()
            remedy = "The mask itself has been compared and is being saved instead: nothing is lost."
        self._tell_painted()
        said = str(error).strip().rstrip(".") or type(error).__name__
        self.failed.emit(UserError(f"A stroke could not be recorded at once ({said}).", remedy))

    def _post(self, task: Callable[[], None]) -> None:
        self._hand_over()
        self._worker.post(task)

    def _hand_over(self) -> None:
        self._hand_over_soon.cancel()
        played, self._played = self._played, []
        for step in played:
            self._worker.post(step)

    def _remember(self) -> None:
        undo, redo = self._histories()
        self._undone, self._redone = _last(undo), _last(redo)
        self._settled = (list(undo), list(redo))


def _last(history: Any) -> Any:
    return history[-1] if history else None
