"""napari-unet-assistant (PyPI, MIT), taken from the network into a folder of its own for a benchmark."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any
from unittest.mock import patch

import numpy as np
from torch import nn

from benchmarks.fetched import fetch
from benchmarks.result import NotMeasured

NAME = "napari-unet-assistant 0.6.5"
_WANTED = NAME.replace(" ", "==")
Predict = Callable[..., np.ndarray]


@contextmanager
def predictor() -> Iterator[Predict]:
    """`predict(net, image, patch, overlap_percent)` → bool mask (Y, X), by its `inference.predictor`.

    Raises NotMeasured if it cannot be fetched or imported. Its dependencies stay out: torchvision and others
    are of no use here, and its file readers' libraries are stood in for.
    """
    with tempfile.TemporaryDirectory() as folder, patch.object(sys, "path", [*sys.path, folder]):
        fetch(folder, _WANTED)
        with patch.dict(sys.modules, _stand_ins()):
            try:
                from napari_unet_assistant.inference import predictor as module
            except ImportError as error:
                raise NotMeasured(f"it cannot be imported ({error})") from error
            yield _using(module)


def _using(module: Any) -> Predict:
    def predict(net: nn.Module, image: np.ndarray, patch: int, overlap_percent: int) -> np.ndarray:
        settings = {
            "mode_2d_or_3d": "2d",
            "task_type": "binary",
            "patch_xy": patch,
            "overlap_percent": overlap_percent,
        }
        mask, strategy = module._predict_with_model(net, settings, image, device="cpu")
        assert strategy == "tiled"
        return np.asarray(mask, bool)

    return predict


def _stand_ins() -> dict[str, ModuleType]:
    """Empty modules with the names that its file readers import."""
    wanted = {
        "zarr": ("Array",),
        "ome_zarr": (),
        "ome_zarr.io": ("parse_url",),
        "ome_zarr.reader": ("Reader",),
    }
    modules = {}
    for name, attributes in wanted.items():
        modules[name] = ModuleType(name)
        for attribute in attributes:
            setattr(modules[name], attribute, type(attribute, (), {}))
    return modules
