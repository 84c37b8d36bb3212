"""Where the command line speaks: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from rich.console import Console
from rich.table import Table
from rich.text import Text

from napari_unet.core.steps import run

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

T = TypeVar("T")

_ANY_WIDTH = 100_000
stdout = Console(highlight=False, soft_wrap=True)
stderr = Console(stderr=True, highlight=False, soft_wrap=True)


def complain(problem: object) -> None:
    """One line on stderr that says what is wrong."""
    stderr.print(Text.assemble(("Error: ", "bold red"), str(problem)))


def once_each() -> Callable[[str], None]:
    """A function that prints sentences on stderr: each the first time only, and "" never."""

    @cache
    def say(sentence: str) -> None:
        if sentence:
            stderr.print(sentence, markup=False)

    return say


def show_table(table: Table) -> None:
    """A table with nothing cut: wrapped in a terminal; elsewhere each row is one line, however wide."""
    for column in table.columns:
        column.overflow = "fold"
    wide = Console(file=stdout.file, highlight=False, soft_wrap=True, width=_ANY_WIDTH)
    (stdout if stdout.is_terminal else wide).print(table)


def json_line(record: dict[str, Any]) -> None:
    """One object as one line on stdout; only ASCII, which every shell and code page hands on unharmed."""
    print(json.dumps(record), flush=True)


class Counted(Protocol):
    """An event of long work: `done` of `total` pieces."""

    @property
    def done(self) -> int: ...

    @property
    def total(self) -> int: ...


class Bar:
    """A progress bar on stderr, with lines above it."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task

    def show(self, done: float, total: int | None = None, title: str | None = None) -> None:
        """Set how much is done; without `total` or `title` they stay as they are."""
        self._progress.update(self._task, completed=done, total=total, description=title)

    def say(self, sentence: str) -> None:
        """Print a line above the bar."""
        self._progress.print(sentence, markup=False)


@contextmanager
def progress_bar(title: str, total: int | None = None, stays: bool = False) -> Iterator[Bar]:
    """Show a bar while the block runs, and after it too if it `stays`."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=stderr, transient=not stays) as progress:
        yield Bar(progress, progress.add_task(title, total=total))


def watched(title: str, steps: Generator[Counted, None, T]) -> T:
    """Runs `steps` to the end under a progress bar on stderr; Ctrl+C closes them."""
    with progress_bar(title) as bar:
        return run(steps, lambda event: bar.show(event.done, event.total))
