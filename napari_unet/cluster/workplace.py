"""A cluster that may be used: that was asked for, is there, and makes what this computer would make."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from napari_unet.cluster.connect import local_cluster, remote_cluster
from napari_unet.cluster.limits import Limits
from napari_unet.cluster.made_by import known_by, made_by
from napari_unet.cluster.run import Task, run_tasks
from napari_unet.cluster.task import Done, Failed, Unfit
from napari_unet.cluster.travel import is_shared
from napari_unet.cluster.versions import check_workers
from napari_unet.core.source import Source
from napari_unet.engine.here import engine

if TYPE_CHECKING:
    from pathlib import Path

    from distributed import Client

    from napari_unet.models.library import ModelLibrary


@dataclass(frozen=True)
class Workplace:
    """A cluster that may be used. made_by : as in `cluster.made_by`, with the backend of the workers.

    models : of which every worker has to have the same. is_here : it is on this computer, and of this
    installation.
    """

    client: Client
    models: tuple[str, ...]
    made_by: Mapping[str, Any]
    is_here: bool = False
    limits: Limits = field(default_factory=Limits)

    def run(self, tasks: Iterable[Task]) -> Generator[tuple[Task, Done | Failed], None, None]:
        """As `run_tasks`, on workers that make what this computer would make: each looks before its task."""
        if not self.is_here:
            expected = Expected(self.models, self.made_by["program"], _cards(self.made_by))
            tasks = (expected.asked_of(task) for task in tasks)
        yield from run_tasks(self.client, tasks, self.limits)

    def shares(self, image: Source, folder: Path | None = None) -> bool:
        """Whether all workers see an image, and a folder for results, under the same names."""
        return self.is_here or is_shared(self.client, image.first, folder)


@contextmanager
def local_workplace(
    workers: int, models: tuple[str, ...], device: str, limits: Limits | None = None
) -> Iterator[Workplace]:
    """So many processes on this computer, until the block ends. Raises UserError as `local_cluster` does."""
    here = made_by(*models, device=device)
    gpus = engine().submit("count_gpus", name=device).result()
    with local_cluster(workers, gpus) as client:
        yield Workplace(client, models, here, True, limits or Limits())


@contextmanager
def remote_workplace(
    address: str,
    models: tuple[str, ...],
    device: str,
    limits: Limits | None = None,
    library: ModelLibrary | None = None,
) -> Iterator[Workplace]:
    """The cluster at an address, until the block ends. library : of this computer, None for the usual one.

    Raises UserError if it cannot be used, or has workers that would make other results.
    """
    here = known_by(*models, library=library)
    with remote_cluster(address) as client:
        asked = partial(made_by, *models, device=device)
        backend = check_workers(client, asked, here, partial(_gpu, device))
        yield Workplace(client, models, here | {"backend": backend}, False, limits or Limits())


@dataclass(frozen=True)
class Expected:
    """What a worker has to have; it may have come later than the check of all."""

    models: tuple[str, ...]
    program: str
    cards: tuple[tuple[str, str], ...]

    def asked_of(self, task: Task) -> Task:
        """The same task for workers that have it."""
        return replace(task, function=_if_fit, argument=lambda: _IfFit(self, task.function, task.argument()))


@dataclass(frozen=True)
class _IfFit:
    """A task under way, and what its worker has to have."""

    expected: Expected
    function: Callable[[Any], Any]
    argument: object


def _if_fit(sent: _IfFit) -> Any:
    """On a worker: raises Unfit where it would make other results."""
    if why := _differs(sent.expected):
        raise Unfit(why, "Install the same program and models there.")
    return sent.function(sent.argument)


def _gpu(device: str) -> str:
    """On a worker: the GPU that it works on."""
    found: str = engine().submit("gpu_id", name=device).result()
    return found


@cache
def _differs(expected: Expected) -> str:
    """Why this worker would make other results, or "". Asked once in each process."""
    found = known_by(*expected.models)
    if found["program"] != expected.program:
        return f"A worker has version {found['program']} of this program; here it is {expected.program}."
    return "" if _cards(found) == expected.cards else "A worker has another version of the model."


def _cards(made_by: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((name, checksum) for name, checksum in made_by["models"])
