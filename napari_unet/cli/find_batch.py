"""The work of `find`: case after case, a bad one does not stop the rest. And its table, `findings.csv`."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from napari_unet.cli.batch import content_of, without_names
from napari_unet.cli.engine import steps
from napari_unet.cli.inputs import Case, Inputs
from napari_unet.cli.overlapped import overlapped
from napari_unet.cli.report import finished_cases, write_table
from napari_unet.cli.resume import Earlier, ResumeRecord
from napari_unet.core.auto import FINDING_MODEL
from napari_unet.core.errors import UserError
from napari_unet.core.events import Note, TileDone
from napari_unet.core.prediction import Prediction
from napari_unet.core.raster import Raster
from napari_unet.core.steps import run
from napari_unet.io.formats import read_raster
from napari_unet.io.heat_picture import write_heat_picture
from napari_unet.io.names import as_stored

FINDINGS = "findings.csv"
FIRST = ("abnormal", "tb_like")
"""Columns that are always there, also where a model has no such finding."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FindOptions:
    """What the user asked for. heatmap : a picture of each image with its map."""

    output: Path
    model: str = FINDING_MODEL
    device: str = "auto"
    heatmap: bool = False
    anonymous: bool = False


@dataclass(frozen=True)
class Found:
    """One finished case. scores : 0 to 100. zone : where the first finding is hottest, in words. zones :
    of each finding. error : why there is no score. resumed : an earlier run found it."""

    case: str
    model: str = ""
    version: str = ""
    scores: dict[str, float] = field(default_factory=dict)
    zone: str = ""
    notes: tuple[str, ...] = ()
    error: str = ""
    input: Path | None = None
    files: tuple[Path, ...] = ()
    zones: dict[str, str] = field(default_factory=dict)
    higher_than: dict[str, int] = field(default_factory=dict)
    thresholds: dict[str, float] = field(default_factory=dict)
    resumed: bool = False

    def cells(self, findings: Sequence[str]) -> list[str]:
        """The row of the table; empty where there is no answer."""
        scores = [f"{self.scores[name]:.1f}" if name in self.scores else "" for name in findings]
        return [self.case, self.model, self.version, *scores, self.zone, " ".join(self.notes), self.error]

    def record(self) -> dict[str, Any]:
        """As one JSON object. thresholds, too, are from 0 to 100."""
        return {
            "case": self.case,
            "input": None if self.input is None else str(self.input),
            "files": [str(path) for path in self.files],
            "model": self.model,
            "version": self.version,
            "scores": {name: round(score, 1) for name, score in self.scores.items()},
            "thresholds": {name: round(100 * least, 1) for name, least in self.thresholds.items()},
            "higher_than_normal": self.higher_than,
            "zone": self.zone,
            "zones": self.zones,
            "notes": list(self.notes),
            "error": self.error,
            "resumed": self.resumed,
        }

    def stored(self) -> dict[str, Any]:
        """What makes this result again, but where the image lies."""
        left_out = ("input", "resumed", "files")
        return {name: value for name, value in vars(self).items() if name not in left_out}

    def sentence(self) -> str:
        """For people: name, scores, zone and notes."""
        scores = ", ".join(f"{name} {score:.0f}" for name, score in self.scores.items())
        where = f" Hottest in: {self.zone}." if self.zone else ""
        return " ".join([f"{self.case}: {scores}.{where}", *self.notes])


@dataclass(frozen=True)
class _Read:
    """A case that was read, or what an earlier run made of it."""

    content: str
    raster: Raster | None = None
    earlier: Earlier | None = None
    prediction: Prediction | None = None
    target: Path | None = None


class FindBatch:
    """Runs over cases and keeps what it found, so that a table can be written however the run ends.

    findings : of the model, in its order. record : of what made each result; with results of an earlier run
    that need not be made again.
    """

    def __init__(
        self, inputs: Inputs, options: FindOptions, findings: Sequence[str], record: ResumeRecord
    ) -> None:
        self.found: list[Found] = []
        self._inputs, self._options, self._record = inputs, options, record
        self._under_way: set[str] = set()
        self._columns = (*FIRST, *(name for name in findings if name not in FIRST))
        self._earlier = finished_cases(options.output, FINDINGS)

    def run(self, on_progress: Callable[[float], None]) -> Iterator[Found]:
        """One Found a case; on_progress gets the number of cases done, with fractions.

        In the order of the inputs, but those at which an earlier run was killed come last.
        """
        cases = sorted(self._inputs.cases, key=lambda case: self._record.was_killed_at(case.name))

        def work(number: int, case: Case, read: _Read) -> _Read:
            return self._work(case, read, lambda share: on_progress(number + share))

        results = overlapped(cases, self._read, work, self._write, self._failed)
        try:
            yield from results
        finally:  # also when the program is stopped in order: nothing was killed
            results.close()
            for name in self._under_way:
                self._record.leave(name)

    def write_table(self) -> Path:
        """`findings.csv` for the cases done so far, in the order of the inputs."""
        columns = ("case", "model", "version", *self._columns, "zone", "notes", "error")
        places = {case.name: place for place, case in enumerate(self._inputs.cases)}
        found = sorted(self.found, key=lambda one: places[one.case])
        path = self._options.output / FINDINGS
        return write_table(path, columns, (one.cells(self._columns) for one in found))

    def _read(self, case: Case) -> _Read:
        if case.problem:
            raise UserError(case.problem)
        content = content_of(case)
        earlier = self._record.earlier(case.name, content) if content else None
        if earlier is not None:
            return _Read(content, earlier=earlier)
        self._record.begin(case.name)
        self._under_way.add(case.name)
        return _Read(content, read_raster(case.source))

    def _work(self, case: Case, read: _Read, on_progress: Callable[[float], None]) -> _Read:
        if read.raster is None:
            return read
        options = self._options
        target = self._target(case) if options.heatmap else None

        def tell(event: TileDone | Note) -> None:
            if isinstance(event, TileDone):  # two networks look at it, each at one piece
                on_progress(event.done / event.total / 2)

        asked = steps("find", raster=read.raster, model=options.model, device=options.device)
        return replace(read, prediction=run(asked, tell), target=target)

    def _write(self, case: Case, made: _Read) -> Found:
        path = None if self._options.anonymous else case.path
        if made.earlier is not None:
            return self._keep(_resumed(made.earlier, path))
        raster, prediction, target = made.raster, made.prediction, made.target
        assert raster is not None and prediction is not None  # work has seen it
        files = () if target is None else (write_heat_picture(target, raster, prediction),)
        reading = prediction.reading
        zones = {} if reading is None else dict(reading.zones)
        found = Found(
            case.name,
            prediction.model,
            prediction.version,
            {name: 100 * score for name, score in prediction.scores.items()},
            zones.get(next(iter(prediction.scores)), ""),
            prediction.notes,
            input=path,
            files=files,
            zones=zones,
            higher_than={} if reading is None else dict(reading.higher_than),
            thresholds={} if reading is None else dict(reading.thresholds),
        )
        if made.content:
            self._record.end(case.name, made.content, found.stored(), files)
        self._under_way.discard(case.name)
        return self._keep(found)

    def _keep(self, found: Found) -> Found:
        self.found.append(found)
        return found

    def _target(self, case: Case) -> Path:
        """Where the picture goes. Raises UserError where it would take the place of a file of the user's."""
        path = as_stored(self._options.output / f"{case.name}_heatmap.png")
        if os.path.exists(path) and case.name not in self._earlier and self._inputs.hold(path):
            raise UserError(
                f"{path.name} is one of the inputs and is not overwritten.",
                "Choose another folder with -o.",
            )
        return path

    def _failed(self, case: Case, error: Exception) -> Found:
        """One odd file must not cost the user all others."""
        if case.name in self._under_way:
            self._record.leave(case.name)
            self._under_way.discard(case.name)
        text = str(error)
        if not isinstance(error, UserError):
            _log.debug("scoring %s", case.name, exc_info=error)
            text = f"Unexpected {type(error).__name__}: {error}"
        if self._options.anonymous:
            return self._keep(Found(case.name, error=without_names(text, case)))
        return self._keep(Found(case.name, error=text, input=case.path))


def _resumed(earlier: Earlier, path: Path | None) -> Found:
    known = {**earlier.result, "notes": (*earlier.result["notes"], *earlier.kept())}
    return Found(**known, input=path, resumed=True)
