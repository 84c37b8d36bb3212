"""The cases of a batch on a cluster: how one travels, what a worker makes of it, and what comes back.

A task is one case in, its files and its result out. What stands of an earlier run is not sent; what a worker
made is recorded here. So a task that Dask runs twice gives the same files twice, and the record has it once.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import typer

from napari_unet.cli.case_batch import CaseBatch, CaseResult
from napari_unet.cli.inputs import Case
from napari_unet.cluster.limits import Limits
from napari_unet.cluster.run import Task
from napari_unet.cluster.task import Failed
from napari_unet.cluster.travel import Load, bytes_under_way, load, scratch
from napari_unet.cluster.workplace import Workplace, local_workplace, remote_workplace
from napari_unet.core.errors import UserError
from napari_unet.io.atomic import atomic_write

_Result = TypeVar("_Result", bound=CaseResult)


@contextmanager
def workplace(
    workers: int | None, address: str | None, models: tuple[str, ...], device: str, minutes: float
) -> Iterator[Workplace | None]:
    """The cluster that was asked for, until the block ends; None for this process alone.

    Raises UserError if it cannot be used, or has workers that would make other results.
    """
    if workers is not None and address is not None:
        raise typer.BadParameter("choose --workers or --cluster, not both.")
    limits = Limits(case_s=60 * minutes)
    if workers is not None:
        with local_workplace(workers, models, device, limits) as place:
            yield place
    elif address is not None:
        with remote_workplace(address, models, device, limits) as place:
            yield place
    else:
        yield None


@dataclass(frozen=True)
class _Sent:
    """A case under way."""

    batch: CaseBatch[Any]
    case: Case
    load: Load


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
    results = place.run(tasks)
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
        return _Sent(batch.alone(known), known, sent)

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
    if sent.load.content is None:
        with sent.load.there(sent.batch.output):
            return _Made(*sent.batch.make(sent.case))
    with sent.load.there() as source, tempfile.TemporaryDirectory(dir=scratch()) as out:
        case = replace(sent.case, source=source)
        content, result = sent.batch.alone(case, Path(out)).make(case)
        return _Made(content, result, tuple((path.name, path.read_bytes()) for path in result.files))
