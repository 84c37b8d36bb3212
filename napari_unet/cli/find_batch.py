"""The work of `find`: case after case, a bad one does not stop the rest. And its table, `findings.csv`."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from napari_unet.cli.batch import without_names
from napari_unet.cli.engine import steps
from napari_unet.cli.inputs import Case, Inputs
from napari_unet.cli.report import finished_cases, write_table
from napari_unet.core.auto import FINDING_MODEL
from napari_unet.core.errors import UserError
from napari_unet.core.events import Note, TileDone
from napari_unet.core.prediction import Prediction
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
    of each finding. error : why there is no score."""

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
        }

    def sentence(self) -> str:
        """For people: name, scores, zone and notes."""
        scores = ", ".join(f"{name} {score:.0f}" for name, score in self.scores.items())
        where = f" Hottest in: {self.zone}." if self.zone else ""
        return " ".join([f"{self.case}: {scores}.{where}", *self.notes])


class FindBatch:
    """Runs over cases and keeps what it found, so that a table can be written however the run ends.

    findings : of the model, in its order.
    """

    def __init__(self, inputs: Inputs, options: FindOptions, findings: Sequence[str]) -> None:
        self.found: list[Found] = []
        self._inputs, self._options = inputs, options
        self._columns = (*FIRST, *(name for name in findings if name not in FIRST))
        self._earlier = finished_cases(options.output, FINDINGS)

    def run(self, on_progress: Callable[[float], None]) -> Iterator[Found]:
        """One Found a case, in order; on_progress gets the number of cases done, with fractions."""
        for number, case in enumerate(self._inputs.cases):

            def tell(share: float, before: int = number) -> None:
                on_progress(before + share)

            try:
                found = self._find(case, tell)
            except UserError as error:
                found = self._failed(case, str(error))
            except Exception as error:  # one odd file must not cost the user all others
                _log.debug("scoring %s", case.name, exc_info=True)
                found = self._failed(case, f"Unexpected {type(error).__name__}: {error}")
            self.found.append(found)
            yield found

    def write_table(self) -> Path:
        """`findings.csv` for the cases done so far."""
        columns = ("case", "model", "version", *self._columns, "zone", "notes", "error")
        path = self._options.output / FINDINGS
        return write_table(path, columns, (one.cells(self._columns) for one in self.found))

    def _find(self, case: Case, on_progress: Callable[[float], None]) -> Found:
        if case.problem:
            raise UserError(case.problem)
        options = self._options
        raster = read_raster(case.source)
        target = self._target(case) if options.heatmap else None

        def tell(event: TileDone | Note) -> None:
            if isinstance(event, TileDone):  # two networks look at it, each at one piece
                on_progress(event.done / event.total / 2)

        prediction: Prediction = run(
            steps("find", raster=raster, model=options.model, device=options.device), tell
        )
        files = () if target is None else (write_heat_picture(target, raster, prediction),)
        reading = prediction.reading
        zones = {} if reading is None else dict(reading.zones)
        return Found(
            case.name,
            prediction.model,
            prediction.version,
            {name: 100 * score for name, score in prediction.scores.items()},
            zones.get(next(iter(prediction.scores)), ""),
            prediction.notes,
            input=None if options.anonymous else case.path,
            files=files,
            zones=zones,
            higher_than={} if reading is None else dict(reading.higher_than),
            thresholds={} if reading is None else dict(reading.thresholds),
        )

    def _target(self, case: Case) -> Path:
        """Where the picture goes. Raises UserError where it would take the place of a file of the user's."""
        path = as_stored(self._options.output / f"{case.name}_heatmap.png")
        if os.path.exists(path) and case.name not in self._earlier and self._inputs.hold(path):
            raise UserError(
                f"{path.name} is one of the inputs and is not overwritten.",
                "Choose another folder with -o.",
            )
        return path

    def _failed(self, case: Case, error: str) -> Found:
        if self._options.anonymous:
            return Found(case.name, error=without_names(error, case))
        return Found(case.name, error=error, input=case.path)
