"""A reviewer's afternoon in a process of its own, to be killed: what it does, and the process that does it.

`python kill_worker.py` reads one request a line from its standard input and forks a process for each, which
has everything imported already; that process reports what it begins and what it knows to be on the disk.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np

from napari_unet.core.change import Change
from napari_unet.core.labels import IGNORE
from napari_unet.review.types import Author, AuthorKind, Reason, Status

SHAPE = (48, 40)
CASES = 3
REVIEWER = "Ann"
KINDS = ("stroke", "undo", "save", "note", "accept", "reject", "second look", "take back", "open")
ODDS = (0.5, 0.08, 0.1, 0.06, 0.06, 0.05, 0.03, 0.05, 0.07)


@dataclass(frozen=True)
class Step:
    """One thing the reviewer does. case : which one is open. to : the case that "open" opens."""

    kind: str
    case: int
    seed: int
    to: int = 0

    def paint(self, labels: np.ndarray) -> None:
        """What a "stroke" makes of a mask."""
        rng = np.random.default_rng(self.seed)
        row, column = rng.integers(0, SHAPE[0]), rng.integers(0, SHAPE[1])
        rows, columns = np.ogrid[: SHAPE[0], : SHAPE[1]]
        disc = (rows - row) ** 2 + (columns - column) ** 2 <= rng.integers(1, 12) ** 2
        labels[disc] = rng.choice([0, 1, 1, 2, 2, IGNORE])

    @property
    def reason(self) -> Reason:
        """Of a "reject"."""
        return list(Reason)[self.seed % len(Reason)]


def plan(seed: int, length: int) -> list[Step]:
    """The same afternoon for the same seed; it ends with "leave"."""
    rng = np.random.default_rng(seed)
    case = int(rng.integers(CASES))
    steps = [Step("open", case, 0, case)]
    for kind in rng.choice(KINDS, length - 2, p=ODDS):
        to = int(rng.integers(CASES)) if kind == "open" else case
        steps.append(Step(str(kind), case, int(rng.integers(2**31)), to))
        case = to
    return [*steps, Step("leave", case, 1)]


class Work:
    """Does the steps as the window would: with a saver, a stroke at a time, a mask saved now and then."""

    def __init__(self, folder: Path, rescue: Path, say: Callable[[str], None]) -> None:
        from napari_unet.review.saving.saver import Saver
        from napari_unet.review.store import ReviewProject

        self.say = say
        self.rescue = rescue
        self.project = ReviewProject.open(folder)
        self.ids = [case.id for case in self.project.cases()]
        self.saver = Saver(self.project, lambda state: None, rescue=rescue, retry_seconds=0.05)
        self.masks: dict[int, np.ndarray] = {}
        self.before: dict[int, np.ndarray] = {}
        self.open: int | None = None

    def run(self, steps: list[Step], patient: bool) -> None:
        """patient : waits until each stroke is on the disk, as a hand does between two strokes."""
        for number, step in enumerate(steps):
            self.say(f"began {number}")
            self.do(step)
            if patient:
                while not self.saver._strokes.is_idle:
                    time.sleep(0.0002)
                self.say(f"strokes {number}")
            if step.seed % 7 == 0 and self.saver.flush(60):
                self.say(f"all {number}")
        if self.saver.close(60):
            self.say(f"all {len(steps) - 1}")
        self.project.close()

    def do(self, step: Step) -> None:
        """One step."""
        case, id_ = step.case, self.ids[step.case]
        if step.kind == "open":
            self._open(step.to)
        elif step.kind == "leave":
            self._leave()
        elif step.kind in ("stroke", "undo"):
            new = self.before.get(case, self.masks[case]) if step.kind == "undo" else self.masks[case].copy()
            if step.kind == "stroke":
                step.paint(new)
            self._paint(case, new)
        elif step.kind == "save":
            self._save(case)
        elif step.kind == "note":
            self.saver.do(lambda project: project.set_note(id_, str(step.seed), REVIEWER))
        elif step.kind == "take back":
            self.saver.do(lambda project: project.take_back(REVIEWER))
        else:
            self._save(case)
            status = {"accept": Status.ACCEPTED, "reject": Status.REJECTED}.get(step.kind, Status.SECOND_LOOK)
            reason = step.reason if status == Status.REJECTED else None
            self.saver.do(lambda project: project.decide(id_, status, REVIEWER, reason))

    def _open(self, case: int) -> None:
        from napari_unet.review.saving.recovery import unsaved_work

        self._leave()
        self.open = case
        if case in self.masks:  # its layer was kept
            self.saver.open_case(self.ids[case], None, self.masks[case].copy())
            return
        head = self.project.case(self.ids[case]).revision
        mask = np.zeros(SHAPE, np.uint8) if head is None else self.project.read_mask(head)
        unsaved = unsaved_work(self.project, self.ids[case], self.rescue)
        self.masks[case] = mask
        self.saver.open_case(self.ids[case], head, mask.copy())
        if unsaved is not None:
            self._paint(case, unsaved)
            self.before.pop(case)

    def _leave(self) -> None:
        if self.open is not None:
            self._save(self.open)
            self.saver.close_case(self.ids[self.open])

    def _paint(self, case: int, new: np.ndarray) -> None:
        self.saver.stroke(self.ids[case], Change.between(self.masks[case], new))
        self.before[case], self.masks[case] = self.masks[case], new

    def _save(self, case: int) -> None:
        self.saver.save(self.ids[case], self.masks[case].copy(), Author(AuthorKind.PERSON, REVIEWER))


def die_at(place: int) -> None:
    """Kill this process at the `place`-th time that it touches the disk: in the middle of a write, too."""
    from napari_unet.review.saving import durable, journal

    left = place

    def count() -> bool:
        nonlocal left
        left -= 1
        return left < 0

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    class Killed(FileIO):
        def write(self, data: Any) -> int:
            if count():
                super().write(bytes(data)[: len(data) // 2])
                die()
            return super().write(data)

    def killed(call: Callable[..., Any], after: bool) -> Callable[..., Any]:
        def replaced(*arguments: Any, **options: Any) -> Any:
            now = count()
            if now and not after:
                die()
            result = call(*arguments, **options)
            if now:
                die()
            return result

        return replaced

    journal.FileIO = durable.FileIO = Killed  # type: ignore[misc]
    for number, name in enumerate(("fsync", "replace", "rename", "unlink")):
        setattr(os, name, killed(getattr(os, name), after=(place + number) % 2 == 0))


def _serve() -> None:
    import napari_unet.review.saving.saver
    import napari_unet.review.store  # noqa: F401  (before the fork: imported once)

    for name in ("torch", "qtpy", "napari"):
        assert name not in sys.modules, name

    def say(line: str) -> None:
        os.write(1, f"{line}\n".encode())

    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child:
            say(f"pid {child}")
            os.waitpid(child, 0)
            say("end")
            continue
        code = 1
        try:
            if request["place"] is not None:
                die_at(request["place"])
            work = Work(Path(request["folder"]), Path(request["rescue"]), say)
            work.run(plan(request["seed"], request["length"]), request["patient"])
            code = 0
        finally:
            os._exit(code)


if __name__ == "__main__":
    _serve()
