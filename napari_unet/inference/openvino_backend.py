"""OpenVINO as a backend. Imported only where it is asked for; nothing of it is sent anywhere.

The network is traced here and given to the runtime's own reader. OpenVINO's converter, which may report on
its use, is not called.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from napari_unet.inference.features import logits_and_bottleneck

_SETTINGS = {
    "INFERENCE_PRECISION_HINT": "f32",  # its own choice is bfloat16 where the processor has it
    "PERFORMANCE_HINT": "LATENCY",
    "ENABLE_CPU_PINNING": False,  # other threads of ours work beside it
}


class OpenVinoBackend:
    """One network at one shape, on as many threads as torch has now. Raises what it or tracing raises."""

    def __init__(self, net: nn.Module, batch: Tensor) -> None:
        import openvino
        from openvino.frontend import FrontEndManager
        from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

        self.name = f"OpenVINO {openvino.__version__.partition('-')[0]}"
        plain = batch.contiguous()
        with torch.inference_mode(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what tracing fixes: the shape
            traced = torch.jit.freeze(torch.jit.trace(_Traced(net).eval(), plain, check_trace=False))
            reader = FrontEndManager().load_by_framework("pytorch")
            decoder = TorchScriptPythonDecoder(traced)  # named, so that it lives until it was read
            read = reader.load(decoder)
            (place,) = read.get_inputs()
            read.set_element_type(place, openvino.Type.f32)
            read.set_partial_shape(place, openvino.PartialShape(list(plain.shape)))
            model = reader.convert(read)
        settings: dict[str, Any] = {**_SETTINGS, "INFERENCE_NUM_THREADS": torch.get_num_threads()}
        self._request = openvino.Core().compile_model(model, "CPU", settings).create_infer_request()

    def __call__(self, batch: Tensor) -> tuple[Tensor, Tensor | None]:
        found = self._request.infer([batch.contiguous().numpy()])
        logits, *bottleneck = (torch.from_numpy(np.array(found[k])) for k in range(len(found)))
        return logits, bottleneck[0] if bottleneck else None


class _Traced(nn.Module):
    """Gives the logits, and the mean of the bottleneck behind them if there is one."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, batch: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        logits, bottleneck = logits_and_bottleneck(self.net, batch)
        return logits if bottleneck is None else (logits, bottleneck)
