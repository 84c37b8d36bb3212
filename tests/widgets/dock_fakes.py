"""An engine that does what the test says, and predictions without a network."""

from __future__ import annotations

from typing import Any

import numpy as np
from job_fakes import FakeEngine, until_calm
from napari.layers import Labels
from qtpy.QtWidgets import QLabel

from napari_unet.core.device import DeviceInfo
from napari_unet.core.masks import MaskRule
from napari_unet.core.prediction import Prediction

DEVICES = [DeviceInfo("cuda", "NVIDIA GPU", False, "None here."), DeviceInfo("cpu", "Processor", True)]


def fake_engine(**options: Any) -> FakeEngine:
    """Answers "devices" at once; keeps all other jobs for the test."""
    return FakeEngine({"devices": lambda arguments: DEVICES}, **options)


def two_lungs(shape, spacing_mm=None, **options) -> Prediction:
    """Two lungs and a speck, surest in the middle of each; a stack holds the same in every slice."""
    height, width = shape[-2:]
    y, x = np.mgrid[:height, :width]
    hills = [(0.28, 0.5, 1.0), (0.72, 0.5, 0.9), (0.05, 0.05, 0.05)]
    probability = np.zeros((height, width), np.float32)
    for across, down, size in hills:
        away = ((x - across * width) / (0.16 * size * width)) ** 2 + (
            (y - down * height) / (0.3 * size * height)
        ) ** 2
        probability = np.maximum(probability, np.clip(1 - away / 2, 0, 1).astype(np.float32))
    probability = np.broadcast_to(probability, shape)[None].copy()
    return Prediction(
        probability,
        spacing_mm=spacing_mm,
        threshold=0.5,
        rule=MaskRule(),
        model="test-lung",
        seconds=0.4,
        notes=("Low values are dark: bone is white.",),
        **options,
    )


def settle(qtbot, dock) -> None:
    """Wait until the dock's threads and timers are at rest."""
    until_calm(qtbot, lambda: not dock.result._calm.isActive() and not dock.result._jobs)


def words(dock, name: str) -> str:
    """What one of the dock's lines says."""
    return dock.findChild(QLabel, name).text()


def masks(viewer) -> list[Labels]:
    """The masks in a viewer, and previews of them."""
    return [layer for layer in viewer.layers if isinstance(layer, Labels)]
