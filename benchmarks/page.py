"""docs/benchmarks.md, made of the results."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from benchmarks.result import Column, Result

_HEAD = """# Benchmarks

`make bench` measures everything on this page and rewrites it, with the underlying figures in
`benchmarks/results/*.json`. Do not edit it by hand.

Machines are noisy, so what is compared runs in turns (A B A B …), and a ratio says more than a time.
"Best" is the best of all rounds, "median" their median; a ratio is that of two bests or of two medians.
"""
_FORMATS: dict[str, Callable[[float], str]] = {
    "ms": lambda x: f"{1e3 * x:.1f}" if x < 0.1 else f"{1e3 * x:.0f}",
    "s": lambda x: f"{x:.2f}",
    "ratio": lambda x: f"{x:.2f}",
    "share": lambda x: "0" if x == 0 else f"{100 * x:.2g} %" if x < 0.01 else f"{100 * x:.1f} %",
    "score": lambda x: f"{x:.4f}",
    "mm": lambda x: f"{x:.2f}",
    "MB": lambda x: f"{x / 1e6:.0f}",
    "tiny": lambda x: "0" if x == 0 else f"{x:.1g}" if x < 0.01 else f"{x:.2f}",
}
_IN_TITLE = ("ms", "s", "MB", "mm")


def page(results: Iterable[Result]) -> str:
    """The whole page, in Markdown."""
    found = list(results)
    several = len({result.conditions.get("processor") for result in found}) > 1
    return "\n".join([_HEAD, *(_section(result, several) for result in found), _machine(found)])


def _section(result: Result, with_processor: bool) -> str:
    where = f" Processor: {result.conditions.get('processor')}." if with_processor else ""
    notes = "".join(f"\n{note}\n" for note in result.notes)
    return f"## {result.title}\n\n{result.how}{where}\n\n{table(result)}{notes}"


def table(result: Result) -> str:
    """The rows in Markdown; what has no number says so or is a dash."""
    lines = [[_title(column) for column in result.columns], ["---"] * len(result.columns)]
    for row in result.rows:
        cells = [_cell(value, column) for value, column in zip(row, result.columns, strict=False)]
        lines.append(cells + ["–"] * (len(result.columns) - len(cells)))
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _title(column: Column) -> str:
    return f"{column.title}, {column.unit}" if column.unit in _IN_TITLE else column.title


def _cell(value: Any, column: Column) -> str:
    if value is None:
        return "–"
    if isinstance(value, str):
        return value.replace("|", "\\|")
    return _FORMATS[column.unit](value)


def _machine(results: list[Result]) -> str:
    """The conditions of all results; those that differ from case to case as a range."""
    lines = []
    for key in results[0].conditions if results else ():
        values = [result.conditions[key] for result in results if result.conditions.get(key) is not None]
        if not values:
            continue
        range_ = "; ".join(dict.fromkeys(values)) if key == "processor" else _range(values)
        lines.append(f"- {key}: {range_}\n")
    return "## Where it was measured\n\n" + "".join(lines)


def _range(values: list[Any]) -> str:
    """One value, or the least and the greatest; of tables, name by name."""
    if isinstance(values[0], dict):
        names = dict.fromkeys(name for value in values for name in value)
        found = {name: [value[name] for value in values if name in value] for name in names}
        return ", ".join(f"{name} {_range(there)}" for name, there in found.items())
    least, greatest = min(values, key=_counted), max(values, key=_counted)
    return str(least) if least == greatest else f"{least} to {greatest}"


def _counted(value: Any) -> Any:
    """For sorting: numbers in a text count as numbers, so that dev82 comes before dev273."""
    if not isinstance(value, str):
        return value
    return [(part.isdigit(), int(part) if part.isdigit() else part) for part in re.split(r"(\d+)", value)]
