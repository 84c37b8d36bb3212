"""The machine in general terms: what a reader needs to judge a time, and nothing that names the machine."""

from __future__ import annotations

import datetime
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

_PACKAGES = ("napari-unet-lung", "torch", "numpy", "scipy", "napari", "PyQt5", "PyQt6", "monai")


def conditions() -> dict[str, Any]:
    """Where and when a result was measured."""
    cuda = torch.cuda.is_available()
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads of torch": torch.get_num_threads(),
        "memory, GB": _memory_gb(),
        "GPU": torch.cuda.get_device_name() if cuda else "none",
        "system": f"{platform.system()}, Python {platform.python_version()}",
        "load before": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        "versions": {name: found for name in _PACKAGES if (found := _version(name))},
    }


def _version(name: str) -> str:
    try:
        return version(name).partition("+")[0]
    except PackageNotFoundError:
        return ""


def _processor() -> str:
    """Its kind: "Intel(R) Xeon(R) Processor, AVX512"."""
    info = Path("/proc/cpuinfo")
    name = platform.processor() or platform.machine()
    if info.is_file():
        lines = (line.partition(":") for line in info.read_text().splitlines())
        names = [value.strip() for key, _, value in lines if key.strip() == "model name"]
        name = names[0] if names else name
    return f"{name}, {torch.backends.cpu.get_cpu_capability()}"


def _memory_gb() -> int | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9)
    except (AttributeError, ValueError, OSError):
        return None
