"""The work of `find`: scores and pictures of each case. And its table, `findings.csv`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from napari_unet.cli.case_batch import CaseBatch, Predicted
from napari_unet.cli.inputs import Case, Inputs
from napari_unet.cli.report import write_table
from napari_unet.cli.resume import Earlier, ResumeRecord
from napari_unet.core.auto import FINDING_MODEL
from napari_unet.core.events import Note, TileDone
from napari_unet.core.prediction import Prediction
from napari_unet.core.raster import Raster
from napari_unet.core.steps import run
from napari_unet.engine.here import steps
from napari_unet.io.finding_page import write_finding_page
from napari_unet.io.heat_picture import write_heat_picture

FINDINGS = "findings.csv"
FIRST = ("abnormal", "tb_like")
"""Columns that are always there, also where a model has no such finding."""


@dataclass(frozen=True)
class FindOptions:
    """What the user asked for. heatmap : a picture of each image with its map. page : a PDF
    about each."""

    output: Path
    model: str = FINDING_MODEL
    device: str = "auto"
    heatmap: bool = False
    page: bool = False
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
        where = f" Peak zone: {self.zone}." if self.zone else ""
        return " ".join([f"{self.case}: {scores}.{where}", *self.notes])


class FindBatch(CaseBatch[Found]):
    """`find`: see `CaseBatch`. findings : of the model, in its order."""

    def __init__(
        self, inputs: Inputs, options: FindOptions, findings: Sequence[str], record: ResumeRecord
    ) -> None:
        super().__init__(inputs, options.output, options.anonymous, record, FINDINGS)
        self._options = options
        self._columns = (*FIRST, *(name for name in findings if name not in FIRST))

    def write_table(self) -> Path:
        """`findings.csv` for the cases done so far, in the order of the inputs."""
        columns = ("case", "model", "version", *self._columns, "zone", "notes", "error")
        cells = (one.cells(self._columns) for one in self.in_order(lambda found: found.case))
        return write_table(self._options.output / FINDINGS, columns, cells)

    def _ask(
        self, case: Case, raster: Raster, on_progress: Callable[[float], None]
    ) -> tuple[dict[str, Path], Prediction]:
        options = self._options
        asked_for = {"heatmap": (options.heatmap, ".png"), "findings": (options.page, ".pdf")}
        targets = {kind: self._target(case, kind, end) for kind, (asked, end) in asked_for.items() if asked}

        def tell(event: TileDone | Note) -> None:
            if isinstance(event, TileDone):  # two networks look at it, each at one piece
                on_progress(event.done / event.total / 2)

        asked = steps("find", raster=raster, model=options.model, device=options.device)
        return targets, run(asked, tell)

    def _finish(self, case: Case, made: Predicted) -> Found:
        prediction, reading = made.prediction, made.prediction.reading
        files = []
        if (path := made.targets.get("heatmap")) is not None:
            files.append(write_heat_picture(path, made.raster, prediction))
        if (path := made.targets.get("findings")) is not None:
            files.append(write_finding_page(path, made.raster, prediction, title=case.name))
        zones = {} if reading is None else dict(reading.zones)
        return Found(
            case.name,
            prediction.model,
            prediction.version,
            {name: 100 * score for name, score in prediction.scores.items()},
            zones.get(next(iter(prediction.scores)), ""),
            prediction.notes,
            input=self._input(case),
            files=tuple(files),
            zones=zones,
            higher_than={} if reading is None else dict(reading.higher_than),
            thresholds={} if reading is None else dict(reading.thresholds),
        )

    def _resumed(self, case: Case, earlier: Earlier) -> Found:
        known = {**earlier.result, "notes": (*earlier.result["notes"], *earlier.kept())}
        return Found(**known, input=self._input(case), resumed=True)

    def _without(self, case: Case, error: str) -> Found:
        return Found(case.name, error=error, input=self._input(case))
