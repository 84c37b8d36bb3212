"""Long work is a generator: it yields events and returns the result. These drive one."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, TypeVar

E = TypeVar("E")
N = TypeVar("N")
T = TypeVar("T")

STOP = "stop"
"""What is sent into the steps of a training, so that it ends with the best it has so far."""


def run(steps: Generator[E, Any, T], tell: Callable[[E], object] | None = None) -> T:
    """Runs steps to their end and returns what they return; `tell` is called with each event.

    An exception in `tell`, such as Ctrl+C or a cancelled job, closes the steps.
    """
    try:
        while True:
            event = next(steps)
            if tell is not None:
                tell(event)
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        steps.close()


def changed(steps: Generator[E, Any, T], change: Callable[[E], N | None]) -> Generator[N, Any, T]:
    """The same steps with other events: what `change` makes of each; where that is None, it is dropped.

    What is sent in return for an event goes to the steps.
    """
    word = None
    try:
        while True:
            other = change(steps.send(word))
            word = None if other is None else (yield other)
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        steps.close()
