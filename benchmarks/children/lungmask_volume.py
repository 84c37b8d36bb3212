"""The same by lungmask, with random weights: python -m benchmarks.children.lungmask_volume SERIES OUT

lungmask and what it needs must be on the path.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

from benchmarks.children.peak import bytes_now, peak_bytes


def main(series: str, out: str) -> None:
    from lungmask import LMInferer, resunet, utils

    before = bytes_now()
    spent = {"read": 0.0, "network": 0.0, "mask": 0.0}

    def timed(what: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            start = time.perf_counter()
            try:
                return work(*given, **named)
            finally:
                spent[what] += time.perf_counter() - start

        return call

    with tempfile.TemporaryDirectory() as folder:
        torch.manual_seed(0)
        plain = resunet.UNet(
            n_classes=3, padding=True, depth=5, up_mode="upsample", batch_norm=True, residual=False
        )
        torch.save(plain.state_dict(), Path(folder) / "random.pth")
        del plain
        start = time.perf_counter()
        inferer = LMInferer(modelpath=str(Path(folder) / "random.pth"), force_cpu=True, tqdm_disable=True)
        inferer.model.forward = timed("network", inferer.model.forward)
        with patch.object(utils, "postprocessing", timed("mask", utils.postprocessing)):
            image = timed("read", utils.load_input_image)(series)
            result = inferer.apply(image)
        import SimpleITK

        written = SimpleITK.GetImageFromArray(result)
        written.CopyInformation(image)
        SimpleITK.WriteImage(written, out, True)
    whole = time.perf_counter() - start
    print(json.dumps({**spent, "rest": whole - sum(spent.values()), "bytes": peak_bytes() - before}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
