"""A training that does what the test says, and a small review project."""

from __future__ import annotations

from math import nan
from pathlib import Path
from typing import Any

import numpy as np
from evidence_fakes import masks
from job_fakes import FakeEngine, FakeJob
from PIL import Image as Picture

from napari_unet.core.acceptance_report import AcceptanceReport
from napari_unet.core.drift import Drift
from napari_unet.core.events import PartBegun, Preview, StepsDone
from napari_unet.core.protocol import ProtocolQuestion
from napari_unet.models.card import ModelCard
from napari_unet.models.folder import CARD_FILE
from napari_unet.models.output import Output
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import Author, AuthorKind, NewCase, Status
from napari_unet.training.compared import ComparedCase
from napari_unet.training.outcome import Estimate, FineTuneResult

SHAPE = (60, 80)
MODEL = Author(AuthorKind.MODEL, "test-lung", "1.0")
PROTOCOL = "Visible lung fields; the heart is left out"


def fake_engine(**options: Any) -> FakeEngine:
    """Answers estimates and questions about protocols at once. Keeps all other jobs for the test.

    An estimate is a second for each step; what differs is the words, if anything does.
    """

    def estimate(arguments: dict[str, Any]) -> dict[str, Estimate]:
        return {name: Estimate(config.steps, 0.0) for name, config in arguments["configs"].items()}

    def question(arguments: dict[str, Any]) -> ProtocolQuestion:
        return ProtocolQuestion(arguments["protocol"], PROTOCOL, "The masks were measured.")

    return FakeEngine({"estimate": estimate, "protocol_question": question}, **options)


class FakeEngines(list[FakeEngine]):
    """All engines of a test, in the order in which they were made."""

    @property
    def jobs(self) -> list[FakeJob]:
        """Those that the engines receive, without estimates."""
        return [job for engine in self for job in engine.jobs]


def add_model(library: Path, name: str, **card: Any) -> Path:
    """A model folder without weights: enough for a window without torch."""
    folder = library / name
    folder.mkdir(parents=True)
    (folder / CARD_FILE).write_text(ModelCard(name=name, protocol=PROTOCOL, **card).model_dump_json())
    return folder


def lungs(shape: tuple[int, int] = SHAPE) -> np.ndarray:
    """A mask with two boxes."""
    mask = np.zeros(shape, np.uint8)
    height, width = shape
    mask[height // 4 : -height // 4, width // 8 : 3 * width // 8] = 1
    mask[height // 4 : -height // 4, 5 * width // 8 : -width // 8] = 1
    return mask


def make_project(
    folder: Path, accepted: int, new: int = 0, protocol: str = "", patients: int = 0
) -> list[str]:
    """A project of made-up X-rays with a mask by a model. patients : how many; 0 for unknown."""
    folder.mkdir(parents=True)
    ids = []
    with ReviewProject.create(folder / "ward review", protocol) as project:
        for number in range(accepted + new):
            ramp = np.add.outer(np.arange(SHAPE[0]), np.arange(SHAPE[1])) + 3 * number
            path = folder / f"{number}.png"
            Picture.fromarray((ramp % 251).astype(np.uint8)).save(path)
            patient = f"P{number % patients}" if patients else ""
            ((id, _),) = project.add([NewCase(str(path), patient)], "Ann")
            project.add_revision(id, lungs(), MODEL)
            if number < accepted:
                project.decide(id, Status.ACCEPTED, "Ann")
            ids.append(id)
    return ids


def fold(part: int, case: str, steps: int = 4, parts: int = 3) -> list[object]:
    """The events of one part: a score at its end, and what a held-out case looks like then."""
    last = part == parts
    probability = np.full((16, 16), 200, np.uint8)
    return [
        PartBegun(part, parts, 4 if last else 2, 0 if last else 2, steps, steps * (parts - part), 30.0),
        *(StepsDone(part, step, steps, 1 / step, nan, nan, False) for step in range(1, steps)),
        StepsDone(part, steps, steps, 0.2, nan if last else 0.9, 0.97, True),
        *([] if last else [Preview(case, steps, probability)]),
    ]


def result_of(
    job: FakeJob,
    library: Path,
    forgets: float = 0.002,
    worst: float = 0.9,
    earlier_change: float | None = None,
    drift: tuple[Drift, ...] = (),
    difference: str = "",
) -> FineTuneResult:
    """A new model in the library. forgets : what it loses on the reference set. worst : Dice in one case,
    which was 0.78; the others gain. earlier_change : as in the result of a model with one answer more.
    drift, difference : as in the report."""
    name = job.arguments["name"]
    pairs = job.arguments["pairs"]
    folder = add_model(library, name, parent="test-lung")
    site = [(0.78, 0.9 + 0.01 * k if k else worst) for k in range(len(pairs))]
    yours = masks("your images", site, [(9.0, 4.0)] * len(pairs), ids=[pair.id for pair in pairs])
    old = [f"Montgomery {k + 1}" for k in range(3)]
    kept = masks("the reference set", [(0.976, 0.976 - forgets)] * 3, [(3.0, 3.0)] * 3, ids=old)
    report = AcceptanceReport("test-lung", name, (*yours, *kept), drift, difference=difference)
    drawn = {pair.id: ComparedCase.of(lungs() > 0, np.roll(lungs() > 0, 4, axis=0)) for pair in pairs}
    small = np.zeros((32, 32), bool)
    small[8:20, 6:26] = True
    seen = {id: ComparedCase.of(small, small.T, np.full((32, 32), 90, np.uint8)) for id in old}
    outputs = (Output(), Output(id="lungs-2")) if earlier_change is not None else (Output(),)
    card = ModelCard(name=name, parent="test-lung", outputs=outputs)
    return FineTuneResult(card, folder, report, 20.0, 40.0, drawn, seen, earlier_change=earlier_change)
