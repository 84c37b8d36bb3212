"""The pairs of a recipe: what lies in its data folder, which patient it is of, and in which split."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.patients import placeholders_among
from napari_unet.core.training_pair import TrainingPair
from napari_unet.io.formats import list_images, list_images_and_masks, stem
from napari_unet.io.ignored import Ignored
from napari_unet.io.manifest import Line, match, read_table, split_name
from napari_unet.io.names import as_stored
from napari_unet.io.pairs import masks_of_images
from napari_unet.training.recipe import COLUMNS, DataConfig, FindingConfig
from napari_unet.training.separate import together


def find_pairs(
    data: DataConfig,
    seed: int = 0,
    notes: list[str] | None = None,
    findings: Sequence[FindingConfig] = (),
) -> list[TrainingPair]:
    """All pairs of a data folder, sorted by file name.

    findings : what the manifest says of each picture, or of them what `data.tells`; then they have these and
    no masks. notes : gets what was passed over or spelled in another way, in words. Without a manifest the
    part of a file name before the first "_" is the patient, and patients are drawn 70 : 15 : 15, with equal
    files and images that look the same in one split. Where a placeholder such as ANONYMOUS stands in the
    place of a patient, each image is a patient of its own. Raises UserError if the folder, the manifest or a
    mask is missing, if a patient is in two splits, or if the manifest does not say of a picture whether it
    has a finding.
    """
    folder = _expanded(data.folder)
    if not folder.is_dir():
        raise UserError(f"The data folder {folder} does not exist.", "Correct `data.folder` in the recipe.")
    told = [] if notes is None else notes
    listed = (
        _from_manifest(folder, data, told, findings and (data.tells or findings))
        if data.manifest
        else _from_names(folder, data, seed, told)
    )
    if not listed:
        raise UserError(f"{folder} has no images.", f"Put them into its subfolder `{data.images}`.")
    check_patients(listed)
    pairs = [pair for pair in listed if pair.id not in data.leave_out]
    pairs = _with_images(pairs) if findings else _with_masks(pairs)
    if unknown := sorted(data.leave_out.keys() - {pair.id for pair in listed}):
        raise UserError(f"{folder} has no image {unknown[0]} to leave out.", "Correct `leave_out`.")
    pairs = _fewer_for_validation(_moved_to_validation(pairs, data, seed), data, seed)
    return [replace(pair, patient=data.prefix + pair.patient) for pair in pairs]


def check_patients(pairs: Iterable[TrainingPair]) -> None:
    """Raises UserError if a patient is in two splits."""
    splits: dict[str, str] = {}
    for pair in pairs:
        if splits.setdefault(pair.patient, pair.split) != pair.split:
            raise UserError(
                f"Patient {pair.patient} is in two splits.",
                "Keep each patient in one split; if two sources use one ID for two people, give one of them "
                "a `prefix`.",
            )


def of_split(pairs: list[TrainingPair], split: str) -> list[TrainingPair]:
    """Those of one split. Raises UserError if there are none."""
    chosen = [pair for pair in pairs if pair.split == split_name(split)]
    if not chosen:
        raise UserError(f"No image belongs to the split {split}.", "Correct the manifest or the recipe.")
    return chosen


def _from_manifest(
    folder: Path, data: DataConfig, notes: list[str], findings: Sequence[FindingConfig]
) -> list[TrainingPair]:
    path = folder / str(data.manifest)
    try:
        columns, table = read_table(path)
    except UserError as error:
        raise UserError(
            f"The manifest {path} cannot be read. {error.problem}", "Check `data.manifest`."
        ) from error
    called = {name: data.columns.get(name, name) for name in COLUMNS}
    wanted = {*called.values(), *(name for finding in findings for name in finding.where)}
    if missing := wanted - set(columns if table else ()):
        raise UserError(f"The manifest {path} lacks {', '.join(sorted(missing))}.", "Add the columns.")
    told = {number: {one.name.casefold(): one.told_by(row) for one in findings} for number, row in table}
    table = [(number, {name: row.get(its, "") for name, its in called.items()}) for number, row in table]
    for number, row in table:
        row["split"] = split_name(row["split"])
        if not all(row.values()) or None in told[number].values():
            raise UserError(f"Line {number} of the manifest {path} is not complete.", "Fill it in.")
    nobody = placeholders_among(row["patient"] for _, row in table)
    images, masks = folder / data.images, folder / data.masks
    lines = [
        Line(number, row["file"], row["patient"], split=row["split"])
        for number, row in table
        if not (images / row["file"]).is_file()
    ]
    every = list_images(images, recursive=True)
    spelled = match(lines, every)
    notes += spelled.notes
    found = {line.number: image for image, line in spelled.lines.items()}
    pairs = []
    for number, row in table:
        image = found.get(number, images / row["file"])
        mask = masks / (image.relative_to(images) if image.is_relative_to(images) else image.name)
        patient = row["file"] if row["patient"] in nobody else row["patient"]
        said = {name: bool(has) for name, has in told[number].items()}
        pairs.append(TrainingPair(image.name, image, mask, patient, split=row["split"], findings=said))
    if unlisted := len(set(every) - {pair.image for pair in pairs}):
        what = "1 image" if unlisted == 1 else f"{unlisted} images"
        notes.append(f"{what} in {images} not in the manifest: ignored.")
    return sorted(pairs, key=lambda pair: pair.id)


def _from_names(folder: Path, data: DataConfig, seed: int, notes: list[str]) -> list[TrainingPair]:
    ignored = Ignored()
    images, _ = list_images_and_masks(folder / data.images, ignored=ignored)
    notes += [f"{folder / data.images}: {text}" for text in ignored.sentences()]
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
        TrainingPair(
            image.name, image, folder / data.masks / image.name, patient, split=split(patients[group])
        )
        for image, patient, group in zip(images, patients, group_of, strict=True)
    ]


def _with_images(pairs: list[TrainingPair]) -> list[TrainingPair]:
    """Without masks. Raises UserError if an image is missing."""
    for pair in pairs:
        if not pair.source.first.is_file():
            raise UserError(f"There is no image {pair.source.first}.", "Correct the manifest.")
    return [replace(pair, mask=None) for pair in pairs]


def _with_masks(pairs: list[TrainingPair]) -> list[TrainingPair]:
    """With the mask of that very name, however it is spelled, else the one that `io.pairs` finds for it.

    Raises UserError if an image or a mask is missing.
    """
    wanted: dict[Path, list[Path]] = defaultdict(list)
    found: dict[Path, Path] = {}
    _with_images(pairs)
    for pair in pairs:
        mask = as_stored(cast(Path, pair.mask))
        if mask.is_file() and mask != pair.source.first:
            found[mask] = mask
        elif mask.parent.is_dir():
            wanted[mask.parent].append(mask)
    for folder, masks in wanted.items():
        found |= masks_of_images(masks, folder).of
    with_masks = []
    for pair in pairs:
        mask = as_stored(cast(Path, pair.mask))
        if mask not in found:
            raise UserError(f"{pair.id} has no mask ({mask}).", "Add the mask or take the image out.")
        with_masks.append(replace(pair, mask=found[mask]))
    return with_masks


def _moved_to_validation(pairs: list[TrainingPair], data: DataConfig, seed: int) -> list[TrainingPair]:
    """With the images of `val_patients` in the val split. Raises UserError if there are no such patients."""
    if not data.val_patients:
        return pairs
    there = sorted({pair.patient for pair in pairs if pair.split == split_name(data.train)})
    if isinstance(data.val_patients, int):
        if data.val_patients >= len(there):
            raise UserError(
                f"The split {data.train} has {len(there)} patients: {data.val_patients} of them for "
                "validation leave none to train with.",
                "Lower `val_patients`.",
            )
        order = np.random.default_rng(seed).permutation(len(there))
        chosen = {there[k] for k in order[: data.val_patients]}
    else:
        chosen = set(data.val_patients)
        if unknown := sorted(chosen - set(there)):
            raise UserError(f"The split {data.train} has no patient {unknown[0]}.", "Correct `val_patients`.")
    return [
        replace(pair, split=split_name(data.val))
        if pair.patient in chosen and pair.split == split_name(data.train)
        else pair
        for pair in pairs
    ]


def _fewer_for_validation(pairs: list[TrainingPair], data: DataConfig, seed: int) -> list[TrainingPair]:
    """With at most `val_images` images in the val split, of whole patients; the others are in no split."""
    if not data.val_images:
        return pairs
    own: dict[str, int] = Counter(pair.patient for pair in pairs if pair.split == split_name(data.val))
    there, kept, count = sorted(own), set(), 0
    for k in np.random.default_rng(seed).permutation(len(there)):
        if count + own[there[k]] <= data.val_images:
            kept.add(there[k])
            count += own[there[k]]
    return [pair for pair in pairs if pair.split != split_name(data.val) or pair.patient in kept]


def _expanded(folder: str) -> Path:
    if "$NAPARI_UNET_DATA" in folder and not os.environ.get("NAPARI_UNET_DATA"):
        raise UserError(
            "The recipe takes its images from $NAPARI_UNET_DATA, which is not set.",
            "Set the environment variable NAPARI_UNET_DATA to the data folder.",
        )
    return Path(os.path.expandvars(folder)).expanduser()
