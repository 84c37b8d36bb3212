"""napari with the Segment dock on a sample: for people, or as a picture of the window.

Run as `python -m napari_unet.widgets.demo`, so that the window has a process without torch to itself.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import napari
from napari.layers import Labels
from qtpy.QtWidgets import QApplication

_PLUGIN = "napari-unet-lung"
_PATIENCE_S = 300.0


def main() -> None:
    """With `--screenshot PATH` segments the sample, takes the picture and ends; otherwise stays open."""
    parser = argparse.ArgumentParser()
    parser.add_argument("sample")
    parser.add_argument("--screenshot", type=Path)
    options = parser.parse_args()
    viewer = napari.Viewer(title="napari-unet-lung demo")
    viewer.window.resize(1400, 900)
    viewer.open_sample(_PLUGIN, options.sample)
    _, widget = viewer.window.add_plugin_dock_widget(_PLUGIN, "Segment")
    if options.screenshot is None:
        napari.run()
        return
    widget.run.click()
    _wait_for_mask(viewer)
    viewer.reset_view()
    for widget in QApplication.allWidgets():
        if type(widget).__name__ == "NapariQtNotification":
            widget.close()
    QApplication.processEvents()
    viewer.window.screenshot(str(options.screenshot), flash=False, canvas_only=False)
    viewer.close()


def _wait_for_mask(viewer: Any) -> None:
    end = time.monotonic() + _PATIENCE_S
    while not any(isinstance(layer, Labels) for layer in viewer.layers):
        if time.monotonic() > end:
            raise SystemExit(f"There was no mask after {_PATIENCE_S:.0f} seconds.")
        QApplication.processEvents()
        time.sleep(0.02)


if __name__ == "__main__":  # the engine's child process imports this module again
    main()
