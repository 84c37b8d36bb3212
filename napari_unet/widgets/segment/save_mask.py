"""Where to save a mask."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QWidget

from napari_unet.io.formats import stem
from napari_unet.resources_path import resource
from napari_unet.widgets.common.results import MaskResult

KINDS = {"PNG (*.png)": ".png", "TIFF (*.tif *.tiff)": ".tif", "NIfTI (*.nii.gz *.nii)": ".nii.gz"}
_SUFFIXES = (".png", ".tif", ".tiff", ".nii", ".nii.gz")


def ask_where(parent: QWidget, result: MaskResult) -> Path | None:
    """The path that the user chose, with a suffix; None if they changed their mind."""
    suggestion = suggested_path(result)
    kind = next(kind for kind, suffix in KINDS.items() if suggestion.name.endswith(suffix))
    name, kind = QFileDialog.getSaveFileName(parent, "Save mask", str(suggestion), ";;".join(KINDS), kind)
    return with_suffix(Path(name), kind) if name else None


def suggested_path(result: MaskResult) -> Path:
    """`<image>_mask.<suffix>` beside the image's file; in the home folder if it has none or is a sample."""
    source = Path(result.header.get("source") or "image")
    name = stem(source)
    if result.index is not None:
        name += "".join(f"_{i + 1}" for i in result.index)
    if source.name.lower().endswith((".nii", ".nii.gz")):
        suffix = ".nii.gz"
    else:
        suffix = ".png" if len(result.shape) == 2 else ".tif"
    own = source.is_file() and not source.resolve().is_relative_to(resource().resolve())
    folder = source.parent if own else Path.home()
    return folder / f"{name}_mask{suffix}"


def with_suffix(path: Path, kind: str) -> Path:
    """`path`, with the suffix of the chosen kind unless it names one of those that masks are saved in."""
    if path.name.lower().endswith(_SUFFIXES):
        return path
    return path.with_name(path.name + KINDS.get(kind, ".png"))
