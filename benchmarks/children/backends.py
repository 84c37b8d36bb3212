"""OpenVINO beside torch: python -m benchmarks.children.backends NETWORK BATCH SIDE SECONDS

NETWORK : a model of the library, or one of benchmarks.nets.
"""

from __future__ import annotations

import json
import sys
import time

import torch

from benchmarks.nets import fast_net, subject
from napari_unet.core.errors import UserError
from napari_unet.inference.backend import TorchBackend
from napari_unet.models.checkpoint import load_model
from napari_unet.models.library import default_library


@torch.inference_mode()
def main(name: str, batch: int, side: int, seconds: float) -> None:
    from napari_unet.inference.openvino_backend import OpenVinoBackend

    try:
        net = fast_net(load_model(default_library().find(name)))
    except UserError:
        net = fast_net(subject(name).net)
    channels = next(net.parameters()).shape[1]
    image = torch.rand(batch, channels, side, side, generator=torch.Generator().manual_seed(0))
    image = image.to(memory_format=torch.channels_last)
    start = time.perf_counter()
    ours, theirs = TorchBackend(net), OpenVinoBackend(net, image)
    started = time.perf_counter() - start
    one, two = (torch.sigmoid(backend(image)[0]) for backend in (ours, theirs))
    taken: dict[int, list[tuple[float, float]]] = {0: [], 1: []}
    begun = time.perf_counter()
    while len(taken[1]) < 3 or time.perf_counter() - begun < seconds:
        for which, backend in enumerate((ours, theirs)):
            wall, processor = time.perf_counter(), time.process_time()
            backend(image)
            taken[which].append((time.perf_counter() - wall, time.process_time() - processor))
    figures = {
        "torch": [list(pair) for pair in zip(*taken[0], strict=True)],
        "openvino": [list(pair) for pair in zip(*taken[1], strict=True)],
        "difference": float((one - two).abs().max()),
        "start": started,
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
