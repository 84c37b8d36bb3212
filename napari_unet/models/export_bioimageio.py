"""A model as a BioImage.IO package, for Fiji, ilastik, QuPath and others: https://bioimage.io."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from napari_unet.core.prediction import Prediction
from napari_unet.core.quiet import quiet
from napari_unet.core.raster import Raster
from napari_unet.core.window import display_pixels
from napari_unet.io.atomic import atomic_write
from napari_unet.models.bioimageio_rdf import description, readme, result_file
from napari_unet.models.card import ModelCard
from napari_unet.models.example import example_image, grey
from napari_unet.models.library import ModelEntry
from napari_unet.models.new_file import add_bytes, check_new_file, check_same
from napari_unet.models.standalone import Answer, Standalone, as_tuple, standalone

TOLERANCE = 1e-4
_WEIGHTS = "weights.torchscript.pt"


def export_bioimageio(
    entry: ModelEntry, path: Path, authors: tuple[str, ...] = (), licence: str = ""
) -> None:
    """Writes the package `path` (.zip): TorchScript weights, a test image with its result, the card in words.

    authors, licence (SPDX) : for the description. No image that the model was trained on goes with it, nor
    anything about single cases. Raises UserError if `path` exists or cannot be written, if the model is
    damaged, and if the copy does not do the same as the model.
    """
    check_new_file(path)
    model = standalone(entry)
    example = example_image(entry.card, model.stride)
    x = torch.from_numpy(grey(entry.card, example.pixels))[None]
    with torch.inference_mode():
        expected = as_tuple(model(x))
    weights = _torchscript(model, x)
    again = zip(_run_again(weights, x), expected, strict=True)
    off = max(float((other - ours).abs().max()) for other, ours in again)
    check_same(entry.card.name, off, TOLERANCE)
    files = {
        _WEIGHTS: weights,
        "test_input.npy": _npy(example.pixels[None]),
        **{result_file(model.answers, k): _npy(each.numpy()) for k, each in enumerate(expected)},
        "cover.png": _cover(entry.card, example.pixels, model.answers, expected),
        "README.md": readme(entry.card, example).encode(),
    }
    torchscript = {
        "source": _WEIGHTS,
        "sha256": hashlib.sha256(weights).hexdigest(),
        "pytorch_version": torch.__version__.split("+")[0],
    }
    about = description(entry.card, example, model.stride, {"torchscript": torchscript}, authors, licence)
    for described in (*about["inputs"], *about["outputs"]):
        tensor = described["test_tensor"]
        tensor["sha256"] = hashlib.sha256(files[tensor["source"]]).hexdigest()
    with atomic_write(path) as partial, zipfile.ZipFile(partial, "w") as archive:
        add_bytes(archive, "rdf.yaml", yaml.safe_dump(about, sort_keys=False, allow_unicode=True).encode())
        for name, content in files.items():
            add_bytes(archive, name, content)


def _torchscript(model: Standalone, x: torch.Tensor) -> bytes:
    """The traced model; the sizes of the image are not fixed by it."""
    buffer = io.BytesIO()
    with quiet("torch"), torch.no_grad():  # of what the network asks of its input, and that it is old
        traced: Any = torch.jit.trace(model, x, check_trace=False)
        torch.jit.save(torch.jit.freeze(traced), buffer)
    return buffer.getvalue()


def _run_again(weights: bytes, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    with quiet("torch"), torch.inference_mode():
        return as_tuple(torch.jit.load(io.BytesIO(weights))(x))


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _cover(
    card: ModelCard, pixels: np.ndarray, answers: Sequence[Answer], found: Sequence[torch.Tensor]
) -> bytes:
    """PNG, twice as wide as high: the image, and the image with the mask or map of `card.output` in blue.

    Of slices and volumes the one in the middle.
    """
    from PIL import Image

    maps = next(
        each
        for answer, each in zip(answers, found, strict=True)
        if answer.output == card.output and not answer.pooled
    )
    planes = pixels.reshape(-1, *pixels.shape[-2:])
    plane = planes[len(planes) // 2]
    whole = Prediction(maps[0].numpy(), task=card.output.task).foreground
    mask = (whole >= card.output.threshold).reshape(-1, *plane.shape)
    original = np.repeat(display_pixels(Raster(plane))[..., None], 3, axis=-1)
    marked = original.copy()
    inside = mask[len(mask) // 2]
    marked[inside] = marked[inside] // 2 + np.array([0, 57, 89], np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(np.concatenate([original, marked], axis=1)).save(buffer, format="PNG")
    return buffer.getvalue()
