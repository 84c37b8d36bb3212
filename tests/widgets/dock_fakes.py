"""An engine that does what the test says, and predictions without a network."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from job_fakes import FakeJob
from qtpy.QtWidgets import QApplication

from napari_unet.core.device import DeviceInfo
from napari_unet.core.masks import MaskRule
from napari_unet.core.prediction import Prediction

DEVICES = [DeviceInfo("cuda", "NVIDIA GPU", False, "None here."), DeviceInfo("cpu", "Processor", True)]


class FakeEngine:
    """Answers "devices" at once; keeps the jobs of kind "segment" for the test."""

    def __init__(self, **options: Any) -> None:
        self.options = options
        self.jobs: list[FakeJob] = []
        self.closed = threading.Event()

    def warm(self) -> None:
        pass

    def submit(self, kind: str, /, **arguments: Any) -> FakeJob:
        job = FakeJob(kind, arguments)
        if kind == "devices":
            job.end(DEVICES)
        else:
            self.jobs.append(job)
        return job

    def close(self) -> None:
        self.closed.set()
        for job in self.jobs:
            job.cancel()


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
    qtbot.waitUntil(lambda: not dock.result._calm.isActive() and not dock.result._jobs)
    QApplication.processEvents()
