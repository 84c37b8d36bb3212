"""Peak memory of one prediction: python -m benchmarks.children.peak NETWORK SIDE CORE"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

from benchmarks.images import unit_xray
from benchmarks.nets import fast_forward, subject
from benchmarks.tiled import plan
from napari_unet.core.tiling import predict_tiled

_STATUS = Path("/proc/self/status")


def peak_bytes() -> int:
    """The most memory that this process has had; Linux counts it from zero in every program."""
    if _STATUS.is_file():
        return _status_kb("VmHWM") * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS


def bytes_now() -> int:
    """The memory that this process has; its peak where the system does not tell."""
    return _status_kb("VmRSS") * 1024 if _STATUS.is_file() else peak_bytes()


def _status_kb(name: str) -> int:
    return next(int(line.split()[1]) for line in _STATUS.read_text().splitlines() if line.startswith(name))


def main(name: str, side: int, core: int) -> None:
    net = subject(name).net
    image, predict = unit_xray(side), fast_forward(net)
    before = bytes_now()
    for _ in predict_tiled(image, predict, plan(net, side, core)):
        pass
    print(json.dumps({"bytes": peak_bytes() - before}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
