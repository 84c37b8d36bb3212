"""The table of cases, in the order of docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks import gpu, masks, peers, share, start, tiled, window
from benchmarks.result import Result

CASES: dict[str, Callable[[bool], Result]] = {
    "share": share.measure,
    "start": start.measure,
    "window": window.measure,
    "tiled": tiled.measure,
    "peers": peers.measure,
    "masks": masks.measure,
    "gpu": gpu.measure,
}
