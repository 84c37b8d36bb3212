"""Where the files that ship with the package lie."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def resource(*parts: str) -> Path:
    """`resources/<parts>`: inside the package where it is installed, beside it in a source checkout."""
    package = Path(str(files("napari_unet")))
    installed = package / "resources"
    return (installed if installed.is_dir() else package.parent / "resources").joinpath(*parts)
