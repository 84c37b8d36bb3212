"""CT volumes with labels for right and left lung, and how a model's answer on one is scored."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from benchmarks.data import data_folder
from napari_unet.core.geometry import Geometry, on_grid_of
from napari_unet.core.labels import LEFT, RIGHT
from napari_unet.core.lung_division import divide_lungs
from napari_unet.core.metrics import dice, scores
from napari_unet.core.raster import Raster
from napari_unet.inference.segment import segment
from napari_unet.io.formats import read_mask, read_raster
from napari_unet.io.sources import sources_among
from napari_unet.io.unpacked import unpacked

FOLDS = tuple(f"Case_{k:03d}" for k in range(7))
"""LCTSC's train and val volumes; Case_007 is the test volume, which nothing here reads."""
VAL = "Case_006"
SILVER = "LIDC-IDRI-0001"
_LOBES = {LEFT: (1, 2), RIGHT: (3, 4, 5)}  # of the silver labels; 6 is the trachea


@dataclass(frozen=True)
class Volume:
    """A CT and its labels, uint8: 0, 1 right, 2 left lung."""

    name: str
    raster: Raster
    labels: np.ndarray


@dataclass(frozen=True)
class CtScore:
    """How a mask agrees with its reference. Distances in mm; nan where a lung is not there.

    wrong_side : of the lung that both hold, the share that is on the other side in the mask. said : what the
    model noted about the image.
    """

    dice: float
    right: float
    left: float
    hd95_mm: float
    surface_mm: float
    wrong_side: float
    said: tuple[str, ...] = ()


def volume(name: str) -> Volume:
    """One of LCTSC's, or the silver one. Raises NotMeasured if the data is not there."""
    if name == SILVER:
        folder, stem = data_folder() / "ct" / "lidc0001", f"{SILVER}_1p4mm"
        raster = read_raster(folder / "images" / f"{stem}.nii.gz")
        lobes = read_mask(folder / "masks" / f"{stem}_lobes.nii.gz")
        labels = np.zeros(lobes.shape, np.uint8)
        for side, values in _LOBES.items():
            labels[np.isin(lobes, values)] = side
        return Volume(name, raster, labels)
    raster, mask = undivided(name)
    assert raster.spacing_mm is not None
    return Volume(name, raster, divide_lungs(mask, raster.pixels, raster.spacing_mm, raster.row_direction))


def undivided(name: str) -> tuple[Raster, np.ndarray]:
    """One of LCTSC's and its mask, bool, of both lungs. Raises NotMeasured if the data is not there."""
    folder = data_folder() / "ct" / "lctsc"
    return (
        read_raster(folder / "images" / f"{name}.nii.gz"),
        read_mask(folder / "masks" / f"{name}.nii.gz") > 0,
    )


def scored(raster: Raster, labels: np.ndarray, model: str | Path, surfaces: bool = True) -> CtScore:
    """What `model`, a name or a folder, makes of a CT. surfaces : False leaves the distances out (nan)."""
    found = segment(raster, model=str(model), device="cpu", input_check=False)
    drawn = found.labels()
    said = tuple(note for note in found.notes if note not in raster.notes)
    return compared(drawn, labels, raster.spacing_mm if surfaces else None, said)


def by_two_roads(model: str | Path) -> CtScore:
    """The mask of Case_005 from its DICOM series of 512 × 512 pixels against that from a NIfTI file of 256.

    They are compared on the grid of the NIfTI file, by where voxels lie in the patient. The case is one of
    those that train, so that this says nothing of how good the masks are.
    """
    files = sorted(unpacked(data_folder() / "ct" / "lctsc_dicom" / "Case_005.zip").iterdir())
    (series,) = (source for source in sources_among(files) if source.is_series)
    fine, coarse = read_raster(series), volume("Case_005").raster
    masks, places = [], []
    for raster in (fine, coarse):
        masks.append(segment(raster, model=str(model), device="cpu", input_check=False).labels())
        depth, height, width = raster.shape
        places.append(Geometry((depth, height, width), raster.affine))
    moved, _ = on_grid_of(masks[0], *places)
    return compared(moved, masks[1], coarse.spacing_mm)


def compared(
    drawn: np.ndarray,
    labels: np.ndarray,
    spacing_mm: tuple[float, ...] | None = None,
    said: tuple[str, ...] = (),
) -> CtScore:
    """Labels that a model drew against those of the reference; no spacing, no distances."""
    lung, reference = drawn > 0, labels > 0
    common = lung & reference
    swapped = common & (drawn != labels)
    far = near = float("nan")
    if spacing_mm is not None:
        whole = scores(lung, reference, spacing_mm)
        far, near = whole.hd95, whole.assd
    return CtScore(
        dice=dice(lung, reference),
        right=_of_side(drawn, labels, RIGHT),
        left=_of_side(drawn, labels, LEFT),
        hd95_mm=far,
        surface_mm=near,
        wrong_side=float(swapped.sum() / max(common.sum(), 1)),
        said=said,
    )


def _of_side(drawn: np.ndarray, labels: np.ndarray, side: int) -> float:
    """Dice of one lung; nan if the patient has none: what is drawn of it then is on the wrong side."""
    reference = labels == side
    return dice(drawn == side, reference) if reference.any() else float("nan")


def summary(found: list[CtScore]) -> list[float | None]:
    """Cells of a row: mean and worst Dice of both lungs, mean of each lung, the worst distances and sides."""

    def column(name: str) -> np.ndarray:
        values = np.array([getattr(score, name) for score in found], float)
        return np.asarray(values[~np.isnan(values)])

    def cell(values: np.ndarray, best: str) -> float | None:
        return float(getattr(values, best)()) if len(values) else None

    both = column("dice")
    return [
        cell(both, "mean"),
        cell(both, "min"),
        cell(column("right"), "mean"),
        cell(column("left"), "mean"),
        cell(column("hd95_mm"), "max"),
        cell(column("surface_mm"), "max"),
        cell(column("wrong_side"), "max"),
    ]


def to_json(score: CtScore) -> dict[str, object]:
    """The fields by name; nan as None."""
    found = {field.name: getattr(score, field.name) for field in fields(score)}
    return {name: None if value != value else value for name, value in found.items()}


def from_json(content: dict[str, object]) -> CtScore:
    """What `to_json` wrote."""
    known = {name: float("nan") if value is None else value for name, value in content.items()}
    return CtScore(**{**known, "said": tuple(content["said"])})  # type: ignore[arg-type]
