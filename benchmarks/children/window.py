"""The Segment dock in a real window, used as a user does: python -m benchmarks.children.window SIDE"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.images import xray

_PATIENCE_S = 120.0
_STEPS = np.linspace(0.3, 0.7, 12)


def main(side: int) -> None:
    found: dict[str, Any] = {}
    start = time.perf_counter()
    import napari
    from napari.layers import Labels
    from qtpy.QtWidgets import QApplication

    viewer = napari.Viewer()
    QApplication.processEvents()
    found["napari"] = time.perf_counter() - start

    start = time.perf_counter()
    _, dock = viewer.window.add_plugin_dock_widget("napari-unet-lung", "Segment")
    QApplication.processEvents()
    found["dock"] = time.perf_counter() - start
    _wait(lambda: not dock.device.findText("Automatic") and dock.device.count() > 1)
    found["engine"] = time.perf_counter() - start

    viewer.add_image(xray(side), name="chest")
    QApplication.processEvents()
    for kind in ("first segment", "segment"):
        before = len(viewer.layers)
        start = time.perf_counter()
        dock.run.click()
        _wait(lambda before=before: len(viewer.layers) > before and dock.run.isEnabled())
        found[kind] = time.perf_counter() - start
    assert isinstance(viewer.layers[-1], Labels)
    _rest()
    found |= _slide(viewer, dock)
    found["torch"] = "torch" in sys.modules
    viewer.close()
    print(json.dumps(found))


def _slide(viewer: Any, dock: Any) -> dict[str, list[float]]:
    """Drag the threshold through _STEPS of its range; the first step, a new layer, does not count."""
    from qtpy.QtWidgets import QApplication

    slider, layers = dock.result.threshold.slider, len(viewer.layers)
    mask, drawn = [], []
    slider.setSliderDown(True)
    for step in _STEPS:
        value = round(slider.minimum() + float(step) * (slider.maximum() - slider.minimum()))
        start = time.perf_counter()
        slider.setValue(value)
        mask.append(time.perf_counter() - start)
        QApplication.processEvents()
        drawn.append(time.perf_counter() - start)
    start = time.perf_counter()
    slider.setSliderDown(False)
    _wait(lambda: len(viewer.layers) == layers)
    return {"preview": mask[1:], "drawn": drawn[1:], "release": [time.perf_counter() - start]}


def _rest() -> None:
    """Let timers and threads come to an end."""
    end = time.monotonic() + 1.0
    _wait(lambda: time.monotonic() > end)


def _wait(until: Callable[[], bool]) -> None:
    from qtpy.QtWidgets import QApplication

    end = time.monotonic() + _PATIENCE_S
    while not until():
        if time.monotonic() > end:
            raise SystemExit(f"nothing happened for {_PATIENCE_S:.0f} seconds")
        QApplication.processEvents()
        time.sleep(0.001)


if __name__ == "__main__":  # the engine's child process imports this module again
    main(int(sys.argv[1]))
