"""The pictures of the CT tutorial: a sample CT with its mask, in 3D, and in the Correct dock."""

from __future__ import annotations

from pathlib import Path

from desk import Desk  # isort: skip  # before Qt and napari

from qtpy.QtWidgets import QLabel

from napari_unet.samples import CT_2

_WIDTH = 360  # of the docks
_SLICE = 42
_ALL = "All slices"


def take(folder: Path) -> None:
    """From the open CT to the mask, seen from all sides and corrected."""
    desk = Desk(folder)
    viewer = desk.viewer
    viewer.open_sample("napari-unet-lung", CT_2.key)
    dock = desk.dock("Segment", _WIDTH)
    desk.settle()
    viewer.dims.set_current_step(0, _SLICE)
    viewer.reset_view()
    dock.slices.setCurrentText(_ALL)
    desk.click(dock.run)
    desk.wait_until(lambda: dock.result.picker.layer() is not None, "mask", 900)
    desk.wait_until(
        lambda: any("mL" in label.text() for label in dock.result.report.findChildren(QLabel)), "volumes"
    )
    desk.picture("ct-segment")

    camera = viewer.scene.camera
    viewer.layers[CT_2.key].visible = False
    viewer.dims.ndisplay = 3
    viewer.reset_view()
    camera.set_view_direction(view_direction=(0, 1, 0), up_direction=(1, 0, 0))
    desk.wait(1.0)
    desk.picture("ct-3d")

    viewer.dims.ndisplay = 2
    viewer.layers[CT_2.key].visible = True
    correct = desk.dock("Correct", _WIDTH, tabify=True)
    desk.settle()
    viewer.dims.set_current_step(0, _SLICE)
    viewer.reset_view()
    desk.wait_until(lambda: correct.numbers.is_calm, "numbers")
    desk.picture("ct-correct")
    desk.close()
