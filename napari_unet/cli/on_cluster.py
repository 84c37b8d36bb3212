"""The cases of a batch on a cluster: how one travels, what a worker makes of it, and what comes back.

A task is one case in, its files and its result out. What stands of an earlier run is not sent; what a worker
made is recorded here. So a task that Dask runs twice gives the same files twice, and the record has it once.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from napari_unet.cli.case_batch import CaseBatch, CaseResult
from napari_unet.cli.inputs import Case
from napari_unet.cli.usage import known_by, made_by
from napari_unet.cluster.limits import Limits
from napari_unet.cluster.run import Task, run_tasks
from napari_unet.cluster.task import Failed, Unfit
from napari_unet.cluster.travel import Load, bytes_under_way, is_shared, load, scratch
from napari_unet.core.errors import UserError
from napari_unet.core.source import Source
from napari_unet.io.atomic import atomic_write

if TYPE_CHECKING:
    from distributed import Client

_Result = TypeVar("_Result", bound=CaseResult)


@dataclass(frozen=True)
class Workplace:
    """A cluster that may be used. made_by : as in `usage.made_by`, with the backend of the workers.

    models : of which every worker has to have the same. is_here : it is on this computer, and of this
    installation.
    """

    client: Client
    models: tuple[str, ...]
    made_by: Mapping[str, Any]
    is_here: bool = False
    limits: Limits = field(default_factory=Limits)

    @property
    def expected(self) -> Expected | None:
        """What its workers have to have; None where that is certain."""
        if self.is_here:
            return None
        return Expected(self.models, self.made_by["program"], _cards(self.made_by))

    def shares(self, image: Source, folder: Path | None = None) -> bool:
        """Whether all workers see an image, and a folder for results, under the same names."""
        return self.is_here or is_shared(self.client, image.first, folder)


@contextmanager
def workplace(
    workers: int | None, address: str | None, models: tuple[str, ...], device: str, minutes: float
) -> Iterator[Workplace | None]:
    """The cluster that was asked for, until the block ends; None for this process alone.

    Raises UserError if it cannot be used, or has workers that would make other results.
    """
    if workers is None and address is None:
        yield None
        return
    if workers is not None and address is not None:
        raise typer.BadParameter("choose --workers or --cluster, not both.")
    limits = Limits(case_s=60 * minutes)
    from napari_unet.cli.engine import engine
    from napari_unet.cluster.connect import local_cluster, remote_cluster
    from napari_unet.cluster.versions import check_workers

    if address is None:
        assert workers is not None
        here = made_by(*models, device=device)
        gpus = engine().submit("count_gpus", name=device).result()
        with local_cluster(workers, gpus) as client:
            yield Workplace(client, models, here, True, limits)
        return
    here = known_by(*models)
    with remote_cluster(address) as client:
        asked = partial(made_by, *models, device=device)
        backend = check_workers(client, asked, here, partial(_gpu, device))
        yield Workplace(client, models, here | {"backend": backend}, False, limits)


def _gpu(device: str) -> str:
    """On a worker: the GPU that it works on."""
    from napari_unet.cli.engine import engine

    found: str = engine().submit("gpu_id", name=device).result()
    return found


@dataclass(frozen=True)
class Expected:
    """What a worker has to have; it may have come later than the check of all."""

    models: tuple[str, ...]
    program: str
    cards: tuple[tuple[str, str], ...]

    def check(self) -> None:
        """On a worker: raises Unfit where it would make other results."""
        if why := _differs(self):
            raise Unfit(why, "Install the same program and models there.")


@dataclass(frozen=True)
class _Sent:
    """A case under way."""

    batch: CaseBatch[Any]
    case: Case
    load: Load
    expected: Expected | None


@dataclass(frozen=True)
class _Made:
    """What comes back. written : name and bytes of each file, where the worker did not write them itself."""

    content: str
    result: Any
    written: tuple[tuple[str, bytes], ...] = ()


def results_of(
    batch: CaseBatch[_Result], place: Workplace | None, on_progress: Callable[[float], None]
) -> Iterator[_Result]:
    """The results of a batch, made there; None : in this process. on_progress : see `CaseBatch.run`."""
    return batch.run(on_progress) if place is None else run_on(place, batch)


def run_on(place: Workplace, batch: CaseBatch[_Result]) -> Iterator[_Result]:
    """The results of a batch, in the order in which they come: first those of an earlier run."""
    due = []
    for case in batch.cases:
        try:
            earlier = batch.earlier(case)
        except UserError as error:
            yield batch.failed(case, error)
            continue
        if earlier is None:
            due.append(case)
        else:
            yield earlier
    cases = {case.name: case for case in due}
    first = next((case for case in due if case.archive is None), None)
    shared = first is not None and place.shares(first.source, batch.output)
    tasks = (_task(place, batch, case, shared) for case in due)
    results = run_tasks(place.client, tasks, place.limits)
    try:
        for task, outcome in results:
            case = cases[task.name]
            try:
                if isinstance(outcome, Failed):
                    raise UserError(outcome.reason)
                yield _taken(batch, case, outcome.result)
            except Exception as error:
                yield batch.failed(case, error)
    finally:
        results.close()


def _task(place: Workplace, batch: CaseBatch[Any], case: Case, shared: bool) -> Task:
    by_name = place.is_here or (shared and case.archive is None)

    def argument() -> _Sent:
        sent = load(case.source, by_name, place.limits.patience_s)
        known = replace(case, source=sent.source)
        return _Sent(batch.alone(known), known, sent, place.expected)

    return Task(case.name, make_case, argument, bytes_under_way(case.source, by_name))


def _taken(batch: CaseBatch[Any], case: Case, made: _Made) -> Any:
    files = [batch.output / path.name for path in made.result.files]
    for name, data in made.written:
        with atomic_write(batch.checked(case, batch.output / name)) as partial_file:
            partial_file.write_bytes(data)
    at = None if batch.anonymous else case.path
    return batch.take(case, made.content, replace(made.result, input=at, files=tuple(files)))


def make_case(sent: _Sent) -> _Made:
    """On a worker: reads the case, asks the network, writes; what came by value goes back by value."""
    if sent.expected is not None:
        sent.expected.check()
    if sent.load.content is None:
        with sent.load.there(sent.batch.output):
            return _Made(*sent.batch.make(sent.case))
    with sent.load.there() as source, tempfile.TemporaryDirectory(dir=scratch()) as out:
        case = replace(sent.case, source=source)
        content, result = sent.batch.alone(case, Path(out)).make(case)
        return _Made(content, result, tuple((path.name, path.read_bytes()) for path in result.files))


@cache
def _differs(expected: Expected) -> str:
    """Why this worker would make other results, or "". Asked once in each process."""
    found = known_by(*expected.models)
    if found["program"] != expected.program:
        return f"A worker has version {found['program']} of this program; here it is {expected.program}."
    return "" if _cards(found) == expected.cards else "A worker has another version of the model."


def _cards(made_by: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((name, checksum) for name, checksum in made_by["models"])
