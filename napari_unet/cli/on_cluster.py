"""The cases of a batch on a cluster: how one travels, what a worker makes of it, and what comes back.

A task is one case in, its files and its result out. What stands of an earlier run is not sent; what a worker
made is recorded here. So a task that Dask runs twice gives the same files twice, and the record has it once.
"""

from __future__ import annotations

import os
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from napari_unet.cli.case_batch import CaseBatch, CaseResult
from napari_unet.cli.inputs import Case
from napari_unet.cli.usage import made_by
from napari_unet.cluster.limits import Limits
from napari_unet.cluster.run import Task, run_tasks
from napari_unet.cluster.task import Failed, Unfit
from napari_unet.core.errors import UserError
from napari_unet.core.files import checksum
from napari_unet.core.source import Source
from napari_unet.io.atomic import atomic_write
from napari_unet.io.names import suffix_of

if TYPE_CHECKING:
    from distributed import Client

_Result = TypeVar("_Result", bound=CaseResult)
_NAMED = 1000  # bytes under way of a case that a worker reads by itself
_LOOK_S = 0.5
_DRIVE = "Connect its drive again."


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
    here = made_by(*models, device="cpu")
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
class _Expected:
    """What a worker has to have; it may have come later than the check of all."""

    models: tuple[str, ...]
    program: str
    cards: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class _Sent:
    """A case under way. content : of its files, in their order, or None: the worker reads them by name."""

    batch: CaseBatch[Any]
    case: Case
    sizes: tuple[int, ...]
    content: tuple[bytes, ...] | None
    patience_s: float
    expected: _Expected | None


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
    by_name = place.is_here or _sees_the_same(place.client, batch)
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
    tasks = (_task(place, batch, case, by_name) for case in due)
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


def _sees_the_same(client: Client, batch: CaseBatch[Any]) -> bool:
    """Whether all workers have the folder of the results and the images under the same names."""
    first = next((case for case in batch.cases if not case.problem and case.archive is None), None)
    if first is None:
        return False
    mark = batch.output.resolve() / f".{secrets.token_hex(8)}.probe"
    try:
        mark.write_bytes(b"")
        image = first.source.first.resolve()
        answers = client.run(_sees, str(mark), str(image), checksum(image), on_error="return")
    except OSError:
        return False
    finally:
        with suppress(OSError):
            mark.unlink()
    return bool(answers) and all(answer is True for answer in answers.values())


def _sees(mark: str, image: str, known: str) -> bool:
    folder = Path(mark).parent
    return os.path.exists(mark) and os.access(folder, os.W_OK) and checksum(Path(image)) == known


def _task(place: Workplace, batch: CaseBatch[Any], case: Case, by_name: bool) -> Task:
    by_name = by_name and (place.is_here or case.archive is None)
    expected = (
        None if place.is_here else _Expected(place.models, place.made_by["program"], _cards(place.made_by))
    )
    try:
        sizes = tuple(file.stat().st_size for file in case.source.files)
    except OSError:
        sizes = ()  # reading says why

    def argument() -> _Sent:
        content = None if by_name else tuple(file.read_bytes() for file in case.source.files)
        whole = replace(case, source=Source(tuple(Path(os.path.abspath(file)) for file in case.source.files)))
        lone = batch.alone(whole)
        return _Sent(lone, whole, sizes, content, place.limits.patience_s, expected)

    return Task(case.name, make_case, argument, _NAMED if by_name else sum(sizes))


def _taken(batch: CaseBatch[Any], case: Case, made: _Made) -> Any:
    files = [batch.output / path.name for path in made.result.files]
    for name, data in made.written:
        with atomic_write(batch.checked(case, batch.output / name)) as partial_file:
            partial_file.write_bytes(data)
    at = None if batch.anonymous else case.path
    return batch.take(case, made.content, replace(made.result, input=at, files=tuple(files)))


def make_case(sent: _Sent) -> _Made:
    """On a worker: reads the case, asks the network, writes."""
    if sent.expected is not None and (why := _differs(sent.expected)):
        raise Unfit(why, "Install the same program and models there.")
    if sent.content is not None:
        return _by_value(sent, sent.content)
    _wait_for(sent)
    return _Made(*sent.batch.make(sent.case))


def _by_value(sent: _Sent, contents: tuple[bytes, ...]) -> _Made:
    """In a folder of this worker's, which is emptied at once. Its files have no names of patients."""
    with tempfile.TemporaryDirectory(dir=_scratch()) as folder:
        given, out = Path(folder, "in"), Path(folder, "out")
        given.mkdir()
        out.mkdir()
        names = {}
        for number, (file, data) in enumerate(zip(sent.case.source.files, contents, strict=True)):
            here = given / f"{number:06d}{suffix_of(file)}"
            here.write_bytes(data)
            names[str(here)] = str(file)
        case = replace(sent.case, source=Source(tuple(map(Path, names))))
        try:
            content, result = sent.batch.alone(case, out).make(case)
        except UserError as error:
            raise _renamed(error, names) from error
        return _Made(content, result, tuple((path.name, path.read_bytes()) for path in result.files))


def _renamed(error: UserError, names: Mapping[str, str]) -> UserError:
    """The same of the files that the user knows."""
    problem, remedy = error.problem, error.remedy
    for here, there in names.items():
        for mine, theirs in ((here, there), (Path(here).name, Path(there).name)):
            problem, remedy = problem.replace(mine, theirs), remedy.replace(mine, theirs)
    return UserError(problem, remedy)


def _scratch() -> str | None:
    from distributed import get_worker

    folder: str = get_worker().local_directory
    return folder if os.path.isdir(folder) else None


def _wait_for(sent: _Sent) -> None:
    """A shared folder that is away for a moment is waited for. A file that is gone while its folder is there
    is not: reading says so."""
    until = time.monotonic() + sent.patience_s
    files = sent.case.source.files
    while any(map(_is_away, {*(file.parent for file in files if not file.exists()), sent.batch.output})):
        if time.monotonic() > until:
            raise Unfit("A worker cannot reach the folder of the image, or that of the results.", _DRIVE)
        time.sleep(_LOOK_S)
    with suppress(OSError):
        if sent.sizes and tuple(file.stat().st_size for file in files) != sent.sizes:
            raise Unfit("A worker has other files under the same names.", "Give it the same folders.")


def _is_away(folder: Path) -> bool:
    """Whether a folder that holds something is not there: a drive that is gone leaves an empty one."""
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is None
    except OSError:
        return True


@cache
def _differs(expected: _Expected) -> str:
    """Why this worker would make other results, or "". Asked once in each process."""
    found = made_by(*expected.models, device="cpu")
    if found["program"] != expected.program:
        return f"A worker has version {found['program']} of this program; here it is {expected.program}."
    return "" if _cards(found) == expected.cards else "A worker has another version of the model."


def _cards(made_by: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((name, checksum) for name, checksum in made_by["models"])
