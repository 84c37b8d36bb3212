"""`napari-unet-lung demo`: the main job on the sample X-rays."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from napari_unet.cli.console import complain, stdout
from napari_unet.core.errors import UserError


def demo(
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="OUT", file_okay=False, help="Folder for the results.")
    ] = Path("demo"),
    window: Annotated[
        bool | None,
        typer.Option(
            "--window/--no-window",
            help="Open napari, or save a picture of its window.",
            show_default="if there is a screen",
        ),
    ] = None,
) -> None:
    """Segment the sample X-rays; then open napari on one of them.

    Writes masks, pictures with outlines and report.csv to OUT. Without a screen napari is not opened; where a
    virtual one is there, OUT/window.png shows its window.
    """
    from napari_unet.cli.segment_cmd import segment
    from napari_unet.samples import SAMPLES

    segment([str(sample.image) for sample in SAMPLES], output, overlay=True)
    command = [sys.executable, "-m", "napari_unet.widgets.demo", SAMPLES[0].key]
    if not importlib.util.find_spec("napari"):
        stdout.print('For the window: pip install "napari-unet-lung[all]"', markup=False)
    elif _has_screen() if window is None else window:
        stdout.print("Opening napari: press Segment in the dock on the right.")
        raise typer.Exit(subprocess.run(command, check=False).returncode)
    elif _has_screen():
        picture = output / "window.png"
        if subprocess.run([*command, "--screenshot", str(picture)], check=False).returncode:
            raise UserError("The window could not be captured.", "Look at: napari-unet-lung doctor")
        stdout.print(f"The window is in {picture}", markup=False)
    else:
        complain("There is no screen, so no window: see the pictures instead.")


def _has_screen() -> bool:
    """Windows and macOS always have one; elsewhere the environment says so."""
    named = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return sys.platform in ("win32", "darwin") or bool(named)
