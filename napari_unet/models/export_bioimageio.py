"""A model as a BioImage.IO package, for Fiji, ilastik, QuPath and others: https://bioimage.io."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from napari_unet.core.errors import UserError
from napari_unet.core.quiet import quiet
from napari_unet.core.raster import Raster
from napari_unet.core.window import display_pixels
from napari_unet.io.atomic import atomic_write
from napari_unet.models.bioimageio_rdf import description, readme
from napari_unet.models.example import example_image
from napari_unet.models.library import ModelEntry
from napari_unet.models.new_file import add_bytes, check_new_file
from napari_unet.models.standalone import Standalone, standalone

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
    x = torch.from_numpy(entry.card.intensity.apply(example.pixels))[None, None]
    with torch.inference_mode():
        expected = model(x)
    weights = _torchscript(model, x)
    off = float((_run_again(weights, x) - expected).abs().max())
    if not off <= TOLERANCE:
        raise UserError(
            f"The copy of {entry.card.name} does not do the same as the model (off by {off:.2g}).",
            "Report this to the makers of the plugin.",
        )
    files = {
        _WEIGHTS: weights,
        "test_input.npy": _npy(example.pixels[None, None]),
        "test_output.npy": _npy(expected.numpy()),
        "cover.png": _cover(example.pixels, expected[0].amax(dim=0).numpy() >= entry.card.output.threshold),
        "README.md": readme(entry.card, example).encode(),
    }
    torchscript = {
        "source": _WEIGHTS,
        "sha256": hashlib.sha256(weights).hexdigest(),
        "pytorch_version": torch.__version__.split("+")[0],
    }
    about = description(entry.card, example, model.stride, {"torchscript": torchscript}, authors, licence)
    for side in ("inputs", "outputs"):
        tensor = about[side][0]["test_tensor"]
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


def _run_again(weights: bytes, x: torch.Tensor) -> torch.Tensor:
    with quiet("torch"), torch.inference_mode():
        result: torch.Tensor = torch.jit.load(io.BytesIO(weights))(x)
    return result


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _cover(pixels: np.ndarray, mask: np.ndarray) -> bytes:
    """PNG, twice as wide as high: the image, and the image with its mask in blue."""
    from PIL import Image

    grey = np.repeat(display_pixels(Raster(pixels))[..., None], 3, axis=-1)
    marked = grey.copy()
    marked[mask] = marked[mask] // 2 + np.array([0, 57, 89], np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(np.concatenate([grey, marked], axis=1)).save(buffer, format="PNG")
    return buffer.getvalue()
