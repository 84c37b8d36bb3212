"""What a case finds, and how it lies on disk."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any


class NotMeasured(Exception):
    """Something cannot be measured here; the text says why, in words for the table."""


@dataclass(frozen=True)
class Column:
    """unit : "text", "ms", "s", "ratio", "share", "score", "mm", "MB" or "tiny".

    Cells are in s, mm, bytes, 0..1 or plain.
    """

    title: str
    unit: str = "text"


@dataclass
class Result:
    """One table. how : a paragraph, what was done. rows : one cell per column, fewer if there is no more.

    notes : sentences that stand under the table. conditions : the machine, see machine.py.
    """

    title: str
    how: str
    columns: tuple[Column, ...]
    rows: list[list[Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    conditions: dict[str, Any] = field(default_factory=dict)

    def add(self, *cells: Any) -> None:
        """One row more."""
        self.rows.append(list(cells))

    def add_missing(self, what: str, why: object) -> None:
        """A row that says why there is no number."""
        self.add(what, f"not measured: {why}")


def write(result: Result, path: Path) -> None:
    """`result` as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(result), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read(path: Path) -> Result:
    """A result that `write` wrote."""
    fields = json.loads(path.read_text(encoding="utf-8"))
    fields["columns"] = tuple(Column(**column) for column in fields["columns"])
    return Result(**fields)


def mean_and_each(values: Sequence[float], digits: int = 3) -> tuple[str, str]:
    """Two cells: the mean, and all values."""
    return f"{fmean(values):.{digits}f}", ", ".join(f"{value:.{digits}f}" for value in values)
