"""What `segment` found in one case, in words and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from napari_unet.cli.report import Row
from napari_unet.cli.resume import Earlier
from napari_unet.core.checks import INVERTED, SITUS, UNLIKE, CheckResult
from napari_unet.core.header_facts import CHILD, LYING
from napari_unet.core.lung_measures import FIGURES, LungMeasures

_IMAGE_CHECKS = {
    UNLIKE: "The image may be unsuitable for the model: check the mask with care.",
    INVERTED: "Bones are dark in the image; this was accounted for.",
    SITUS: "Heart and liver are on the opposite side from usual: situs inversus or wrong header.",
    CHILD: "The header says that the patient is under 18; the model is for adults.",
    LYING: "The header says that the patient was lying down; the model card does not list such images.",
}


@dataclass(frozen=True)
class Result:
    """One finished case: its row, the files that were written, check results and notes in words.

    no_seg : why a DICOM segmentation that was asked for was not written, in words. lungs : of a volume.
    chosen : why this model was used, if it was chosen by the kind of the image. earlier : the record of an
    earlier run, whose result this is.
    """

    row: Row
    input: Path | None = None
    files: tuple[Path, ...] = ()
    check_results: tuple[CheckResult, ...] = ()
    notes: tuple[str, ...] = ()
    slices: int = 1
    spacing_known: bool = False
    sides_assumed: bool = False
    label_columns: tuple[str, ...] = ()
    no_seg: str = ""
    lungs: LungMeasures | None = None
    chosen: str = ""
    earlier: Mapping[str, Any] | None = None

    def record(self) -> dict[str, Any]:
        """As one JSON object: the columns of the report, and what they leave out."""
        if self.earlier is not None:
            return {**self.earlier, "notes": list(self.notes), "resumed": True}
        row = self.row
        return {
            "case": row.case,
            "input": None if self.input is None else str(self.input),
            "files": [str(path) for path in self.files],
            "model": row.model,
            "version": row.version,
            "device": row.device,
            "seconds": row.seconds,
            "area_mm2": row.area_mm2,
            "area_px": row.area_px,
            "right_px": row.right_px,
            "left_px": row.left_px,
            "right_mm2": row.right_mm2,
            "left_mm2": row.left_mm2,
            **{name: getattr(row, name) for name in FIGURES},
            "incomplete": list(self.lungs.incomplete) if self.lungs else [],
            "laa950_reason": row.laa950_reason,
            **dict(zip(self.label_columns, row.label_sizes, strict=True)),
            "parts": row.parts,
            "checks": [
                *({"code": code, "text": text} for code, text in _IMAGE_CHECKS.items() if code in row.checks),
                *({"code": str(result.code), "text": result.text} for result in self.check_results),
            ],
            "notes": list(self.notes),
            "chosen": self.chosen,
            "error": row.error,
            "resumed": False,
        }

    def stored(self) -> dict[str, Any]:
        """What `resumed` needs to give this result again."""
        return {
            "row": asdict(self.row),
            "record": self.record(),
            "label_columns": self.label_columns,
            "sides_assumed": self.sides_assumed,
            "no_seg": self.no_seg,
        }

    def sentence(self) -> str:
        """For people: name, size, check results and notes."""
        row = self.row
        if self.earlier is not None:
            return " ".join([f"{row.case}: done before.", *self.notes])
        size = f"{row.area_px:,} px" if row.area_mm2 is None else f"{row.area_mm2:,.0f} mm²"
        if self.lungs is not None and self.lungs.volume_ml is not None:
            size = self.lungs.volume_in_words()
        size += f" in {self.slices} slices" if self.slices > 1 else ""
        size += "" if self.spacing_known else ", no spacing"
        remarks = [result.text for result in self.check_results] + list(self.notes)
        if self.lungs is not None:
            remarks += filter(None, (*self.lungs.incomplete, self.lungs.density_in_words()))
        return " ".join([f"{row.case}: {size}, in {row.seconds:.1f} s.", *remarks])


def resumed(earlier: Earlier, input: Path | None) -> Result:
    """The result of an earlier run; files that somebody changed since are named and kept."""
    known = earlier.result
    row = known["row"] | {name: tuple(known["row"][name]) for name in ("checks", "label_sizes")}
    return Result(
        Row(**row),
        input,
        notes=earlier.kept(),
        sides_assumed=known["sides_assumed"],
        label_columns=tuple(known["label_columns"]),
        no_seg=known["no_seg"],
        earlier={**known["record"], "input": None if input is None else str(input)},
    )
