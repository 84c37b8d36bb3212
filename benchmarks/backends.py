"""OpenVINO beside torch, for each set of instructions of the processor."""

from __future__ import annotations

import os
import statistics
from unittest.mock import patch

from benchmarks import child
from benchmarks.result import Column, NotMeasured, Result

_COLUMNS = (
    Column("network"),
    Column("input"),
    Column("instructions"),
    Column("torch, best", "ms"),
    Column("OpenVINO relative to torch, best", "ratio"),
    Column("median", "ratio"),
    Column("processor time, best", "ratio"),
    Column("largest difference in probability", "tiny"),
    Column("start of OpenVINO", "s"),
)
_AVX2 = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}
_NETWORKS = (("cxr-lung", 2, 256), ("ct-lung", 1, 256), ("wide", 1, 512))


def measure(quick: bool) -> Result:
    """Ratios of torch and OpenVINO, in float32."""
    result = Result(
        "OpenVINO compared with torch",
        "One pass of a network in the form that `Predictor` makes of it (folded normalisation; torch in "
        "channels_last), by turns in one process on one thread, both in float32. With the processor's own "
        "instructions, and held to AVX2. The program chooses by such a comparison for each network and "
        "shape. The start of OpenVINO is tracing and compiling, once in a process.",
        _COLUMNS,
    )
    networks = (("quick", 1, 64),) if quick else _NETWORKS
    for name, batch, side in networks:
        for limits in ({}, _AVX2):
            _add_row(result, name, batch, side, limits, 0.2 if quick else 8.0)
    return result


def _add_row(
    result: Result, name: str, batch: int, side: int, limits: dict[str, str], seconds: float
) -> None:
    try:
        with patch.dict(os.environ, limits | {"OMP_NUM_THREADS": "1"}):
            found = child.figures("backends", name, batch, side, seconds)
    except NotMeasured as why:
        result.add_missing(name, why)
        return
    (torch_s, torch_cpu), (other_s, other_cpu) = found["torch"], found["openvino"]
    result.add(
        name if name != "wide" else "U-Net, 32 channels, depth 4, random weights",
        f"{batch}×{side}×{side}",
        found["instructions"],
        min(torch_s),
        min(other_s) / min(torch_s),
        statistics.median(other_s) / statistics.median(torch_s),
        min(other_cpu) / min(torch_cpu),
        found["difference"],
        found["start"],
    )
