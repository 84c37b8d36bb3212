"""Pairs of image and mask, from a folder or a review, at the size a network trains with."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.gate import check_pixels
from napari_unet.core.input_rule import InputRule
from napari_unet.core.intensity import IntensityRule
from napari_unet.core.labels import IGNORE, MaskLabels, lung
from napari_unet.core.patients import placeholders_among
from napari_unet.core.raster import Raster
from napari_unet.core.training_pair import TrainingPair
from napari_unet.inference.prepare import field_of, network_input, resized
from napari_unet.io.formats import list_images, list_images_and_masks, read_labels, read_raster, stem
from napari_unet.io.ignored import Ignored
from napari_unet.io.manifest import Line, match, read_table, split_name
from napari_unet.io.names import as_stored
from napari_unet.io.pairs import masks_of_images
from napari_unet.models.card import ModelCard
from napari_unet.training.config import DataConfig
from napari_unet.training.labelled import LabelledSet
from napari_unet.training.pairs import chosen_slices, read_pair
from napari_unet.training.separate import together

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
    """Images float32 (N, channels, Y, X) in 0..1, masks and `valid` (see LabelledSet), as `pairs`.

    notes : what was assumed in reading images and masks, with the names of the files.
    """

    pairs: tuple[Pair, ...]
    images: np.ndarray
    masks: np.ndarray
    valid: np.ndarray
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.pairs)


def find_pairs(data: DataConfig, seed: int = 0, notes: list[str] | None = None) -> list[Pair]:
    """All pairs of a data folder, sorted by file name.

    notes : gets what was passed over or spelled in another way, in words.
    Without a manifest the part of a file name before the first "_" is the patient, and patients are drawn
    70 : 15 : 15, with equal files and images that look the same in one split. Where a placeholder such as
    ANONYMOUS stands in the place of a patient, each image is a patient of its own.
    Raises UserError if the folder, the manifest or a mask is missing, or a patient is in two splits.
    """
    folder = _expanded(data.folder)
    if not folder.is_dir():
        raise UserError(f"The data folder {folder} does not exist.", "Correct `data.folder` in the recipe.")
    told = [] if notes is None else notes
    pairs = _from_manifest(folder, data, told) if data.manifest else _from_names(folder, data, seed, told)
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


def of_split(pairs: list[Pair], split: str) -> list[Pair]:
    """Those of one split. Raises UserError if there are none."""
    chosen = [pair for pair in pairs if pair.split == split_name(split)]
    if not chosen:
        raise UserError(f"No image belongs to the split {split}.", "Correct the manifest or the recipe.")
    return chosen


def load_samples(pairs: list[Pair], rule: InputRule, intensity: IntensityRule, oversize: bool) -> Samples:
    """Reads pairs as the model will see them in inference.

    rule : the whole image at a size. oversize : 1.5 times that size, for training; otherwise that size.
    Raises UserError that names the file if it is no usable 2D image, or its mask has another size or labels
    that nobody knows.
    """
    rule = _at(rule, oversize)
    images: list[np.ndarray] = []
    masks: list[np.ndarray] = []
    valid: list[np.ndarray] = []
    notes: list[str] = []
    for pair in pairs:
        raster, found = read_raster(pair.image), mask_labels(pair)
        labels = found.labels
        notes += [*(f"{pair.image.name}: {note}" for note in raster.notes), *found.notes]
        _check_image(pair.image, raster)
        if raster.shape != labels.shape:
            raise UserError(
                f"{pair.image.name} is {raster.shape} pixels and its mask {labels.shape}.",
                "Give it its own mask.",
            )
        field, box = field_of(raster, rule)
        labels = labels[box]
        images.append(network_input(field, rule, intensity, bool(raster.inverted)))
        targets = _targets(lung(labels), labels == IGNORE, images[-1].shape[1:])
        for stack, part in zip((masks, valid), targets, strict=True):
            stack.append(part)
    drawn, known = (np.stack(stack)[:, None] for stack in (masks, valid))
    return Samples(tuple(pairs), np.stack(images), drawn, known, tuple(notes))


def labelled(
    pairs: Sequence[TrainingPair], card: ModelCard, oversize: bool
) -> tuple[LabelledSet, tuple[int, ...]]:
    """Pairs as the model sees them in inference; of stacks, each slice that counts.

    oversize : 1.5 times the card's input size, for training; otherwise that size. The second is, for each
    sample, the index of its pair. Raises UserError, with the id of the case and no file name, for what
    `read_pair` refuses; if the model takes no whole images or has several classes; if no mask holds any lung
    (one that is empty is welcome: no lung can be seen there).
    """
    rule = _at(_whole_field(card), oversize)
    images: list[np.ndarray] = []
    masks: list[np.ndarray] = []
    valid: list[np.ndarray] = []
    origins: list[int] = []
    for k, pair in enumerate(pairs):
        raster, labels, _ = read_pair(pair, card)
        stack = raster.pixels.ndim == 3
        for z in chosen_slices(pair, raster) if stack else [0]:
            field, box = field_of(raster, rule, z)
            images.append(network_input(field, rule, card.intensity, bool(raster.inverted)))
            drawn = (labels[z] if stack else labels)[box]
            targets = _targets(lung(drawn), drawn == IGNORE, images[-1].shape[1:])
            for found, part in zip((masks, valid), targets, strict=True):
                found.append(part)
            origins.append(k)
    if not any(mask.any() for mask in masks):
        raise UserError(
            f"None of the masks holds any {card.channels[0]}.", "Choose cases in which some can be seen."
        )
    inputs = np.stack(images)
    return LabelledSet(inputs, *(np.stack(part)[:, None] for part in (masks, valid))), tuple(origins)


def mask_labels(pair: Pair) -> MaskLabels:
    """The labels in a pair's mask file, uint8; see `read_labels`. Notes and the UserError name the file."""
    try:
        found = read_labels(pair.mask, of=pair.image)
        return replace(found, notes=tuple(f"{pair.mask.name}: {note}" for note in found.notes))
    except UserError as error:
        name = "" if pair.mask.name in error.problem else f"{pair.mask.name}: "
        raise UserError(f"{name}{error.problem}", error.remedy) from error


def _targets(lungs: np.ndarray, ignored: np.ndarray, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Mask and valid, float32 0 or 1, at another size: what most of each new pixel's area is.

    lungs, ignored : bool (Y, X).
    """
    lung_share, ignored_share = resized(np.stack([lungs, ignored]), shape)[0].numpy()
    valid = ignored_share < 0.5
    return ((lung_share >= 0.5 * (1 - ignored_share)) & valid).astype(np.float32), valid.astype(np.float32)


def _at(rule: InputRule, oversize: bool) -> InputRule:
    return rule.larger(_OVERSIZE) if oversize else rule


def _whole_field(card: ModelCard) -> InputRule:
    if card.input.size is None or card.input.axes != 2:
        seen = "looks at images in tiles" if card.input.size is None else "is for volumes"
        raise UserError(
            f"The model {card.name} {seen}; only models that see the whole image can be fine-tuned.",
            "Choose another model.",
        )
    if len(card.channels) != 1:
        raise UserError(
            f"The model {card.name} has {len(card.channels)} classes; only models of one class can be "
            "fine-tuned.",
            "Choose another model.",
        )
    return card.input


def _from_manifest(folder: Path, data: DataConfig, notes: list[str]) -> list[Pair]:
    path = folder / str(data.manifest)
    try:
        head, table = read_table(path)
    except UserError as error:
        raise UserError(
            f"The manifest {path} cannot be read. {error.problem}", "Check `data.manifest`."
        ) from error
    missing = {"file", "patient", "split"} - set(head if table else ())
    if missing:
        raise UserError(f"The manifest {path} lacks {', '.join(sorted(missing))}.", "Add the columns.")
    for number, row in table:
        if not all(row.get(name) for name in ("file", "patient", "split")):
            raise UserError(f"Line {number} of the manifest {path} is not complete.", "Fill it in.")
    nobody = placeholders_among(row["patient"] for _, row in table)
    lines = [
        Line(number, row["file"], row["patient"], split=row["split"])
        for number, row in table
        if not (folder / "images" / row["file"]).is_file()
    ]
    every = list_images(folder / "images", recursive=True)
    spelled = match(lines, every)
    notes += spelled.notes
    found = {line.number: image for image, line in spelled.lines.items()}
    pairs = []
    for number, row in table:
        image = found.get(number, folder / "images" / row["file"])
        inside = image.is_relative_to(folder / "images")
        mask = folder / "masks" / (image.relative_to(folder / "images") if inside else image.name)
        patient = row["file"] if row["patient"] in nobody else row["patient"]
        pairs.append(Pair(image, _mask_there(mask), patient, row["split"]))
    if unlisted := len(set(every) - {pair.image for pair in pairs}):
        what = "1 image" if unlisted == 1 else f"{unlisted} images"
        notes.append(f"{what} in {folder / 'images'} not in the manifest: ignored.")
    return sorted(pairs, key=lambda pair: pair.image.name)


def _from_names(folder: Path, data: DataConfig, seed: int, notes: list[str]) -> list[Pair]:
    ignored = Ignored()
    images, _ = list_images_and_masks(folder / "images", ignored=ignored)
    notes += [f"{folder / 'images'}: {text}" for text in ignored.sentences()]
    names = [stem(image).split("_")[0] for image in images]
    nobody = placeholders_among(names)
    patients = [stem(image) if name in nobody else name for image, name in zip(images, names, strict=True)]
    group_of = together(list(zip(images, patients, strict=True))).groups
    groups = sorted({patients[group] for group in group_of})
    order = np.random.default_rng(seed).permutation(len(groups))
    share = {groups[k]: rank / len(groups) for rank, k in enumerate(order)}

    def split(group: str) -> str:
        return data.train if share[group] < 0.7 else data.val if share[group] < 0.85 else data.test

    return [
        Pair(image, _mask_there(folder / "masks" / image.name), patient, split(patients[group]))
        for image, patient, group in zip(images, patients, group_of, strict=True)
    ]


def _mask_there(mask: Path) -> Path:
    """The mask of that very name, however it is spelled, else the one that `io.pairs` finds for it."""
    there = as_stored(mask)
    if there.is_file() or not there.parent.is_dir():
        return there
    return masks_of_images([mask], there.parent).of.get(mask, mask)


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
