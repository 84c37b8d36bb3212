"""The work of `segment`: masks, measures and files of each case."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from napari_unet.cli.case_batch import CaseBatch, Predicted, without_names
from napari_unet.cli.case_result import Result, resumed
from napari_unet.cli.inputs import Case, Inputs
from napari_unet.cli.report import REPORT, Row, write_report
from napari_unet.cli.resume import Earlier, ResumeRecord
from napari_unet.core.auto import AUTO
from napari_unet.core.checks import CheckResult, check_mask, nothing_marked
from napari_unet.core.errors import UserError
from napari_unet.core.events import Note, TileDone
from napari_unet.core.label_set import LUNGS, RIGHT_AND_LEFT, LabelSet
from napari_unet.core.label_sizes import label_sizes, size_columns
from napari_unet.core.lung_measures import lung_measures
from napari_unet.core.lung_sides import Counted, split_and_counted, split_left_right
from napari_unet.core.mask_history import Made, MaskHistory
from napari_unet.core.masks import count_parts
from napari_unet.core.measure import Measures, measure
from napari_unet.core.prediction import Prediction
from napari_unet.core.raster import Raster, hounsfield
from napari_unet.core.steps import run
from napari_unet.core.volume_checks import check_volume, thinned_slices
from napari_unet.engine.here import steps
from napari_unet.io.dicom_identity import ForResearch
from napari_unet.io.dicom_seg import WrittenSeg, write_seg
from napari_unet.io.formats import mask_suffix, write_mask, write_overlay, write_probability

_NAMED = 10  # slices that a check result names


@dataclass(frozen=True)
class Options:
    """What the user asked for. threshold, answer : None is the model's own.

    sides : right and left lung apart (True), joined (False), or as the model has them (None).

    seg : a DICOM segmentation too, for the archive; with `anonymous` for research.
    """

    output: Path
    model: str = AUTO
    threshold: float | None = None
    device: str = "auto"
    sides: bool | None = None
    probability: bool = False
    overlay: bool = False
    anonymous: bool = False
    answer: str | None = None
    seg: bool = False


class Batch(CaseBatch[Result]):
    """`segment`: see `CaseBatch`. label_columns : of the report, for the labels of the masks made."""

    def __init__(self, inputs: Inputs, options: Options, record: ResumeRecord) -> None:
        super().__init__(inputs, options.output, options.anonymous, record, REPORT)
        self._options = options
        self.label_columns: tuple[str, ...] = ()

    @property
    def rows(self) -> list[Row]:
        """Of the report, for the cases done so far, in the order of the inputs."""
        return [result.row for result in self.in_order(lambda result: result.row.case)]

    def write_report(self) -> None:
        """`report.csv` for the cases done so far."""
        write_report(self._options.output, self.rows, self.label_columns)

    def _ask(
        self, case: Case, raster: Raster, on_progress: Callable[[float], None]
    ) -> tuple[dict[str, Path], Prediction]:
        return self._targets(case, raster), self._predict(raster, on_progress)

    def _resumed(self, case: Case, earlier: Earlier) -> Result:
        return resumed(earlier, self._input(case))

    def _keep(self, result: Result) -> Result:
        self.label_columns = self.label_columns or result.label_columns
        return super()._keep(result)

    def _without(self, case: Case, error: str) -> Result:
        return Result(Row(case=case.name, error=error), self._input(case))

    def _finish(self, case: Case, made: Predicted) -> Result:
        """Masks, files and figures of what the model said."""
        start = time.perf_counter()
        raster, prediction, targets = made.raster, made.prediction, made.targets
        options = self._options
        said, known = prediction.labels(), prediction.label_set
        mask = said > 0
        sides, counted = (said, None) if known.tells_sides else _sides(mask, prediction)
        labels, written = said, known
        if known.of_lungs:
            apart = known.tells_sides if options.sides is None else options.sides
            labels, written = (sides, RIGHT_AND_LEFT) if apart else (mask, LUNGS)
        elif options.sides:
            raise UserError(f"{prediction.model} marks {known.in_words()}.", "Omit --labels to get them.")
        files = [write_mask(targets["mask"], labels, raster)]
        if options.probability:
            files.append(write_probability(targets["probability"], prediction.foreground_slabs(), raster))
        if options.overlay:
            files.append(write_overlay(targets["overlay"], raster, labels, written))
        seg, no_seg = (None, "")
        if options.seg:
            seg, no_seg = self._seg(case, raster, labels, written, prediction, targets["seg"])
        notes = prediction.notes
        if seg is not None:
            files.append(seg.path)
            notes = (*notes, *seg.notes)
        results = _check_results(sides, prediction, raster, counted)
        lungs = None
        if known.of_lungs and prediction.is_volume:
            lungs = lung_measures(sides, raster, prediction.stopped_at)
        measured = measure(mask, prediction.spacing_mm, prediction.row_direction, labels=sides)
        row = Row(
            case=case.name,
            model=prediction.model,
            version=prediction.version,
            device=prediction.device,
            seconds=made.seconds + time.perf_counter() - start,
            area_mm2=measured.area_mm2,
            parts=_count_parts(mask, prediction) if counted is None else len(counted[2]),
            checks=tuple(dict.fromkeys([*prediction.image_checks, *(str(found.code) for found in results)])),
            area_px=measured.pixels,
            **(_of_sides(measured) if known.of_lungs else {}),
            **(lungs.in_report() if lungs is not None else {}),
            label_sizes=label_sizes(said, known, prediction.spacing_mm),
        )
        return Result(
            row,
            self._input(case),
            tuple(files),
            results,
            (*notes, no_seg) if no_seg else notes,
            slices=1 if mask.ndim == 2 else len(mask),
            spacing_known=prediction.spacing_mm is not None,
            sides_assumed=known.of_lungs and measured.sides_assumed and measured.pixels > 0,
            label_columns=size_columns(known),
            no_seg=no_seg,
            lungs=lungs,
            chosen=prediction.chosen,
        )

    def _seg(
        self,
        case: Case,
        raster: Raster,
        labels: np.ndarray,
        known: LabelSet,
        prediction: Prediction,
        target: Path,
    ) -> tuple[WrittenSeg | None, str]:
        """The DICOM segmentation of labels, of which `known` says what they are, or why there is none."""
        history = MaskHistory(Made.AUTOMATIC, prediction.model, prediction.version)
        research = ForResearch(case.name, images=False) if self._options.anonymous else None
        try:
            return write_seg(target, labels, raster, known, history, research, case.source), ""
        except UserError as error:
            reason = without_names(str(error), case) if self._options.anonymous else str(error)
            return None, f"No DICOM segmentation: {reason}"

    def _predict(self, raster: Raster, on_progress: Callable[[float], None]) -> Prediction:
        options = self._options
        work = steps(
            "segment",
            raster=raster,
            model=options.model,
            output=options.answer,
            threshold=options.threshold,
            device=options.device,
        )

        def tell(event: TileDone | Note) -> None:
            if isinstance(event, TileDone):
                on_progress(event.done / event.total)

        prediction: Prediction = run(work, tell)
        return prediction

    def _targets(self, case: Case, raster: Raster) -> dict[str, Path]:
        mask = mask_suffix(raster)
        endings = {"mask": mask, "probability": mask.replace(".png", ".tif"), "overlay": ".png"}
        if self._options.seg:
            endings["seg"] = ".dcm"
        return {kind: self._target(case, kind, end) for kind, end in endings.items()}


def _slices(mask: np.ndarray, prediction: Prediction) -> list[tuple[np.ndarray, tuple[float, ...] | None]]:
    """What is looked at by itself, with its spacing: each slice of a stack of X-rays, else the whole."""
    spacing = prediction.spacing_mm
    if mask.ndim == 2 or not prediction.rule.per_slice:
        return [(mask, spacing)]
    return [(one, None if spacing is None else spacing[1:]) for one in mask]


def _sides(mask: np.ndarray, prediction: Prediction) -> tuple[np.ndarray, Counted | None]:
    """1 in the right and 2 in the left lung, by the image's geometry; of one image, what is counted too."""
    if mask.ndim == 2:
        return split_and_counted(mask, prediction.row_direction)
    return split_left_right(mask, prediction.row_direction, per_slice=prediction.rule.per_slice), None


def _of_sides(measured: Measures) -> dict[str, Any]:
    return {
        "right_px": measured.right_pixels,
        "left_px": measured.left_pixels,
        "right_mm2": measured.right_mm2,
        "left_mm2": measured.left_mm2,
    }


def _check_results(
    sides: np.ndarray, prediction: Prediction, raster: Raster, counted: Counted | None
) -> tuple[CheckResult, ...]:
    mask = sides > 0
    if not prediction.label_set.of_lungs:
        return nothing_marked(mask)
    if prediction.is_volume:
        return check_volume(sides, prediction.spacing_mm, prediction.row_direction, hounsfield(raster))
    slices = _slices(mask, prediction)
    found = [check_mask(one, spacing, prediction.row_direction, counted) for one, spacing in slices]
    if len(slices) == 1:
        return found[0]
    return _grouped(found)


def _grouped(found: Sequence[Sequence[CheckResult]]) -> tuple[CheckResult, ...]:
    """The check results of all slices, with equal ones, figures apart, as one. Slices count from 1."""
    alike: dict[tuple[str, str], list[tuple[int, CheckResult]]] = {}
    for number, several in enumerate(found, start=1):
        for result in several:
            alike.setdefault((result.code, re.sub(r"\d[\d.,]*", "#", result.text)), []).append(
                (number, result)
            )
    return tuple(replace(same[0][1], text=_on_slices(same)) for same in alike.values())


def _on_slices(same: Sequence[tuple[int, CheckResult]]) -> str:
    first, text = same[0][0], same[0][1].text
    which = ", ".join(str(number) for number, _ in same[:_NAMED])
    more = f" and {len(same) - _NAMED} more" if len(same) > _NAMED else ""
    others = (
        ""
        if all(one.text == text for _, one in same)
        else f" (Slice {first}; the figures differ in the others.)"
    )
    return f"Slice{'s' if len(same) > 1 else ''} {which}{more}: {text}{others}"


def _count_parts(mask: np.ndarray, prediction: Prediction) -> int:
    if prediction.is_volume:
        mask = thinned_slices(mask)
    return sum(count_parts(one) for one, _ in _slices(mask, prediction))
