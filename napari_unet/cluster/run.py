"""Tasks on a cluster: as many under way as may be, and what becomes of each."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from napari_unet.cluster.limits import Limits
from napari_unet.cluster.task import Done, Failed, Sealed, work
from napari_unet.core.errors import UserError

if TYPE_CHECKING:
    from distributed import Client, Future

_KILLED = Failed(
    "Worker after worker ended while it was at this image. It is set aside: try it alone, on a computer with "
    "more memory.",
    final=True,
)
_LOOK_S = 2.0  # between two looks whether scheduler and workers are there


@dataclass(frozen=True)
class Task:
    """One piece of work. name : tells it from all others. size : bytes that are under way with it.

    argument : for `function`, made when its turn comes.
    """

    name: str
    function: Callable[[Any], Any]
    argument: Callable[[], object]
    size: int


@dataclass
class _Sent:
    task: Task
    sealed: Sealed
    failures: int = 0
    failed_on: set[str] = field(default_factory=set)
    is_suspect: bool = False


def run_tasks(
    client: Client, tasks: Iterable[Task], limits: Limits
) -> Generator[tuple[Task, Done | Failed], None, None]:
    """Each task once, in the order in which they end. Closing this takes back what is under way.

    A task that fails is sent again, to another worker if there is one; at the third time it is set aside. One
    whose workers die goes last, by itself: Dask cannot tell it from another that they had at the time.
    Where nothing can be done any more, all tasks that are left have failed for that reason.
    """
    flow = _Flow(client, limits)
    waiting = iter(tasks)
    following = next(waiting, None)
    try:
        while following is not None or flow.busy:
            while following is not None and (flow.lost or flow.has_room(following)):
                task, following = following, next(waiting, None)
                if flow.lost:
                    yield task, Failed(flow.lost, final=True)
                    continue
                try:
                    flow.send(_Sent(task, Sealed(task.argument())))
                except (OSError, UserError) as error:  # it cannot be read here
                    yield task, Failed(str(error), final=True)
            if following is None:
                flow.send_suspect()
            yield from flow.ended()
    finally:
        flow.take_back()


class _Flow:
    """What is under way. lost : why there is no use in going on, in words."""

    def __init__(self, client: Client, limits: Limits) -> None:
        self._client, self._limits = client, limits
        self._salt = secrets.token_bytes(16)
        self._under_way: dict[Future[Any], _Sent] = {}
        self._suspects: list[_Sent] = []
        self._bytes = 0
        self._threads = 1
        self._workers: frozenset[str] = frozenset()
        self._missing_since: float | None = None
        self._looked = 0.0
        self._set_aside = 0  # since the last one that ended well
        self.lost = ""
        self._look()

    @property
    def busy(self) -> bool:
        return bool(self._under_way or self._suspects)

    def has_room(self, task: Task) -> bool:
        """Whether one more may be under way. The first one always may, if the scheduler is there."""
        if self._client.status != "running":
            return False
        if not self._under_way:
            return True
        fits = self._bytes + task.size <= self._limits.bytes_in_flight
        return fits and len(self._under_way) < self._limits.per_thread * self._threads

    def send(self, sent: _Sent) -> None:
        """Give a task to Dask. Its key holds a salted hash, which differs from run to run."""
        digest = sha256(self._salt + sent.task.name.encode("utf-8", "surrogateescape")).hexdigest()[:16]
        others = sorted(self._workers - sent.failed_on) if sent.failed_on else None
        future = self._client.submit(
            work,
            sent.task.function,
            sent.sealed,
            self._limits.case_s,
            key=f"case-{digest}-{sent.failures + sent.is_suspect}",
            pure=False,
            workers=others or None,
            allow_other_workers=bool(others),
        )
        self._under_way[future] = sent
        self._bytes += sent.task.size

    def send_suspect(self) -> None:
        """One at which workers died, if nothing else is under way."""
        if self._suspects and not self._under_way and self._client.status == "running":
            self.send(self._suspects.pop())

    def ended(self) -> Generator[tuple[Task, Done | Failed], None, None]:
        """Waits for the next ones; those that failed for the first times are sent again."""
        self._wait()
        for future in [one for one in self._under_way if one.done()]:
            outcome = self._outcome(future)
            if outcome is None and self._client.status != "running":
                continue  # the scheduler lost it: sent again when it is there, or `lost`
            sent = self._under_way.pop(future)
            self._bytes -= sent.task.size
            if outcome is None:
                self.send(sent)
                continue
            if outcome is _KILLED and not sent.is_suspect and not self.lost:
                sent.is_suspect = True
                self._suspects.append(sent)
                continue
            if isinstance(outcome, Failed) and not outcome.final:
                sent.failures += 1
                sent.failed_on.add(outcome.worker)
                if sent.failures < self._limits.failures and not self.lost:
                    self.send(sent)
                    continue
                outcome = Failed(f"It failed {sent.failures} times: {outcome.reason}", final=True)
                self._count(outcome.reason)
            elif isinstance(outcome, Done):
                self._set_aside = 0
            yield sent.task, outcome
        if self.lost:
            gone = [*self._under_way.values(), *self._suspects]
            self._under_way, self._suspects = {}, []
            for sent in gone:
                yield sent.task, Failed(self.lost, final=True)

    def take_back(self) -> None:
        """What has not begun is not done any more; what has, ends without effect here."""
        if self._under_way and self._client.status == "running":
            self._client.cancel(list(self._under_way), force=True)
        self._under_way = {}

    def _wait(self) -> None:
        from distributed import wait
        from distributed.client import FutureCancelledError, FuturesCancelledError

        if self._client.status == "running" and self._under_way:
            lost = suppress(TimeoutError, FutureCancelledError, FuturesCancelledError, OSError)
            with lost, self._client.as_current():
                wait(list(self._under_way), timeout=_LOOK_S, return_when="FIRST_COMPLETED")
        else:
            time.sleep(_LOOK_S / 4)
        if time.monotonic() - self._looked >= _LOOK_S or self._client.status != "running":
            self._look()

    def _look(self) -> None:
        """Who is there; `lost` if nobody has been for too long."""
        self._looked = time.monotonic()
        there = self._client.status == "running"
        if there:
            with suppress(OSError, TimeoutError):
                info = self._client.scheduler_info(n_workers=-1)
                self._workers = frozenset(info["workers"])
                self._threads = max(1, sum(worker["nthreads"] for worker in info["workers"].values()))
        if there and self._workers:
            self._missing_since = None
            return
        now = time.monotonic()
        self._missing_since = self._missing_since or now
        if self._client.status == "closed" or now - self._missing_since > self._limits.patience_s:
            self.lost = (
                "No worker is left. Start workers, then go on with --resume."
                if there
                else "The scheduler of the cluster is gone. Start it again, then go on with --resume."
            )

    def _outcome(self, future: Future[Any]) -> Done | Failed | None:
        from distributed.scheduler import KilledWorker

        if future.status == "finished":
            try:
                outcome: Done | Failed = future.result(timeout=self._limits.patience_s).open()
            except (OSError, TimeoutError):  # its worker went away meanwhile
                return None
            return outcome
        if future.status != "error":
            return None
        error = future.exception()
        if isinstance(error, KilledWorker):
            return _KILLED
        return Failed(f"{type(error).__name__}: {error}", final=False)

    def _count(self, reason: str) -> None:
        """One after the other is set aside, and nothing ends well: it is not the cases."""
        self._set_aside += 1
        if self._set_aside >= max(6, 2 * self._threads):
            self.lost = f"Not tried, because {self._set_aside} images in a row failed. The last: {reason}"
