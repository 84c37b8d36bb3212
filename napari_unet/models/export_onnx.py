"""A model as an ONNX file, for runtimes without torch."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch

from napari_unet.core.errors import UserError
from napari_unet.core.quiet import quiet
from napari_unet.io.atomic import atomic_write
from napari_unet.models.example import example_image, grey
from napari_unet.models.library import ModelEntry
from napari_unet.models.new_file import check_new_file, check_same
from napari_unet.models.standalone import Standalone, as_tuple, standalone

OPSET = 18
TOLERANCE = 1e-4
_WORDS = (
    *("name", "version", "title", "use", "protocol", "classes", "input", "intensity", "threshold"),
    *("mask_rule", "facts", "sha256"),
)
_NEEDED = ("onnx", "onnxscript", "onnxruntime")


def export_onnx(entry: ModelEntry, path: Path) -> float:
    """Writes `path` and returns by how much its probability differs from torch's at most.

    Input "image" float32 (batch, channels, *axes), grey by the card's IntensityRule; output "probability"
    (batch, classes, *axes), or those of `answers`. The batch is free; so are the sides, in multiples of the
    network's stride, where the card has no fixed size. The card's words for before and after, and for each
    output tensor, are in the file's metadata. The file gets its name only after onnxruntime has agreed with
    torch on two batches.
    Raises UserError if a package is missing, `path` exists or cannot be written, or the results differ.
    """
    check_new_file(path)
    _check_packages()
    model = standalone(entry)
    pixels = example_image(entry.card, model.stride).pixels
    x = torch.from_numpy(grey(entry.card, pixels))[None]
    program = _exported(model, x, free=entry.card.input.size is None)
    words = entry.card.in_words() | {"outputs": [answer.in_words() for answer in model.answers]}
    program.model.metadata_props.update({name: json.dumps(words[name]) for name in (*_WORDS, "outputs")})
    with atomic_write(path) as partial:
        program.save(partial, external_data=False)
        off = _difference(partial, model, x)
        check_same(entry.card.name, off, TOLERANCE)
    return off


def _check_packages() -> None:
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise UserError(
            f"ONNX files cannot be written here without {' and '.join(missing)}.",
            "Install them: pip install 'napari-unet-lung[onnx]'",
        )


def _exported(model: Standalone, x: torch.Tensor, free: bool) -> Any:
    """The ONNXProgram of torch.onnx, traced with a batch of two so that the batch stays free."""
    shape: dict[int, Any] = {0: torch.export.Dim("batch", min=1)}
    if free:
        sides = "zyx"[-(x.ndim - 2) :]
        shape |= {k: model.stride * torch.export.Dim(side, min=1) for k, side in enumerate(sides, start=2)}
    with quiet("torch", "onnxscript"):  # they report much that is of no use here
        return torch.onnx.export(
            model,
            (torch.cat([x, x.flip(-1)]),),
            dynamo=True,
            input_names=["image"],
            output_names=[answer.name for answer in model.answers],
            dynamic_shapes=(shape,),
            opset_version=OPSET,
            verbose=False,
        )


def _difference(path: Path, model: Standalone, x: torch.Tensor) -> float:
    """The largest difference between onnxruntime and torch on a batch of one and one of three."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    off = 0.0
    for batch in (x, torch.cat([x, x.flip(-2), 1 - x])):
        others = session.run([answer.name for answer in model.answers], {"image": batch.numpy()})
        with torch.inference_mode():
            expected = as_tuple(model(batch))
        pairs = zip(others, expected, strict=True)
        off = max(off, *(float(np.abs(other - ours.numpy()).max()) for other, ours in pairs))
    return off
