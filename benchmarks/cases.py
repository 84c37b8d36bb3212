"""The table of cases, in the order of docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks import (
    arriving,
    backends,
    brush_events,
    cases_per_minute,
    correct_tools,
    ct,
    ct_other_rule,
    designs,
    fine_tuning,
    forgetting,
    gpu,
    masks,
    next_case,
    other_machine,
    peers,
    protocols,
    review_queue,
    share,
    sliding_window,
    start,
    tiled,
    tour,
    two_answers,
    volumes,
    window,
    workers,
)
from benchmarks.finding import compare as finding_choice
from benchmarks.finding import maps as finding_maps
from benchmarks.finding import measure as finding
from benchmarks.result import Result

CASES: dict[str, Callable[[bool], Result]] = {
    "share": share.measure,
    "cases_per_minute": cases_per_minute.measure,
    "workers": workers.measure,
    "start": start.measure,
    "window": window.measure,
    "queue": review_queue.measure,
    "case": next_case.measure,
    "brush": brush_events.measure,
    "tour": tour.measure,
    "backends": backends.measure,
    "tiled": tiled.measure,
    "windows": sliding_window.measure,
    "peers": peers.measure,
    "volumes": volumes.measure,
    "series": arriving.measure,
    "masks": masks.measure,
    "correct": correct_tools.measure,
    "worth": correct_tools.measure_worth,
    "forgetting": forgetting.measure,
    "designs": designs.measure,
    "finetune": fine_tuning.measure,
    "answers": two_answers.measure,
    "protocols": protocols.measure,
    "finding_choice": finding_choice.measure,
    "finding": finding.measure,
    "finding_shortcuts": finding.measure_shortcuts,
    "finding_maps": finding_maps.measure,
    "ct": ct.measure,
    "ct_rule": ct_other_rule.measure,
    "machine_choice": other_machine.measure_choice,
    "machine": other_machine.measure,
    "gpu": gpu.measure,
}
