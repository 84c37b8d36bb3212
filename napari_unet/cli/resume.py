"""What made each result, recorded beside the results, so that a later run does only what is missing.

`OUT/<command>.resume.jsonl` has one JSON object per line, each written as it happens: a case was begun, has
ended, or was left because the program was stopped. A line that a crash cut off counts as not written.
"""

from __future__ import annotations

import json
import os
import threading
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from napari_unet.core.errors import UserError
from napari_unet.core.files import checksum
from napari_unet.io.atomic import atomic_write

KILLS = 2
"""How often a case may be under way when the program is killed, before it is set aside."""


@dataclass(frozen=True)
class Earlier:
    """A result of an earlier run that still stands.

    result : as the command stored it. changed : names of its files that were changed since: they are kept.
    """

    result: Mapping[str, Any]
    changed: tuple[str, ...] = ()

    def kept(self) -> tuple[str, ...]:
        """In words, which files are as somebody left them."""
        return tuple(f"{file} was changed since it was made, and is kept." for file in self.changed)


class ResumeRecord:
    """The record of one output folder. May be used from several threads.

    settings : everything but the image that makes a result: model, options, versions. again : begin anew, and
    take no earlier result.
    """

    def __init__(self, folder: Path, command: str, settings: Mapping[str, Any], again: bool) -> None:
        self.path = folder / f"{command}.resume.jsonl"
        self._folder = folder
        self._made_by = _digest(settings)
        self._lock = threading.Lock()
        self._done: dict[tuple[str, str], dict[str, Any]] = {}
        self._kills: Counter[str] = Counter()
        lines = [] if again else _read(self.path)
        under_way: set[str] = set()
        for line in lines:
            name = str(line.get("case"))
            if line["event"] == "begun":
                self._kills[name] += name in under_way
                under_way.add(name)
            else:
                under_way.discard(name)
            if line["event"] == "ended":
                self._done[name, line["content"]] = line
        self._names = frozenset(name for name, _ in self._done)
        self._kills.update(under_way)
        self._begin_file(lines)

    def earlier(self, name: str, content: str) -> Earlier | None:
        """What stands of a case, if the same settings made it of the same content and its files are there."""
        line = self._done.get((name, content))
        if line is None or line["made_by"] != self._made_by:
            return None
        changed = []
        for file, known in line["files"].items():
            path = self._folder / file
            if not path.is_file():
                return None
            if checksum(path) != known:
                changed.append(file)
        return Earlier(line["result"], tuple(changed))

    def knows(self, name: str) -> bool:
        """Whether any content of that name has a result of an earlier run."""
        return name in self._names

    def begin(self, name: str) -> None:
        """A case is under way. Raises UserError if the program was killed at it too often."""
        kills = self._kills[name]
        if kills >= KILLS:
            raise UserError(
                f"The program was killed {kills} times while it worked on this image.",
                "It is set aside: try it alone, without --resume, with more memory or another device.",
            )
        self._append({"event": "begun", "case": name})

    def end(self, name: str, content: str, result: Mapping[str, Any], files: tuple[Path, ...]) -> None:
        """The result of a case is there."""
        known = {path.name: checksum(path) for path in files}
        line = {"event": "ended", "case": name, "content": content, "made_by": self._made_by}
        self._append({**line, "files": known, "result": dict(result)})

    def leave(self, name: str) -> None:
        """A case failed, or the program ends in order before it was done."""
        self._append({"event": "left", "case": name})

    def was_killed_at(self, name: str) -> bool:
        """Whether an earlier run was killed while this case was under way."""
        return self._kills[name] > 0

    def _begin_file(self, lines: list[dict[str, Any]]) -> None:
        """Whole lines only: after a crash the last one may be cut."""
        with atomic_write(self.path) as partial:
            partial.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")

    def _append(self, line: Mapping[str, Any]) -> None:
        data = (json.dumps(line) + "\n").encode("utf-8")
        with self._lock:
            try:
                with self.path.open("ab") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
            except OSError as error:
                raise UserError(
                    f"{self.path} cannot be written to ({error.strerror}).",
                    "Free some space, or choose another folder.",
                ) from error


def _read(path: Path) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    with suppress(OSError, UnicodeDecodeError):
        for text in path.read_text(encoding="utf-8").splitlines():
            with suppress(ValueError):
                line = json.loads(text)
                if isinstance(line, dict) and line.get("event") in ("begun", "ended", "left"):
                    lines.append(line)
    return lines


def _digest(settings: Mapping[str, Any]) -> str:
    return sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()
