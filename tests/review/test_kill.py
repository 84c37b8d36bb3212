"""A hundred killed processes, one project: what was on the disk is there, and nothing is half there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from kill_worker import CASES, SHAPE, Step, plan

from napari_unet.core.labels import lung
from napari_unet.review.saving.recovery import unsaved_cases, unsaved_work
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import USABLE, FileFacts, FileState, NewCase, Status
from napari_unet.review.verify import ProblemKind

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the processes are forked")
LENGTH = 40
KILLS_EACH = 25


@dataclass(frozen=True)
class CaseState:
    """What the database has of a case; accepted and corrected are one here. mask : as bytes."""

    mask: bytes
    status: str
    reason: str | None
    note: str


@dataclass(frozen=True)
class Records:
    """What the database has. said : how many decisions were made or taken back."""

    cases: tuple[CaseState, ...]
    said: int


Decided = tuple[tuple[int, CaseState], ...]
"""Decisions that can be taken back: the case, and how it stood before."""


class Model:
    """What a project must hold after each number of steps, for any number of them that reached the disk."""

    def __init__(
        self, painted: list[np.ndarray], records: Records, decided: Decided, steps: list[Step]
    ) -> None:
        """painted : the mask of each case with what was not saved."""
        self.painted = [[mask.tobytes() for mask in painted]]  # after each step
        self.records = [records]  # after each write into the database
        self.decided = [decided]  # likewise
        self.written = [0]  # how many such writes were asked for, after each step
        self._masks = [mask.copy() for mask in painted]
        self._before: dict[int, np.ndarray] = {}
        self._open: int | None = None
        for step in steps:
            self._do(step)
            self.painted.append([mask.tobytes() for mask in self._masks])
            self.written.append(len(self.records) - 1)

    def _do(self, step: Step) -> None:
        case = step.case
        if step.kind == "open":
            self._save(self._open)
            self._open = step.to
        elif step.kind == "leave":
            self._save(case)
        elif step.kind in ("stroke", "undo"):
            now = self._masks[case]
            new = self._before.get(case, now) if step.kind == "undo" else now.copy()
            if step.kind == "stroke":
                step.paint(new)
            self._before[case], self._masks[case] = now, new
        elif step.kind == "note":
            self._write(case, note=str(step.seed))
        elif step.kind == "take back":
            *rest, last = (None, *self.decided[-1])
            if last is not None:
                case, old = last
                self._write(case, tuple(rest[1:]), status=old.status, reason=old.reason)
        else:
            self._save(case)
            if step.kind != "save":
                self._decide(step)

    def _decide(self, step: Step) -> None:
        now = self.records[-1].cases[step.case]
        mask = np.frombuffer(now.mask, np.uint8)
        if step.kind == "accept" and not lung(mask).any():
            return  # refused
        status = {"accept": "usable", "reject": Status.REJECTED.value}
        reason = step.reason.value if step.kind == "reject" else None
        decided = (*self.decided[-1], (step.case, now))
        self._write(step.case, decided, status=status.get(step.kind, Status.SECOND_LOOK.value), reason=reason)

    def _save(self, case: int | None) -> None:
        if case is not None:
            self._write(case, mask=self._masks[case].tobytes())

    def _write(self, case: int, decided: Decided | None = None, **values) -> None:
        before = self.records[-1]
        cases = list(before.cases)
        cases[case] = replace(cases[case], **values)
        self.records.append(Records(tuple(cases), before.said + (decided is not None)))
        self.decided.append(self.decided[-1] if decided is None else decided)


class Office:
    """The worker's server, and the project that all of its processes work on."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.rescue = folder / "project", folder / "rescue"
        with ReviewProject.create(self.folder) as project:
            ids = [
                i for i, _ in project.add([NewCase(str(folder / f"{n}.png")) for n in range(CASES)], "Ann")
            ]
            project.put_facts({i: FileFacts(FileState.PRESENT, shape=SHAPE) for i in ids}, "Ann")
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("kill_worker.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        )

    def afternoon(self, seed: int, kill_after: int | None, delay: float, place: int | None, patient: bool):
        """Lets one process work until it dies; returns (steps begun, strokes known safe, all known safe)."""
        request = {
            "folder": str(self.folder),
            "rescue": str(self.rescue),
            "seed": seed,
            "length": LENGTH,
            "place": place,
            "patient": patient,
        }
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        pid, counts = 0, {"began": 0, "strokes": 0, "all": 0}
        for line in self.process.stdout:
            word, *number = line.split()
            if word == "end":
                return counts["began"], max(counts["strokes"], counts["all"]), counts["all"]
            if word == "pid":
                pid = int(number[0])
                if kill_after is None or counts["began"] <= kill_after:
                    continue
            else:
                counts[word] = int(number[0]) + 1
            if kill_after is not None and pid and counts["began"] > kill_after:
                time.sleep(delay)
                kill_after = None
                with suppress(ProcessLookupError):  # it was through already
                    os.kill(pid, signal.SIGKILL)
        raise AssertionError("the worker's server ended")

    def look(self) -> tuple[list[np.ndarray], Records]:
        """What a person finds who opens the project now: masks with unsaved strokes, and the database."""
        painted, cases = [], []
        with ReviewProject.open(self.folder) as project:
            for case in project.cases():
                mask = np.zeros(SHAPE, np.uint8)
                if case.revision is not None:
                    mask = project.read_mask(case.revision)
                status = "usable" if case.status in USABLE else case.status.value
                reason = case.reason and case.reason.value
                cases.append(CaseState(mask.tobytes(), status, reason, case.note))
                unsaved = unsaved_work(project, case.id, self.rescue)
                painted.append(mask if unsaved is None else unsaved)
            said = sum(event.kind in ("decided", "taken back") for event in project.events())
        return painted, Records(tuple(cases), said)

    def wrong(self) -> list[str]:
        """What the project's own check says, but that the images of this test do not exist."""
        with ReviewProject.open(self.folder) as project:
            steps = project.verify()
            while True:
                try:
                    next(steps)
                except StopIteration as end:
                    return [
                        p.text for p in end.value if p.kind != ProblemKind.SOURCE_MISSING and not p.harmless
                    ]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    office.process.stdin.close()
    office.process.wait(30)


@pytest.mark.parametrize(
    "group", [0, *(pytest.param(group, marks=pytest.mark.slow) for group in range(1, 100 // KILLS_EACH))]
)
def test_what_was_on_the_disk_survives_the_kill(office, group):
    painted, records = office.look()
    decided: Decided = ()
    killed, seed = 0, 1000 * group
    while killed < KILLS_EACH:
        seed += 1
        rng = np.random.default_rng(seed)
        place = int(rng.integers(0, 140)) if seed % 2 else None
        after = None if seed % 2 else int(rng.integers(0, LENGTH))
        patient = bool(rng.integers(2))
        began, strokes, done = office.afternoon(seed, after, float(rng.uniform(0, 0.012)), place, patient)
        model = Model(painted, records, decided, plan(seed, LENGTH))
        painted, records = office.look()
        for case in range(CASES):
            allowed = [model.painted[n][case] for n in range(strokes, began + 1)]
            assert painted[case].tobytes() in allowed, f"mask of case {case} after kill {seed}"
        possible = range(model.written[done], model.written[began] + 1)
        reached = [number for number in possible if model.records[number] == records]
        assert reached, f"database after kill {seed}"
        decided = model.decided[reached[0]]
        killed += done < LENGTH
    assert office.wrong() == []
    assert office.afternoon(0, None, 0, None, patient=False)[2] == LENGTH
    with ReviewProject.open(office.folder) as project:
        assert unsaved_cases(project, office.rescue) == []
    assert list((office.folder / "journal").iterdir()) == []
