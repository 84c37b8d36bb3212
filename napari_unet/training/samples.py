"""Pairs of image and mask from a folder, split by patient, at the size a network trains with."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from skimage import transform

from napari_unet.core.errors import UserError
from napari_unet.core.gate import check_pixels
from napari_unet.core.intensity import IntensityRule
from napari_unet.core.raster import Raster
from napari_unet.io.formats import list_images, read_mask, read_raster, stem
from napari_unet.training.config import DataConfig

_OVERSIZE = 1.5  # samples are kept this much larger than the network's input: crops then stay sharp


@dataclass(frozen=True)
class Pair:
    """One image file with its mask file, the patient and the split it belongs to."""

    image: Path
    mask: Path
    patient: str
    split: str


@dataclass(frozen=True)
class Samples:
    """Images float32 (N, 1, Y, X) in 0..1 and masks float32 (N, 1, Y, X), 0 or 1, in the order of `pairs`."""

    pairs: tuple[Pair, ...]
    images: np.ndarray
    masks: np.ndarray

    def __len__(self) -> int:
        return len(self.pairs)


def find_pairs(data: DataConfig, seed: int = 0) -> list[Pair]:
    """All pairs of a data folder, sorted by file name.

    Without a manifest the part of a file name before the first "_" is the patient, and patients are drawn
    70 : 15 : 15.
    Raises UserError if the folder, the manifest or a mask is missing, or a patient is in two splits.
    """
    folder = _expanded(data.folder)
    if not folder.is_dir():
        raise UserError(f"The data folder {folder} does not exist.", "Correct `data.folder` in the recipe.")
    pairs = _from_manifest(folder, data) if data.manifest else _from_names(folder, data, seed)
    if not pairs:
        raise UserError(f"{folder} has no images.", "Put them into its subfolder `images`.")
    splits: dict[str, str] = {}
    for pair in pairs:
        if not pair.image.is_file():
            raise UserError(f"There is no image {pair.image}.", "Correct the manifest.")
        if not pair.mask.is_file():
            raise UserError(
                f"{pair.image.name} has no mask ({pair.mask}).", "Add the mask or take the image out."
            )
        if splits.setdefault(pair.patient, pair.split) != pair.split:
            raise UserError(f"Patient {pair.patient} is in two splits.", "Keep each patient in one split.")
    return pairs


def load_samples(
    pairs: list[Pair], size: tuple[int, int], intensity: IntensityRule, oversize: bool
) -> Samples:
    """Reads, scales and resizes pairs. oversize : 1.5 times `size`, for training; otherwise `size`.

    Raises UserError that names the file if it is no usable 2D image, or its mask has another size.
    """
    height, width = (round(n * _OVERSIZE) if oversize else n for n in size)
    images, masks = [], []
    for pair in pairs:
        raster, mask = read_raster(pair.image), read_mask(pair.mask)
        _check_image(pair.image, raster)
        if raster.shape != mask.shape:
            raise UserError(
                f"{pair.image.name} is {raster.shape} pixels and its mask {mask.shape}.",
                "Give it its own mask.",
            )
        scaled = intensity.apply(raster.pixels, inverted=bool(raster.inverted))
        images.append(
            transform.resize(scaled, (height, width), order=1, anti_aliasing=True).astype(np.float32)
        )
        masks.append(
            transform.resize((mask > 0).astype(np.float32), (height, width), order=1, anti_aliasing=True)
            >= 0.5
        )
    return Samples(tuple(pairs), np.stack(images)[:, None], np.stack(masks)[:, None].astype(np.float32))


def _from_manifest(folder: Path, data: DataConfig) -> list[Pair]:
    path = folder / str(data.manifest)
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"The manifest {path} cannot be read ({error}).", "Check `data.manifest`.") from error
    missing = {"file", "patient", "split"} - set(rows[0] if rows else ())
    if missing:
        raise UserError(f"The manifest {path} lacks {', '.join(sorted(missing))}.", "Add the columns.")
    for line, row in enumerate(rows, start=2):
        if not (row["file"] and row["patient"] and row["split"]):
            raise UserError(f"Line {line} of the manifest {path} is not complete.", "Fill it in.")
    pairs = [
        Pair(folder / "images" / row["file"], folder / "masks" / row["file"], row["patient"], row["split"])
        for row in rows
    ]
    return sorted(pairs, key=lambda pair: pair.image.name)


def _from_names(folder: Path, data: DataConfig, seed: int) -> list[Pair]:
    images = list_images(folder / "images")
    patients = sorted({stem(image).split("_")[0] for image in images})
    order = np.random.default_rng(seed).permutation(len(patients))
    share = {patients[k]: rank / len(patients) for rank, k in enumerate(order)}

    def split(patient: str) -> str:
        return data.train if share[patient] < 0.7 else data.val if share[patient] < 0.85 else data.test

    named = [(image, stem(image).split("_")[0]) for image in images]
    return [Pair(image, folder / "masks" / image.name, patient, split(patient)) for image, patient in named]


def _check_image(path: Path, raster: Raster) -> None:
    if raster.pixels.ndim != 2:
        raise UserError(f"{path.name} is a volume or a stack.", "Train with 2D images.")
    try:
        check_pixels(raster)
    except UserError as error:
        raise UserError(f"{path.name}: {error.problem}", error.remedy) from error


def _expanded(folder: str) -> Path:
    if "$NAPARI_UNET_DATA" in folder and not os.environ.get("NAPARI_UNET_DATA"):
        raise UserError(
            "The recipe takes its images from $NAPARI_UNET_DATA, which is not set.",
            "Set the environment variable NAPARI_UNET_DATA to the data folder.",
        )
    return Path(os.path.expandvars(folder)).expanduser()
