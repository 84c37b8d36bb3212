"""What was done in a project: `report.csv`, one row per case, and `summary.html`, one page to print."""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

from napari_unet.core.errors import UserError
from napari_unet.core.events import CaseDone
from napari_unet.core.label_sizes import label_sizes, size_columns
from napari_unet.core.lung_measures import LungMeasures
from napari_unet.core.measure import Measures
from napari_unet.io.atomic import atomic_write
from napari_unet.review.check_results import follow_masks
from napari_unet.review.exporting.folder import new_folder
from napari_unet.review.exporting.manifest import write_rows
from napari_unet.review.faults import StoreFault
from napari_unet.review.record import Revision
from napari_unet.review.reporting.lines import COLUMNS, CaseLine, cell
from napari_unet.review.reporting.lungs import lines_in_words, lungs_of, mask_of, measured_in_volume, sides_of
from napari_unet.review.reporting.page import page
from napari_unet.review.reporting.pictures import Correction, correction_picture
from napari_unet.review.reporting.scores import ScoreTable
from napari_unet.review.reporting.summary import summarise
from napari_unet.review.revisions import Comparison, begun_with, compare
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import DECIDED, USABLE, AuthorKind, Case, Measurement, Status

_PICTURES = 4


def report_steps(project: ReviewProject, folder: Path, by: str) -> Generator[CaseDone, None, Path]:
    """Writes report.csv and summary.html into `folder`, which must be new or empty; returns it.

    by : who reads them: they have scores only of cases whose scores this reader may see. Yields a CaseDone
    per case. Names and paths are never written; notes are. Raises UserError if there are no
    cases or the folder cannot be written.
    """
    follow_masks(project)
    cases, labels, scores = project.cases(), project.labels, ScoreTable(project.visible_calls(by))
    if not cases:
        raise UserError("The project has no cases yet.", "Add images first.")
    with new_folder(folder) as partial:
        lines, rows, corrections = [], [], []
        for done, case in enumerate(cases, start=1):
            line, first = _line(project, case)
            lines.append(line)
            mask = mask_of(project, case)
            if mask is not None and labels.of_lungs:
                sides = sides_of(project, case, mask)
                lungs = measured_in_volume(project, case, sides)
                in_volume = {} if lungs is None else _in_volume(lungs)
                lines[-1] = line = replace(line, **(_per_lung(lungs_of(case, sides)) | in_volume))
            sizes = label_sizes(mask, labels, case.spacing_mm)
            rows.append([*line.cells(), *map(cell, sizes), *scores.cells(case.id)])
            if case.status == Status.CORRECTED and first is not None and line.dice is not None:
                corrections.append((line.dice, case, first))
            yield CaseDone(case.id, done, len(cases))
        corrections.sort(key=lambda one: one[0])
        write_rows(partial / "report.csv", (*COLUMNS, *size_columns(labels), *scores.columns), rows)
        pictures = _pictures(project, corrections)
        html = page(project.folder.name, project.protocol, summarise(lines), pictures, labels)
        with atomic_write(partial / "summary.html") as path:
            path.write_text(html, encoding="utf-8")
    return folder


def heart_to_chest(lines: tuple[Measurement, ...]) -> float | None:
    """The cardiothoracic ratio: the last line of the heart over the last one of the chest, in one unit."""
    last = {line.kind: line for line in lines}
    heart, chest = last.get("heart"), last.get("chest")
    if heart is None or chest is None or heart.in_mm != chest.in_mm or not chest.length:
        return None
    return heart.length / chest.length


def _line(project: ReviewProject, case: Case) -> tuple[CaseLine, Revision | None]:
    """A case's row, and its first mask if the case has one and people changed it."""
    masks = project.revisions(case.id) if case.revision is not None else []
    first = begun_with(masks)
    changed = _against_first(project, case, masks, first) if case.status in USABLE else None
    line = CaseLine(
        case=case.id,
        number=case.number,
        status=case.status,
        reason=case.reason,
        patient=case.patient,
        view=case.view,
        modality=case.modality,
        split=case.split,
        reviewer=case.reviewer,
        minutes=case.active_seconds / 60,
        decided=case.decided.isoformat() if case.decided and case.status in DECIDED else "",
        first_mask=_made_by(first),
        masks=len(masks),
        slices=None if case.shape is None else case.shape[0] if len(case.shape) == 3 else 1,
        dice=None if changed is None else _known(changed.dice),
        hd95=None if changed is None else _known(changed.hd95),
        hd95_unit="" if changed is None else "px" if case.spacing_mm is None else "mm",
        changed_mm2=None if changed is None else changed.changed_mm2,
        changed_px=None if changed is None else changed.changed_pixels,
        checks=";".join(case.checks or ()),
        uncertainty=case.uncertainty,
        heart_to_chest=heart_to_chest(case.measurements),
        corrected=case.changed.isoformat() if case.changed else "",
        corrected_by=case.changed_by,
        lengths=lines_in_words(case.measurements),
        note=case.note,
    )
    return line, first


def _in_volume(lungs: LungMeasures) -> dict[str, Any]:
    """Without what is padding in the image, so that right and left add up to the volume."""
    return {name: value for name, value in lungs.in_report().items() if value is not None}


def _per_lung(lungs: Measures) -> dict[str, Any]:
    return {
        "right_px": lungs.right_pixels,
        "left_px": lungs.left_pixels,
        "right_mm2": lungs.right_mm2,
        "left_mm2": lungs.left_mm2,
        "right_ml": lungs.right_ml if lungs.pixels else None,
        "left_ml": lungs.left_ml if lungs.pixels else None,
        "sides": "assumed" if lungs.sides_assumed else "",
    }


def _against_first(
    project: ReviewProject, case: Case, masks: list[Revision], first: Revision | None
) -> Comparison | None:
    """The current mask against the first; None without a first mask, or if one of both is damaged."""
    current = next((mask for mask in masks if mask.id == case.revision), None)
    if first is None or current is None:
        return None
    if current.parent == first.id and current.changed_pixels is not None:
        unknown = math.nan
        return Comparison(
            unknown if current.dice is None else current.dice,
            unknown if current.hd95 is None else current.hd95,
            current.changed_pixels,
            current.changed_mm2,
        )
    try:
        labels = project.read_mask(current.id)
        before = labels if current.id == first.id else project.read_mask(first.id)
    except StoreFault:
        raise
    except UserError:
        return None
    same = labels.shape == before.shape
    return compare(labels, before, case.spacing_mm, project.labels) if same else None


def _pictures(project: ReviewProject, corrections: list[tuple[float, Case, Revision]]) -> list[Correction]:
    """Before and after of the cases that changed most; those whose files cannot be read are passed over."""
    pictures: list[Correction] = []
    for overlap, case, first in corrections:
        if len(pictures) == _PICTURES:
            break
        picture = correction_picture(project, case, first, overlap)
        if picture is not None:
            pictures.append(picture)
    return pictures


def _made_by(first: Revision | None) -> str:
    if first is None:
        return ""
    if first.author.kind == AuthorKind.FILE:
        return "file"
    return f"{first.author.name} {first.author.version}".strip()


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
