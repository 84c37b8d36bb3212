"""Accepted and corrected masks out of a project, in the formats of other tools."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.events import CaseDone
from napari_unet.core.label_checks import label_problem, remedy
from napari_unet.core.label_set import LUNGS, RIGHT_AND_LEFT, LabelSet
from napari_unet.core.labels import IGNORE, lung
from napari_unet.core.lung_sides import told_apart
from napari_unet.core.raster import RADIOGRAPHS, Raster
from napari_unet.io.formats import read_raster
from napari_unet.io.sources import named_paths
from napari_unet.review.exporting.burned_in import find_text
from napari_unet.review.exporting.folder import new_folder
from napari_unet.review.exporting.formats import FORMATS
from napari_unet.review.exporting.item import ExportResult, Item, NotExported, Writer
from napari_unet.review.exporting.kinds import Format
from napari_unet.review.exporting.manifest import Row, write_manifest, write_readme
from napari_unet.review.exporting.pixels import upright
from napari_unet.review.exporting.splits import Ratios
from napari_unet.review.exporting.together import Together, split_cases
from napari_unet.review.faults import StoreFault
from napari_unet.review.history import history_of
from napari_unet.review.key import unique_names
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import USABLE, Case, FileState

__all__ = ["ExportOptions", "ExportResult", "Format", "Ratios", "export_steps"]

_TOLD = 5  # cases with labels that do not fit
_FILE_PROBLEMS = {
    FileState.MISSING: "its image file is missing",
    FileState.CHANGED: "its image file has changed since it was added",
    FileState.UNREADABLE: "its image file cannot be read",
}


@dataclass(frozen=True)
class ExportOptions:
    """ratios, seed : of the split by patient, see `together`. left_right : of lungs 1 = right, 2 = left lung,
    else 1 = lung, unless the project has both labels.

    images : the images go along, without headers; nnU-Net and COCO always have theirs. source_names : files
    are called as their sources are, which may be patients' names; by : who requested that.
    """

    ratios: Ratios = field(default_factory=Ratios)
    seed: int = 0
    left_right: bool = False
    images: bool = True
    source_names: bool = False
    by: str = ""


def export_steps(
    project: ReviewProject,
    folder: Path,
    formats: Sequence[Format] = (Format.PNG,),
    options: ExportOptions | None = None,
) -> Generator[CaseDone, None, ExportResult]:
    """Writes accepted and corrected cases to `folder`, one subfolder a format, with a manifest and a README.

    Yields a CaseDone per case; `error` says why one is skipped. All is written beside `folder` and moved in
    at the end: a generator that is closed leaves nothing. Paths of sources are never written, their names
    only with `source_names`, patients only in DICOM segmentations for the archive.
    Raises UserError if `folder` exists and is not empty, if no case is accepted, if the manifest of the
    project has a patient or a file in two splits, or if the disk does not take it.
    """
    options = options or ExportOptions()
    held = _held(project.labels, options.left_right)
    cases = project.cases()
    chosen = [case for case in cases if case.status in USABLE]
    if not chosen:
        raise UserError("No case is accepted or corrected yet.", "Accept some masks first.")
    together = split_cases(project, cases, chosen, options.ratios, options.seed)
    sources = project.sources() if options.source_names else {}
    named = dict(zip(sources, named_paths(sources.values()), strict=True))
    names, changed = unique_names({case.id: named[case.id] for case in chosen if case.id in named})
    with new_folder(folder) as partial:
        _refuse_labels(project, chosen, held)
        writers = [FORMATS[name](partial / name.value, held) for name in dict.fromkeys(formats)]
        so_far = _SoFar()
        for done, case in enumerate(chosen, start=1):
            error = ""
            try:
                item = _item(project, case, together, held, names.get(case.id, ""))
            except NotExported as reason:
                error = str(reason)
                so_far.left_out.append((case.id, error))
            else:
                error = _write(item, writers, options.images, so_far)
            yield CaseDone(case.id, done, len(chosen), error)
        if not so_far.rows:
            raise UserError("None of the cases could be exported.", f"The first: {so_far.left_out[0][1]}.")
        notes = [*together.warnings, *_renamed(changed, names, cases)]
        notes += [note for writer in writers for note in writer.finish()]
        result = so_far.result(folder, notes, together.lines)
        write_manifest(partial / "manifest.csv", so_far.rows)
        called = options.source_names
        write_readme(partial / "README.txt", project.protocol, held, result, called)
        if called:
            project.note("exported with source names", options.by, cases=len(result.exported))
        if Format.DICOM_SEG_ARCHIVE in formats:
            project.note("exported with patients", options.by, cases=len(result.exported))
    return result


def _held(own: LabelSet, left_right: bool) -> LabelSet:
    """What exported masks hold: the project's labels; of lungs the sides where they are requested."""
    if own.of_lungs:
        return RIGHT_AND_LEFT if left_right or own.tells_sides else LUNGS
    if left_right:
        raise UserError(
            f"Masks of lungs tell right from left; those of this project hold {own.in_words()}.",
            "Omit --left-right: each label keeps its number.",
        )
    return own


def _refuse_labels(project: ReviewProject, cases: Sequence[Case], held: LabelSet) -> None:
    """Raises UserError, with the cases, if a mask has labels that the export would change silently."""
    wrong = []
    for case in cases:
        try:
            labels = None if case.revision is None else project.read_mask(case.revision)
        except StoreFault:
            raise
        except UserError:
            continue  # reported with its case
        stack = case.modality in RADIOGRAPHS
        if labels is None:
            continue
        known = project.label_set_of(case.revision) if held.of_lungs else held
        if problem := label_problem(labels, case.row_direction, stack, held.tells_sides, known):
            wrong.append(f"Case {case.number} ({case.id}): {problem}")
    if wrong:
        more = f" There are {len(wrong)} such cases." if len(wrong) > _TOLD else ""
        raise UserError(" ".join(wrong[:_TOLD]) + more, f"Nothing was exported. {remedy(held)}")


@dataclass
class _SoFar:
    rows: list[Row] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    text: list[str] = field(default_factory=list)

    def result(self, folder: Path, notes: list[str], together: tuple[str, ...]) -> ExportResult:
        split_of = {row.case: row.split for row in self.rows}
        return ExportResult(
            folder=folder,
            exported=tuple(split_of),
            left_out=tuple(self.left_out),
            text=tuple(self.text),
            splits=dict(Counter(split_of.values())),
            notes=tuple(dict.fromkeys(notes)),
            together=together,
        )


def _item(project: ReviewProject, case: Case, together: Together, held: LabelSet, name: str) -> Item:
    """Image and mask of one case. Raises NotExported, in words without names."""
    if case.file_state in _FILE_PROBLEMS:
        raise NotExported(_FILE_PROBLEMS[case.file_state])
    if case.revision is None:
        raise NotExported("it has no mask")
    source = project.source(case.id)
    try:
        if case.content_hash and source.content_hash() != case.content_hash:
            raise NotExported(_FILE_PROBLEMS[FileState.CHANGED])
        raster = read_raster(source)
    except (OSError, UserError) as error:
        state = FileState.UNREADABLE if source.exists() else FileState.MISSING
        raise NotExported(_FILE_PROBLEMS[state]) from error
    try:
        labels = project.read_mask(case.revision)
    except StoreFault:
        raise
    except UserError as error:
        raise NotExported("its mask is damaged; `review verify` has details") from error
    if labels.shape != raster.shape:
        raise NotExported("its mask and its image differ in size")
    return Item(
        case=case.id,
        patient=case.patient,
        split=together.splits[case.id],
        group=together.groups[case.id],
        name=name,
        status=case.status,
        revision=project.revision(case.revision).sha256,
        raster=upright(raster),
        labels=_labels(labels, project.label_set_of(case.revision), raster, case.row_direction, held),
        source=source,
        history=history_of(project, case),
    )


def _write(item: Item, writers: Sequence[Writer], images: bool, so_far: _SoFar) -> str:
    """Hands one case to every writer. Returns why formats left it out, "" if none did."""
    problems = []
    with_image = False
    for writer in writers:
        try:
            image, mask = writer.add(item, images)
        except NotExported as reason:
            problems.append(f"{writer.format}: {reason}")
            continue
        with_image |= bool(image)
        so_far.rows.append(
            Row(item.case, item.patient, image, mask, writer.format, item.status, item.revision, item.split)
        )
    if with_image and find_text(item.raster.pixels):
        so_far.text.append(item.case)
    so_far.left_out += [(item.case, problem) for problem in problems]
    return "; ".join(problems)


def _renamed(changed: Sequence[str], names: Mapping[str, str], cases: Sequence[Case]) -> list[str]:
    """Which files are not quite called as their sources: several are alike, or hold odd signs."""
    if not changed:
        return []
    number = {case.id: case.number for case in cases}
    listed = "; ".join(f"case {number[case]} is {names[case]}" for case in changed[:_TOLD])
    more = f"; and {len(changed) - _TOLD} more" if len(changed) > _TOLD else ""
    why = "because sources share a name or not every system allows it"
    return [f"Some files were renamed, {why}: {listed}{more}."]


def _labels(
    labels: np.ndarray, known: LabelSet, raster: Raster, row_direction: str | None, held: LabelSet
) -> np.ndarray:
    """Labels as exported: 1 for any lung, or 1 right and 2 left; other sets as they are. IGNORE stays.

    known : what they mean in the project.
    """
    if not held.of_lungs:
        return labels
    if held.tells_sides:
        stack = raster.modality in RADIOGRAPHS
        exported = told_apart(labels, known, row_direction or raster.row_direction, per_slice=stack)
    else:
        exported = lung(labels).astype(np.uint8)
    exported[labels == IGNORE] = IGNORE
    return exported
