"""Where to save a mask, and as what."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QWidget

from napari_unet.core.errors import UserError
from napari_unet.core.frames import DicomFrame
from napari_unet.io.formats import stem, suffix_for
from napari_unet.io.names import SEG_ENDING
from napari_unet.io.unpacked import is_unpacked
from napari_unet.resources_path import resource
from napari_unet.widgets.common.results import MaskResult
from napari_unet.widgets.common.results_seg import SegKind

KINDS = {"PNG (*.png)": ".png", "TIFF (*.tif *.tiff)": ".tif", "NIfTI (*.nii.gz *.nii)": ".nii.gz"}
SEG_KINDS = {
    "DICOM SEG for the archive, with patient data (*.dcm)": SegKind.ARCHIVE,
    "DICOM SEG for research, without patient data (*.dcm)": SegKind.RESEARCH,
}
_SUFFIXES = (".png", ".tif", ".tiff", ".nii", ".nii.gz")


@dataclass(frozen=True)
class Where:
    """What the user chose. seg : for whom, of a DICOM segmentation; None for other files."""

    path: Path
    seg: SegKind | None = None


def ask_where(parent: QWidget, result: MaskResult) -> Where | None:
    """The path that the user chose, with a suffix; None if they changed their mind.

    Raises UserError for the name of a DICOM file of which nothing says for whom it is, and if a DICOM
    segmentation gets a name of which the user was not asked whether it may be replaced.
    """
    suggestion = suggested_path(result)
    kind = next(kind for kind, suffix in KINDS.items() if suggestion.name.endswith(suffix))
    offered = (*KINDS, *(SEG_KINDS if isinstance(result.header.get("frame"), DicomFrame) else ()))
    name, kind = QFileDialog.getSaveFileName(parent, "Save mask", str(suggestion), ";;".join(offered), kind)
    if not name:
        return None
    path = Path(name)
    if kind in SEG_KINDS:
        named = seg_path(path)
        if named != path and named.exists():
            raise UserError(f"{named.name} exists already.", "Choose another name.")
        return Where(named, SEG_KINDS[kind])
    if path.name.lower().endswith(".dcm"):
        raise UserError(
            "A DICOM file is for the archive or for research.",
            "Choose one of the DICOM kinds below the name; they are offered for DICOM images.",
        )
    return Where(with_suffix(path, kind))


def suggested_path(result: MaskResult) -> Path:
    """`<image>_mask.<suffix>` beside the image's file, or beside the folder of its series.

    In the home folder if there is neither, or if it is a sample or was unpacked from a zip file.
    """
    source = Path(result.header.get("source") or "image")
    name = stem(source)
    if result.index is not None:
        name += "".join(f"_{i + 1}" for i in result.index)
    suffix = suffix_for(result.header.get("frame"), len(result.shape))
    if source.name.lower().endswith((".nii", ".nii.gz")):
        suffix = ".nii.gz"
    own = source.exists() and not source.resolve().is_relative_to(resource().resolve())
    own = own and not is_unpacked(source)
    folder = source.parent if own else Path.home()
    return folder / f"{name}_mask{suffix}"


def with_suffix(path: Path, kind: str) -> Path:
    """`path`, with the suffix of the chosen kind unless it names one of those that masks are saved in."""
    if path.name.lower().endswith(_SUFFIXES):
        return path
    return path.with_name(path.name + KINDS.get(kind, ".png"))


def seg_path(path: Path) -> Path:
    """The name of a DICOM segmentation: the suggested `<image>_mask.png` becomes `<image>_seg.dcm`."""
    if path.name.lower().endswith(".dcm"):
        return path
    if path.name.lower().endswith(_SUFFIXES):
        return path.with_name(stem(path).removesuffix("_mask") + SEG_ENDING)
    return path.with_name(path.name + ".dcm")
