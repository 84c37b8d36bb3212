"""`run_tasks` on two real workers: bytes under way, failures, cancelling."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cluster_processes import Processes, until
from toy_worker import echo, fail

from napari_unet.cluster.connect import remote_cluster
from napari_unet.cluster.limits import Limits
from napari_unet.cluster.run import Task, run_tasks
from napari_unet.cluster.task import Done, Failed, Sealed
from napari_unet.core.errors import UserError


@pytest.fixture
def client(shared: Processes) -> Iterator[Any]:
    with remote_cluster(shared.address) as client:
        client.wait_for_workers(2)
        yield client


def task(name: str, argument: Any = None, size: int = 1) -> Task:
    return Task(name, fail if isinstance(argument, tuple) else echo, lambda: argument, size)


@pytest.mark.parametrize("size", [10, 1000], ids=["small", "each larger than the limit"])
def test_no_more_bytes_are_under_way_than_allowed(client: Any, size: int) -> None:
    sent: list[int] = []

    def argument() -> bytes:
        sent.append(size)
        return bytes(size)

    tasks = (Task(str(number), echo, argument, size) for number in range(20))
    back = 0
    for _, outcome in run_tasks(client, tasks, Limits(bytes_in_flight=25)):
        assert sum(sent) - back <= max(25, size)
        assert outcome == Done(bytes(size))
        back += size
    assert len(sent) == 20 and back == 20 * size


def test_the_second_try_is_elsewhere_and_succeeds(client: Any, tmp_path: Path) -> None:
    note = tmp_path / "note"
    assert [outcome for _, outcome in run_tasks(client, [task("a", (str(note), 1))], Limits())] == [
        Done("done")
    ]
    first, second = note.read_text().split()
    assert first != second


def test_the_third_failure_is_the_last(client: Any, shared: Processes, tmp_path: Path) -> None:
    note = tmp_path / "note"
    (one,) = [outcome for _, outcome in run_tasks(client, [task("Lee", (str(note), 9))], Limits())]
    assert isinstance(one, Failed) and one.reason == "It failed 3 times: OSError: the disk of Kim"
    assert len(note.read_text().split()) == 3
    assert "Kim" not in shared.logs() and "Lee" not in shared.logs()


def test_what_cannot_be_read_here_is_not_sent(client: Any) -> None:
    def gone() -> object:
        raise UserError("There is no file.")

    results = dict(run_tasks(client, [Task("a", echo, gone, 1), task("b", 2)], Limits()))
    assert {one.name: outcome for one, outcome in results.items()} == {
        "a": Failed("There is no file.", final=True),
        "b": Done(2),
    }


def test_one_failure_after_the_other_ends_the_run(client: Any, tmp_path: Path) -> None:
    tasks = [task(str(number), (str(tmp_path / str(number)), 9)) for number in range(20)]
    reasons = [outcome.reason for _, outcome in run_tasks(client, tasks, Limits(failures=1))]  # type: ignore[union-attr]
    assert len(reasons) == 20 and sum("Not tried" in reason for reason in reasons) >= 8
    assert "6 images in a row failed. The last: It failed" in reasons[-1]


def test_closing_takes_back_what_is_under_way(client: Any) -> None:
    results = run_tasks(client, (task(str(number), number) for number in range(100)), Limits())
    next(results)
    results.close()
    until(lambda: not client.run_on_scheduler(_tasks), "an empty scheduler")


def _tasks(dask_scheduler: Any) -> int:
    return len(dask_scheduler.tasks)


def test_a_seal_shows_nothing() -> None:
    sealed = Sealed({"patient": "Kim"})
    assert "Kim" not in repr(sealed) and sealed.open() == {"patient": "Kim"}
