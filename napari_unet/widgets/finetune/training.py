"""Training: the fine-tune of a viewer, from the click on Start to the decision about the new model.

The test of a model that is there already goes the same way, without the learning.

It belongs to the viewer, not to a dock: the dock may be closed and opened again, and the review project may
be closed, while it goes on. It ends with the viewer's window. Its engine is a process of its own that gives
way to all others, so that the window, segmenting and first masks go on beside it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

from napari.utils.notifications import show_error, show_info
from qtpy.QtCore import QObject, Signal

from napari_unet.core.errors import UserError
from napari_unet.core.protocol import ProtocolQuestion
from napari_unet.core.steps import STOP
from napari_unet.engine.client import ChildEngine
from napari_unet.engine.messages import PAUSE, RESUME
from napari_unet.engine.protocol import Engine
from napari_unet.training.adapt_config import AdaptConfig
from napari_unet.training.outcome import Estimate, FineTuneResult
from napari_unet.widgets.common.jobs import Job, run_on_engine
from napari_unet.widgets.common.preferences import preferences
from napari_unet.widgets.finetune.requests import (
    Request,
    RetestRequest,
    TrainingRequest,
    on_this_computer,
)
from napari_unet.widgets.finetune.training_progress import TrainingProgress
from napari_unet.widgets.napari_compat.window import real_viewer, window_of

NICE = 10
"""Added to the niceness of the process that trains."""

_Failed = Callable[[UserError], None]

_trainings: dict[int, Training] = {}


class Stage(StrEnum):
    """The state of a training."""

    IDLE = "idle"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"  # with the best so far
    CANCELLING = "cancelling"
    DECIDE = "decide"  # there is a new model, and nobody has said yet whether to use it


BUSY = frozenset({Stage.RUNNING, Stage.PAUSED, Stage.STOPPING, Stage.CANCELLING})
"""Stages in which no other training can begin."""


class Training(QObject):
    """All methods are for the GUI thread and return at once.

    changed : the stage is another. reported : an event of core.events came in; `progress` has it already.
    failed : a UserError; the stage is IDLE again.
    """

    changed = Signal()
    reported = Signal(object)
    failed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage.IDLE
        self.request: Request | None = None
        self.progress = TrainingProgress()
        self.result: FineTuneResult | None = None  # of the last one that came to its end
        self.problem: UserError | None = None  # of the last one that did not
        self._job: Job | None = None
        self._estimate: Job | None = None
        self._engine: Engine | None = None
        self._docks: set[object] = set()

    # -- the engine --

    def attach(self, dock: object) -> None:
        """`dock` is open now."""
        self._docks.add(dock)

    def detach(self, dock: object) -> None:
        """`dock` is closed. The process ends with the last one, unless something is trained in it."""
        self._docks.discard(dock)
        if not self._docks:
            self.drop_estimate()
            self._rest()

    def close(self) -> None:
        """The window is closed: what is trained ends."""
        self._docks.clear()
        for job in (self._job, self._estimate):
            if job is not None:
                job.abandon()
        self._job = self._estimate = None
        self._rest()

    def _rest(self) -> None:
        if self._job is not None or self._engine is None:
            return
        engine, self._engine = self._engine, None
        threading.Thread(target=engine.close, name="napari-unet end of training").start()

    def _process(self) -> Engine:
        if self._engine is None:
            self._engine = ChildEngine(threads=preferences().threads, nice=NICE)
        return self._engine

    # -- how long it will take --

    def estimate(
        self,
        cases: int,
        parent: Path,
        configs: Mapping[str, AdaptConfig],
        done: Callable[[Mapping[str, Estimate]], None],
        failed: _Failed,
    ) -> None:
        """Ask how long trainings would take; an earlier question is dropped. Nothing while one goes on."""
        self._ask("estimate", parent, {"cases": cases, "configs": dict(configs)}, done, failed)

    def compare_protocols(
        self, request: TrainingRequest, done: Callable[[ProtocolQuestion], None], failed: _Failed
    ) -> None:
        """Ask whether the masks of a request follow the model's protocol; as `estimate`, and in its place."""
        about = {"pairs": list(request.pairs), "protocol": request.protocol}
        self._ask("protocol_question", request.parent, about, done, failed)

    def _ask(
        self, kind: str, parent: Path, about: dict[str, Any], done: Callable[[Any], None], failed: _Failed
    ) -> None:
        self.drop_estimate()
        if self.stage in BUSY:
            return
        arguments = {"parent": str(parent), **about, **on_this_computer()}
        job = self._estimate = run_on_engine(self._process(), kind, lambda: arguments, owner=self)
        job.succeeded.connect(done)
        job.failed.connect(failed)
        job.ended.connect(partial(self._on_estimated, job))

    def drop_estimate(self) -> None:
        """Nobody waits for it any more."""
        job, self._estimate = self._estimate, None
        if job is not None:
            job.abandon()

    def _on_estimated(self, job: Job) -> None:
        if self._estimate is job:
            self._estimate = None

    # -- a training --

    @property
    def outcome(self) -> tuple[Request, FineTuneResult] | None:
        """What was asked of the last training and what came of it; None if nothing did."""
        return None if self.request is None or self.result is None else (self.request, self.result)

    @property
    def tests_only(self) -> bool:
        """Whether nothing is trained: a model that was there before is tested."""
        return isinstance(self.request, RetestRequest)

    def made(self) -> str:
        """What the last one has brought, as a sentence."""
        name = "" if self.request is None else self.request.name
        return f"The model {name} is {'tested' if self.tests_only else 'made'}."

    def in_words(self, error: UserError) -> str:
        """What to say about an error, with the names of cases in place of their ids."""
        return str(error) if self.request is None else self.request.in_words(str(error))

    def start(self, request: Request) -> bool:
        """Begin; False if one is under way already. A model that nobody decided about stays as it is."""
        if self.stage in BUSY:
            return False
        self.drop_estimate()
        self.request, self.progress, self.result, self.problem = request, TrainingProgress(), None, None
        job = self._job = run_on_engine(self._process(), request.kind, request.arguments, _judged, owner=self)
        job.progressed.connect(self._on_progress)
        job.succeeded.connect(self._on_success)
        job.failed.connect(self._on_failed)
        job.ended.connect(self._on_ended)
        self._go(Stage.RUNNING)
        return True

    def pause(self) -> None:
        """Hold it after the step under way."""
        if self.stage is Stage.RUNNING and self._job is not None:
            self._job.ask(PAUSE)
            self.progress.pause(time.monotonic())
            self._go(Stage.PAUSED)

    def resume(self) -> None:
        """Go on."""
        if self.stage is Stage.PAUSED and self._job is not None:
            self._job.ask(RESUME)
            self.progress.resume(time.monotonic())
            self._go(Stage.RUNNING)

    def stop(self) -> None:
        """End the learning with the best so far; it is compared and kept like any other."""
        if self.stage in (Stage.RUNNING, Stage.PAUSED) and self._job is not None:
            self.progress.resume(time.monotonic())
            self._job.ask(STOP)
            self._go(Stage.STOPPING)

    def cancel(self) -> None:
        """End it; no model is made."""
        if self.stage in BUSY - {Stage.CANCELLING} and self._job is not None:
            self._job.cancel()
            self._go(Stage.CANCELLING)

    def decided(self) -> None:
        """It was said whether the new model is to be used."""
        if self.stage is Stage.DECIDE:
            self._go(Stage.IDLE)

    def _on_progress(self, event: object) -> None:
        self.progress.take(event, time.monotonic())
        self.reported.emit(event)

    def _on_success(self, result: FineTuneResult) -> None:
        self.result = result
        self.stage = Stage.DECIDE
        if not self._docks:
            show_info(f"{self.made()} Open Fine-tune to decide about it.")

    def _on_failed(self, error: UserError) -> None:
        self.stage, self.problem = Stage.IDLE, error
        self.failed.emit(error)
        if not self._docks:
            show_error(self.in_words(error))

    def _on_ended(self) -> None:
        self._job = None
        if self.stage is not Stage.DECIDE:
            self.stage = Stage.IDLE
        self._rest()  # what was learned from takes a gigabyte there
        self.changed.emit()

    def _go(self, stage: Stage) -> None:
        self.stage = stage
        self.changed.emit()


def _judged(result: FineTuneResult) -> FineTuneResult:
    """Outside the GUI thread: the first verdict imports the paired test, which takes half a second."""
    result.report.verdict()
    return result


def training_of(napari_viewer: Any) -> Training:
    """The training of a viewer, for as long as its window is open."""
    viewer = real_viewer(napari_viewer)
    training = _trainings.get(id(viewer))
    if training is None:
        training = _trainings[id(viewer)] = Training()
        window = window_of(viewer)
        if window is not None:
            window.destroyed.connect(partial(_end, id(viewer)))
    return training


def _end(key: int, *_: object) -> None:
    training = _trainings.pop(key, None)
    if training is not None:
        training.close()
