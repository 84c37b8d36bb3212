"""Reading, work and writing of many cases at once.

While one case is worked on, the next is read and the last written. The work itself stays on the thread that
asks for results, where an engine of this process must be used.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from napari_unet.core.raster import Raster

_LARGE = 200e6  # bytes of pixels
_Case = TypeVar("_Case")
_Read = TypeVar("_Read")
_Made = TypeVar("_Made")
_Result = TypeVar("_Result")


@dataclass
class Balance:
    """Of one case, the seconds that the network took, and those that reading and writing took.

    Threads of torch that wait for a processor keep others waiting: one is left to reading and writing where
    these take longer than the network.
    """

    network: float = 0.0
    beside: float = 0.0

    @property
    def spared(self) -> int:
        """How many threads torch is to leave."""
        return 1 if self.beside > self.network else 0


def overlapped(
    cases: Sequence[_Case],
    read: Callable[[_Case], _Read],
    work: Callable[[int, _Case, _Read], _Made],
    write: Callable[[_Case, _Made], _Result],
    failed: Callable[[_Case, Exception], _Result],
    is_large: Callable[[_Read], bool] = lambda _: False,
) -> Generator[_Result]:
    """One result a case, in order. Three cases are held at a time at most, and of large ones two.

    read : in a thread of its own, one case ahead. work : here; it gets the number of the case. write : in
    another thread, one case behind. failed : makes the result of a case of which one of them raised an
    Exception. is_large : after a large case the next one is not read ahead. When the generator is closed, or
    Ctrl+C is pressed, nothing more is read, and what was made is written.
    """
    reader, writer = (ThreadPoolExecutor(1, thread_name_prefix=name) for name in ("read", "write"))
    ahead: deque[Future[_Read]] = deque()
    behind: deque[tuple[_Case, Future[_Result]]] = deque()

    def finished() -> _Result:
        case, writing = behind.popleft()
        try:
            return writing.result()
        except Exception as error:
            return failed(case, error)

    try:
        for number, case in enumerate(cases):
            if not ahead:
                ahead.append(reader.submit(read, case))
            try:
                content = ahead.popleft().result()
                if number + 1 < len(cases) and not is_large(content):
                    ahead.append(reader.submit(read, cases[number + 1]))
                made = work(number, case, content)
                del content
            except Exception as error:
                while behind:
                    yield finished()
                yield failed(case, error)
                continue
            behind.append((case, writer.submit(write, case, made)))
            del made
            if len(behind) > 1:
                yield finished()
        while behind:
            yield finished()
    finally:
        reader.shutdown(wait=True, cancel_futures=True)
        writer.shutdown(wait=True)


def is_large(raster: Raster | None) -> bool:
    """Whether the next case is not to be read beside this one."""
    return raster is not None and raster.pixels.nbytes > _LARGE
