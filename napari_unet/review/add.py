"""Images into a review project: what there is to add, and masks that the user has already."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_unet.core.errors import UserError
from napari_unet.core.events import CaseDone
from napari_unet.core.patients import placeholders_among
from napari_unet.core.source import Source
from napari_unet.core.wording import counted, size_in_words
from napari_unet.io.formats import read_labels
from napari_unet.io.ignored import Ignored
from napari_unet.io.kinds import family_of
from napari_unet.io.manifest import match, read_manifest, split_name
from napari_unet.io.names import (
    expanded,
    is_index,
    is_mask_name,
    is_readable_image,
    readable_files,
    without_results,
)
from napari_unet.io.pairs import masks_of_images
from napari_unet.io.series_list import EVERY, SeriesChoice, chosen
from napari_unet.io.sources import named_paths, sources_among
from napari_unet.io.unpacked import listed
from napari_unet.review.create import DATABASE_NAME
from napari_unet.review.moved import adopt_moved
from napari_unet.review.scan import read_facts
from napari_unet.review.types import DECIDED, Author, AuthorKind, Case, NewCase, Status

if TYPE_CHECKING:
    from napari_unet.review.store import ReviewProject

MASKS_LEFT_OUT = ("masks by their name", "in a folder of masks")
"""Why files are left out that `attach_masks` could take."""
_BY_NAME, _IN_FOLDER = MASKS_LEFT_OUT
_TOLD = 3  # reasons why there is nothing to add
_MASK_FOLDERS = frozenset({"mask", "masks", "label", "labels", "labelstr", "labelsts"})


@dataclass(frozen=True)
class Found:
    """What there is to add. problems : what is wrong or was ignored, in words for the person."""

    cases: list[NewCase]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Attached:
    """Ids of cases: got a mask, have none, are accepted now.

    problems : in words, by case number. notes : likewise, what was assumed in reading the masks. ignored :
    which files in the folder are not masks.
    """

    attached: tuple[str, ...]
    without: tuple[str, ...]
    accepted: tuple[str, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


def gather(
    inputs: Sequence[Path | str],
    *,
    manifest: Path | None = None,
    split: str | None = None,
    masks: Path | None = None,
    choice: SeriesChoice = EVERY,
) -> Found:
    """The images in folders (and below), files and globs, each once, in the order given.

    The slices of a series of CT, MR or PET are one image. manifest : see io.manifest; a line names a file, or
    the folder of a series; `split` takes the images of one split of it only. masks : a folder whose
    files are masks, not images. Ignored and reported: `*_mask.*`, overlays and probabilities beside their
    image, and sub-folders called masks or labels. Review projects are passed by.
    choice : which series are taken where one folder holds several; where nobody chose, none, which is told.
    Raises UserError if nothing is there, the manifest is not valid, or no line of it has that split.
    """
    if split is not None and manifest is None:
        raise UserError("A split was named, but no manifest.", "Name the manifest that says what is in it.")
    ignored = Ignored()
    files, problems = _images(inputs, masks, ignored)
    sources, undecided = chosen(sources_among(files, ignored), choice)
    problems += [str(error) for _, error in undecided] + ignored.sentences()
    lines = read_manifest(manifest) if manifest else []
    if split is not None:
        splits = sorted({line.split for line in lines if line.split})
        lines = [line for line in lines if line.split == split_name(split)]
        if not lines:
            there = f"It has {', '.join(splits)}." if splits else "It has no column split."
            raise UserError(f"The manifest has no split {split}.", there)
    if not sources:
        why = " ".join(problems[:_TOLD])
        raise UserError(
            f"There is no image to add. {why}".rstrip(), "Choose images, or a folder that holds some."
        )
    if manifest is None:
        return Found([NewCase(source) for source in sources], tuple(problems))
    images = named_paths(sources)
    found = match(lines, images)
    problems += (*found.notes, *found.problems)
    if not found.lines:
        raise UserError(
            "No line of the manifest names one of the images"
            f" (it has {lines[0].file}, the first image is {images[0].name}).",
            "Its column file must hold the images' names, or the end of their paths.",
        )
    alone = [image for image in images if image not in found.lines]
    if split is None and alone:
        problems.append(f"{counted(len(alone), 'image')} not in the manifest: the patient is unknown.")
    nobody = placeholders_among(line.patient for line in lines if line.patient)
    nameless = sum(found.lines[i].patient in nobody for i in images if i in found.lines)
    if nameless:
        problems.append(
            f"{counted(nameless, 'image')} in the manifest with a placeholder such as ANONYMOUS as the "
            "patient: the patient counts as unknown."
        )
    cases = []
    for source, image in zip(sources, images, strict=True):
        line = found.lines.get(image)
        fields = (line.patient, line.view, line.split) if line else ()
        if line or split is None:
            cases.append(NewCase(source, *fields))
    return Found(cases, tuple(problems))


def add_found(project: ReviewProject, found: Found, by: str) -> list[tuple[str, bool]]:
    """Adds what `gather` found: (case id, is new) of each, in order.

    An image that is a case already, also one that was moved since, is not new.
    """
    adopt_moved(project, [Source.of(case.source) for case in found.cases], by)
    return project.add(found.cases, by)


def attach_masks(
    project: ReviewProject, ids: Sequence[str], masks: Path, by: str, accept: bool = False
) -> Generator[CaseDone, None, Attached]:
    """Gives cases the masks that lie in a folder, by the rule of io.pairs; yields CaseDone (case id).

    accept : cases that then have a mask from a file, not an empty one, are marked as accepted. A case that is
    decided, or whose mask a person has made, is left as it is. A mask of another size than its image, or with
    labels that are not known, is reported and ignored. Raises UserError if the folder cannot be read.
    """
    if not masks.is_dir():
        raise UserError(f"There is no folder {masks}.", "Choose the folder that holds the masks.")
    known, every = {case.id: case for case in project.cases()}, project.sources()
    paths = dict(zip(every, named_paths(every.values()), strict=True))
    cases = {case: known[case] for case in ids}
    files = masks_of_images([paths[case] for case in cases], masks, [every[case] for case in cases])
    problems = files.problems
    attached, without, accepted, notes = [], [], [], []
    for done, case in enumerate(cases, start=1):
        path = paths[case]
        error = ""
        try:
            if path in files.unclear:
                raise UserError(files.unclear[path], "")
            if _may_attach(project, cases[case]) and path in files.of:
                said = _attach(project, cases[case], every[case], files.of[path], by)
                notes += [f"Case {cases[case].number}: {note}" for note in said]
                attached.append(case)
            now = project.case(case)
            if now.revision is None:
                without.append(case)
            elif accept and now.status not in DECIDED and _from_file(project, now):
                project.decide(case, Status.ACCEPTED, by)
                accepted.append(case)
        except UserError as wrong:
            error = str(wrong)
            problems.append(f"Case {cases[case].number}: {error}")
            if project.case(case).revision is None:
                without.append(case)
        yield CaseDone(case, done, len(cases), error)
    return Attached(*map(tuple, (attached, without, accepted, problems, notes, files.ignored)))


def _attach(project: ReviewProject, case: Case, image: Source, path: Path, by: str) -> tuple[str, ...]:
    """Returns what was assumed in reading the mask."""
    if case.shape is None:
        project.put_facts({case.id: read_facts(image)}, by)
        case = project.case(case.id)
    if case.shape is None:
        raise UserError("The image cannot be read, so its mask was not attached.", "Look at the image file.")
    found = read_labels(path, of=image, labels=project.labels)
    labels = found.labels
    if labels.shape != case.shape:
        raise UserError(
            f"The mask has the size {size_in_words(labels.shape)}, its image {size_in_words(case.shape)}.",
            "Choose the mask of this image, with the same size.",
        )
    author = Author(AuthorKind.FILE, by)
    project.add_revision(case.id, labels, author, note="from a file", sides=found.sides)
    return found.notes


def _may_attach(project: ReviewProject, case: Case) -> bool:
    """Work of people is not replaced by a file."""
    if case.status in DECIDED:
        return False
    return case.revision is None or project.revision(case.revision).author.kind != AuthorKind.PERSON


def _from_file(project: ReviewProject, case: Case) -> bool:
    return case.revision is not None and project.revision(case.revision).author.kind == AuthorKind.FILE


def _images(
    inputs: Sequence[Path | str], masks: Path | None, ignored: Ignored
) -> tuple[list[Path], list[str]]:
    """Images by their real paths, each once; what is wrong. ignored : gets what was passed over."""
    files: dict[Path, None] = {}
    problems: list[str] = []
    left_out: Counter[str] = Counter()
    beyond = None if masks is None else masks.resolve()
    for path in expanded(map(str, inputs)):
        if path.is_dir():
            if _in_project(path.resolve()):
                problems.append(f"{path} is in a review project: its pictures are not added.")
                continue
            here, out = _walk(path.resolve(), beyond, ignored)
            left_out.update(out)
            files.update(dict.fromkeys(here))
        elif not os.path.lexists(path):
            problems.append(f"{path} does not exist." if path.suffix else f"Nothing matches {path}.")
        elif is_index(path):
            try:
                files.update(dict.fromkeys(file.resolve() for file in listed(path)))
            except UserError as error:
                problems.append(str(error))
        elif is_mask_name(path):
            left_out[_BY_NAME] += 1
        elif not is_readable_image(path):
            problems.append(_why_no_image(path))
        else:
            files.setdefault(path.resolve())
    problems += [f"Left out {counted(n, 'file')}: {why}." for why, n in left_out.items() if n]
    return list(files), problems


def _why_no_image(path: Path) -> str:
    try:
        return f"{path.name} is a {family_of(path)} file by its content, but not by its name. Rename it."
    except UserError as error:
        return str(error)


def _walk(folder: Path, masks: Path | None, ignored: Ignored) -> tuple[list[Path], Counter[str]]:
    images: list[Path] = []
    out: Counter[str] = Counter()
    for here, folders, names in os.walk(folder):
        place = Path(here)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if (place / DATABASE_NAME).is_file():
            folders.clear()
            continue
        readable = readable_files([place / name for name in sorted(names)], ignored)
        in_masks = place != folder and any(
            part.casefold() in _MASK_FOLDERS for part in place.relative_to(folder).parts
        )
        if in_masks or (masks is not None and masks != folder and place.is_relative_to(masks)):
            out[_IN_FOLDER] += len(readable)
            continue
        candidates = [path for path in readable if not is_mask_name(path)]
        out[_BY_NAME] += len(readable) - len(candidates)
        kept = without_results(candidates)
        out["overlays and probabilities"] += len(candidates) - len(kept)
        images += kept
    return images, out


def _in_project(folder: Path) -> bool:
    return any((place / DATABASE_NAME).is_file() for place in (folder, *folder.parents))
