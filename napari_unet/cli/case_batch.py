"""Case after case: a bad one does not stop the rest, and what an earlier run made is not made again."""

from __future__ import annotations

import copy
import logging
import os
import re
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, Protocol, Self, TypeVar

from napari_unet.cli.inputs import Case, Inputs
from napari_unet.cli.overlapped import Balance, is_large, overlapped
from napari_unet.cli.report import finished_cases
from napari_unet.cli.resume import Earlier, ResumeRecord
from napari_unet.core.errors import UserError
from napari_unet.core.prediction import Prediction
from napari_unet.core.raster import Raster
from napari_unet.engine.here import engine
from napari_unet.io.formats import read_raster
from napari_unet.io.names import as_stored, composed, stem

_log = logging.getLogger(__name__)
_network = threading.Lock()  # one case at a time, however many threads a worker of a cluster has


class CaseResult(Protocol):
    """What every command has of a case: the files that were written, and what makes the result again."""

    @property
    def files(self) -> tuple[Path, ...]: ...

    def stored(self) -> Mapping[str, Any]: ...


_Result = TypeVar("_Result", bound=CaseResult)


@dataclass(frozen=True)
class Predicted:
    """A case that was read, what a model says of it, and where the results go. seconds : that it took."""

    raster: Raster
    prediction: Prediction
    targets: dict[str, Path]
    seconds: float


@dataclass(frozen=True)
class _Begun:
    """A case under way, or what an earlier run made of it. seconds : that reading took."""

    content: str
    raster: Raster | None = None
    earlier: Earlier | None = None
    made: Predicted | None = None
    seconds: float = 0.0


class CaseBatch(ABC, Generic[_Result]):
    """Runs over cases and keeps their results, so that a table can be written however the run ends.

    table : of the results, in `output`. record : of what made each result; with results of an earlier run
    that need not be made again. results : so far, as cases ended.
    """

    def __init__(
        self, inputs: Inputs, output: Path, anonymous: bool, record: ResumeRecord, table: str
    ) -> None:
        self.results: list[_Result] = []
        self._inputs, self._output, self._anonymous = inputs, output, anonymous
        self._kept: ResumeRecord | None = record
        self._earlier = finished_cases(output, table)
        self._under_way: set[str] = set()
        self._balance = Balance()

    def run(self, on_progress: Callable[[float], None]) -> Iterator[_Result]:
        """One result a case; on_progress gets the number of cases done, with fractions.

        In the order of the inputs, but those at which an earlier run was killed come last.
        """
        cases = sorted(self._inputs.cases, key=lambda case: self._record.was_killed_at(case.name))

        def work(number: int, case: Case, begun: _Begun) -> _Begun:
            return self._work(case, begun, lambda share: on_progress(number + share))

        results = overlapped(
            cases, self._read, work, self._write, self.failed, lambda begun: is_large(begun.raster)
        )
        try:
            yield from results
        finally:  # also when the program is stopped in order: nothing was killed
            results.close()
            for name in self._under_way:
                self._record.leave(name)

    def alone(self, case: Case, output: Path | None = None) -> Self:
        """What works on this case elsewhere: it keeps no record and no results. output : another folder."""
        lone = copy.copy(self)
        lone.keep_only(case, output)
        return lone

    def keep_only(self, case: Case, output: Path | None) -> None:
        """Forgets all other cases, and the record; see `alone`."""
        folder = self._output.resolve()
        self._inputs = Inputs((case,), 0, self._inputs.folders & {folder})
        self._earlier &= {case.name}
        self._output = output or folder
        self.results, self._under_way = [], set()
        self._kept = None

    @property
    def _record(self) -> ResumeRecord:
        assert self._kept is not None  # nothing asks what works alone
        return self._kept

    def make(self, case: Case) -> tuple[str, _Result]:
        """The hash of the content of a case, and its result, in this thread. Raises what goes wrong."""
        start = time.perf_counter()
        content = _content(case)
        begun = _Begun(content, read_raster(case.source), seconds=time.perf_counter() - start)
        with _network:
            begun = self._work(case, begun, lambda _: None)
        assert begun.made is not None  # it has a raster
        return content, self._finish(case, begun.made)

    def earlier(self, case: Case) -> _Result | None:
        """The result of an earlier run, if it stands. Raises UserError if there is nothing to read."""
        if case.problem:
            raise UserError(case.problem)
        if not self._record.knows(case.name) or not (content := _content(case)):
            return None
        earlier = self._record.earlier(case.name, content)
        return None if earlier is None else self._keep(self._resumed(case, earlier))

    def take(self, case: Case, content: str, result: _Result) -> _Result:
        """A result that `make` gave elsewhere, recorded here."""
        if content:
            self._record.end(case.name, content, result.stored(), result.files)
        return self._keep(result)

    @property
    def cases(self) -> tuple[Case, ...]:
        """All cases, in the order of the inputs."""
        return self._inputs.cases

    @property
    def output(self) -> Path:
        """The folder of the results."""
        return self._output

    @property
    def anonymous(self) -> bool:
        """Whether names of files are not told."""
        return self._anonymous

    def in_order(self, name: Callable[[_Result], str]) -> list[_Result]:
        """The results so far, in the order of the inputs. name : of the case of a result."""
        places = {case.name: place for place, case in enumerate(self._inputs.cases)}
        return sorted(self.results, key=lambda result: places[name(result)])

    @abstractmethod
    def _ask(
        self, case: Case, raster: Raster, on_progress: Callable[[float], None]
    ) -> tuple[dict[str, Path], Prediction]:
        """Where the results of a case go, and what the model says; on the thread of the engine."""

    @abstractmethod
    def _finish(self, case: Case, made: Predicted) -> _Result:
        """Write the files of a case, and return its result."""

    @abstractmethod
    def _resumed(self, case: Case, earlier: Earlier) -> _Result:
        """The result that an earlier run made."""

    @abstractmethod
    def _without(self, case: Case, error: str) -> _Result:
        """The result of a case that has none. error : why, in words."""

    def _input(self, case: Case) -> Path | None:
        """Where the case lies, if that may be told."""
        return None if self._anonymous else case.path

    def _target(self, case: Case, kind: str, suffix: str) -> Path:
        """Where a result goes. Raises UserError where it would take the place of a file of the user's.

        What an earlier run wrote is replaced. Where the results go into the folder of the inputs, only its
        table can distinguish such a file from a mask that somebody drew.
        """
        return self.checked(case, as_stored(self._output / f"{case.name}_{kind}{suffix}"))

    def checked(self, case: Case, path: Path) -> Path:
        """`path`, if a result of the case may go there; see `_target`."""
        if os.path.exists(path) and case.name not in self._earlier and self._inputs.hold(path):
            raise UserError(
                f"{path.name} is one of the inputs and is not overwritten.",
                "Choose another folder with -o.",
            )
        return path

    def _read(self, case: Case) -> _Begun:
        start = time.perf_counter()
        if case.problem:
            raise UserError(case.problem)
        content = _content(case)
        earlier = self._record.earlier(case.name, content) if content else None
        if earlier is not None:
            return _Begun(content, earlier=earlier)
        self._record.begin(case.name)
        self._under_way.add(case.name)
        raster = read_raster(case.source)
        return _Begun(content, raster, seconds=time.perf_counter() - start)

    def _work(self, case: Case, begun: _Begun, on_progress: Callable[[float], None]) -> _Begun:
        if begun.raster is None:
            return begun
        start = time.perf_counter()
        engine().spare_threads(self._balance.spared)
        targets, prediction = self._ask(case, begun.raster, on_progress)
        self._balance.network = time.perf_counter() - start
        seconds = begun.seconds + self._balance.network
        return replace(begun, made=Predicted(begun.raster, prediction, targets, seconds))

    def _write(self, case: Case, begun: _Begun) -> _Result:
        if begun.earlier is not None:
            return self._keep(self._resumed(case, begun.earlier))
        assert begun.made is not None  # work has seen it
        start = time.perf_counter()
        result = self.take(case, begun.content, self._finish(case, begun.made))
        self._balance.beside = begun.seconds + time.perf_counter() - start
        self._under_way.discard(case.name)
        return result

    def failed(self, case: Case, error: Exception) -> _Result:
        """One odd file must not cost the user all others."""
        if case.name in self._under_way:
            self._record.leave(case.name)
            self._under_way.discard(case.name)
        text = str(error)
        if not isinstance(error, UserError):
            _log.debug("working on %s", case.name, exc_info=error)
            text = f"Unexpected {type(error).__name__}: {error}"
        return self._keep(self._without(case, without_names(text, case) if self._anonymous else text))

    def _keep(self, result: _Result) -> _Result:
        self.results.append(result)
        return result


def without_names(text: str, case: Case) -> str:
    """`text` with the hash in place of all names of the files. A stem of one letter is left: it is a word."""
    names: set[str] = set()
    for path in {case.path, case.source.path, *case.source.files}:
        names |= {str(path.resolve()), os.path.abspath(path), str(path), path.name}
        names |= {name for name in (path.stem, stem(path)) if len(name) > 1}
    names |= {composed(name) for name in names}
    either = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.sub(rf"(?<![^\W_])(?:{either})(?![^\W_])", lambda _: case.name, text)


def _content(case: Case) -> str:
    """The hash of a case's files; "" where they cannot be read: reading says why."""
    try:
        return case.source.content_hash()
    except OSError:
        return ""
