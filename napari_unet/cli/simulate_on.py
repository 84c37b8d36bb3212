"""A simulation on a cluster: each way of working, with each seed, is a task."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from napari_unet.cluster.run import Task
from napari_unet.cluster.task import Failed
from napari_unet.core.errors import UserError
from napari_unet.core.events import CaseDone, Note
from napari_unet.core.simulated import Arm, Outcome, Simulation
from napari_unet.engine.here import engine

if TYPE_CHECKING:
    from napari_unet.cluster.workplace import Workplace
    from napari_unet.simulation.simulate import Subject


def simulated_on(
    place: Workplace, reading: Generator[Note, None, list[Subject]], seeds: int, asked: dict[str, Any]
) -> Generator[Note | CaseDone | Outcome, None, Simulation]:
    """As `simulation_steps`, there. The images are read and reduced here, and travel by value.

    reading : `subjects_steps`. asked : what every way of working is asked. Raises UserError if one of them
    has failed for good.
    """
    subjects = yield from reading
    ways = {f"{arm}, seed {seed}": (arm, seed) for seed in range(seeds) for arm in Arm}
    size = sum(one.raster.pixels.nbytes + one.reference.nbytes for one in subjects)

    def task(name: str, arm: Arm, seed: int) -> Task:
        return Task(name, _outcome, lambda: {"subjects": subjects, "arm": arm, "seed": seed, **asked}, size)

    found: dict[str, Simulation] = {}
    yield CaseDone("", 0, len(ways))
    results = place.run(task(name, *way) for name, way in ways.items())
    try:
        for one, outcome in results:
            if isinstance(outcome, Failed):
                raise UserError(f"{one.name} failed. {outcome.reason}")
            found[one.name] = outcome.result
            yield from found[one.name].outcomes
            yield CaseDone(one.name, len(found), len(ways))
    finally:
        results.close()
    in_order = [found[name] for name in ways]
    outcomes = tuple(outcome for one in in_order for outcome in one.outcomes)
    return Simulation(outcomes, len(subjects), max(one.threads for one in in_order))


def _outcome(asked: dict[str, Any]) -> Simulation:
    """On a worker."""
    found: Simulation = engine().submit("simulated_outcome", **asked).result()
    return found
