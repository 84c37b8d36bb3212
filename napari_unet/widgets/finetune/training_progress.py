"""What a fine-tune has reported so far, and what that means for curves and for the time that is left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import isnan, nan
from typing import Any

import numpy as np

from napari_unet.core.events import CaseDone, Note, PartBegun, Preview, StepsDone
from napari_unet.core.wording import counted

_SMOOTHER = 5.0  # seconds; time left is given in steps of this


@dataclass(frozen=True)
class Curve:
    """One quantity over the steps of all parts, counted on from part to part; float arrays of one length.

    Steps at which it was not measured are omitted. A nan marks where one part ends and the next begins.
    """

    step: np.ndarray
    value: np.ndarray

    @property
    def last(self) -> float:
        """The newest value, nan if there is none."""
        known = self.value[~np.isnan(self.value)]
        return float(known[-1]) if len(known) else nan


@dataclass(frozen=True)
class Curves:
    """What is drawn. bounds : steps at which a part ended."""

    loss: Curve
    new_dice: Curve
    old_dice: Curve
    bounds: tuple[int, ...]


@dataclass
class TrainingProgress:
    """Takes events as they come. All times are in seconds of one clock that never goes back."""

    parts: list[PartBegun] = field(default_factory=list)
    steps: list[StepsDone] = field(default_factory=list)
    preview: Preview | None = None
    tested: CaseDone | None = None
    notes: list[str] = field(default_factory=list)
    _part_began: float = 0.0
    _paused_at: float | None = None

    def take(self, event: object, now: float) -> None:
        """One event; others than those of a fine-tune are passed over."""
        match event:
            case PartBegun():
                self.parts.append(event)
                self.tested = None
                self._part_began = now
            case StepsDone():
                self.steps.append(event)
                self.tested = None
            case Preview():
                self.preview = event
            case CaseDone():
                self.tested = event
            case Note(text):
                self.notes.append(text)

    def pause(self, now: float) -> None:
        """The time that follows does not count."""
        if self._paused_at is None:
            self._paused_at = now

    def resume(self, now: float) -> None:
        """Time counts again."""
        if self._paused_at is not None:
            self._part_began += now - self._paused_at
            self._paused_at = None

    @property
    def last(self) -> StepsDone | None:
        """The newest scores of the part that is under way."""
        found = self.steps[-1] if self.steps else None
        return found if found is not None and self.parts and found.part == self.parts[-1].part else None

    @property
    def whole(self) -> int:
        """Steps of all parts, those to come included; 0 if nobody knows yet."""
        return sum(part.steps for part in self.parts) + self.parts[-1].later if self.parts else 0

    def share(self) -> float:
        """How much of the training is done, 0..1; testing comes after it. Without one, how much of that."""
        if not self.parts:
            return 0.0 if self.tested is None else self.tested.done / max(1, self.tested.total)
        before = sum(part.steps for part in self.parts[:-1])
        return min(1.0, (before + (self.last.step if self.last else 0)) / max(1, self.whole))

    def seconds_left(self, now: float) -> float:
        """What was promised less what has passed; more if the steps are slower. nan if nobody knows."""
        if not self.parts:
            return nan
        here = self.parts[-1]
        passed = (now if self._paused_at is None else self._paused_at) - self._part_began
        promised = nan if isnan(here.seconds) else max(0.0, here.seconds - passed)
        done = 0 if self.last is None else self.last.step
        if done == 0:
            return promised
        to_come = here.steps - done + here.later
        measured = max(0.0, passed / done * to_come)
        return measured if isnan(promised) else max(promised, measured)

    def curves(self) -> Curves:
        """Everything that was measured, ready to be drawn."""
        length: dict[int, int] = {}  # of each part: one that was stopped early is shorter
        for done in self.steps:
            length[done.part] = max(done.step, length.get(done.part, 0))
        ends = np.cumsum(list(length.values())).tolist()
        offset = dict(zip(length, [0, *ends], strict=False))

        def curve(measured: Callable[[StepsDone], float]) -> Curve:
            rows: list[tuple[float, float]] = []
            part = None
            for done in self.steps:
                if not isnan(measured(done)):
                    if rows and part != done.part:
                        rows.append((nan, nan))
                    part = done.part
                    rows.append((offset[part] + done.step, measured(done)))
            return Curve(*np.array(rows, float).reshape(-1, 2).T)

        return Curves(
            curve(lambda done: done.loss),
            curve(lambda done: done.new_dice),
            curve(lambda done: done.old_dice),
            tuple(ends[:-1]),
        )


def in_words(seconds: float) -> str:
    """ "about 40 s", "about 3 min"; "" if nobody knows."""
    if isnan(seconds):
        return ""
    if seconds < 90:
        return f"about {max(1, round(seconds / _SMOOTHER)) * _SMOOTHER:.0f} s"
    if seconds < 90 * 60:
        return f"about {round(seconds / 60)} min"
    return f"about {seconds / 3600:.1f} h"


def where(progress: TrainingProgress) -> str:
    """What is done now, in a sentence."""
    if progress.tested is not None:
        return f"Comparing both models: {progress.tested.done} of {progress.tested.total}"
    if not progress.parts:
        return "Getting ready…"
    here: Any = progress.parts[-1]
    place = f"Part {here.part} of {here.parts}: "
    if here.held_out:
        others = "another one" if here.held_out == 1 else f"{here.held_out} others"
        return place + f"learning from {counted(here.cases, 'case')}, tested on {others}"
    return place + f"learning from all {counted(here.cases, 'case')}; this is the model you get"
