"""The rows of a project's `report.csv`."""

from __future__ import annotations

from dataclasses import dataclass, fields

from napari_unet.review.types import Reason, Status


@dataclass(frozen=True)
class CaseLine:
    """One row of report.csv. None where there is no answer.

    patient : salted hash, "" if unknown. minutes : of active work. decided : UTC, ISO 8601. first_mask : who
    made it before people came: "cxr-lung 1.0", "file" or "". masks : how many there are. slices : 1 for an
    image. dice, hd95, changed_mm2, changed_px : the current mask of an accepted or corrected case against the
    first; hd95 in hd95_unit. heart_to_chest : cardiothoracic ratio, where both lines were measured.
    corrected, corrected_by : when (UTC) and by whom the current mask was made, where a person made it;
    decided is the decision's own time. right_..., left_... : of the current mask; mm² of an image, mL of a
    volume. sides : "assumed" where no header says which side is which. lengths, note : as in the window.
    volume_ml, mean_hu, laa950_percent, slice_mm, kernel, contrast : of the lungs in a volume, as in
    core.lung_measures; None and "" for images, and where the image cannot be read. incomplete : why a volume
    is at least what was measured. laa950_reason : why there is no share under -950 HU.
    """

    case: str
    number: int
    status: Status
    reason: Reason | None
    patient: str
    view: str
    modality: str
    split: str
    reviewer: str
    minutes: float
    decided: str
    first_mask: str
    masks: int
    slices: int | None
    dice: float | None
    hd95: float | None
    hd95_unit: str
    changed_mm2: float | None
    changed_px: int | None
    checks: str
    uncertainty: float | None
    heart_to_chest: float | None
    corrected: str = ""
    corrected_by: str = ""
    right_px: int | None = None
    left_px: int | None = None
    right_mm2: float | None = None
    left_mm2: float | None = None
    right_ml: float | None = None
    left_ml: float | None = None
    sides: str = ""
    lengths: str = ""
    note: str = ""
    volume_ml: float | None = None
    mean_hu: float | None = None
    laa950_percent: float | None = None
    slice_mm: float | None = None
    kernel: str = ""
    contrast: str = ""
    incomplete: str = ""
    laa950_reason: str = ""

    def cells(self) -> list[str]:
        """The row's text, column by column."""
        return [cell(getattr(self, field.name)) for field in fields(self)]


COLUMNS = tuple(field.name for field in fields(CaseLine))


def cell(value: object) -> str:
    """The text of one answer; "" where there is none."""
    if value is None:
        return ""
    return f"{value:.4f}" if isinstance(value, float) else str(value)
