"""What a DICOM header says about its image, each in one function.

Of the patient it reads age and position, which are reported and not stored; no name, no number, no date.
"""

from __future__ import annotations

import math
import re
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_unet.core.acquisition import Acquisition, contrast_of, sharpness_of
from napari_unet.core.raster import Modality

if TYPE_CHECKING:
    from pydicom import Dataset

_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
_MODALITIES = {m.value: m for m in Modality if m is not Modality.MAP}
_MODALITIES |= {"RG": Modality.CR}  # film, digitised
_HOUNSFIELD = {"", "HU", "US"}  # US: the header does not say
_UNITS = {  # of a CT's values, by RescaleType; other words are not repeated: somebody may have written any
    "HU_MOD": "modified Hounsfield units",
    "Z_EFF": "effective atomic number",
    "ED": "electron density",
    "EDW": "electron density relative to water",
    "MGML": "mg/ml",
    "OD": "optical density",
    "PCT": "per cent",
}
_AGE_UNITS = {"Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}
_OLDEST = 120  # what is older is a date that somebody made up
_STUDY_DATES = ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate")
_PLACES_OF_POSITION = ("ViewPosition", "SeriesDescription", "ProtocolName", "StudyDescription")
_LYING = {
    "supine": r"\b(supine|recumbent|dorsal decubitus)\b",
    "prone": r"\bprone\b",
    "decubitus": r"\bdecub(itus)?\b",
}
_OF_A_FRAME = {
    *("RescaleSlope", "RescaleIntercept", "RescaleType", "ModalityLUTSequence", "GantryDetectorTilt"),
    *("WindowCenter", "WindowWidth", "VOILUTFunction", "VOILUTSequence"),
    *(*_SPACINGS, "ImageOrientationPatient", "ImagePositionPatient", "PatientOrientation"),
    *("SliceThickness", "ConvolutionKernel", "ConvolutionKernelGroup", "PixelPaddingValue"),
}
_VIEWS = {"postero-anterior": "PA", "antero-posterior": "AP", "left lateral": "LL", "right lateral": "RL"}

UNSAID_RESCALE = "how its values become Hounsfield units (rescale): the stored values were used."
"""What the image or its slices do not say, where none `is_rescaled`."""


def text(dataset: Dataset, keyword: str) -> str:
    """A value as text, "" where there is none."""
    return str(dataset.get(keyword) or "").strip()


def numbers(dataset: Dataset, keyword: str) -> list[float]:
    """A value or several as finite numbers; [] where there are none or one of them is not a number."""
    try:
        value = dataset.get(keyword)
        if value is None or value == "":
            return []
        found = [float(v) for v in ([value] if isinstance(value, (str, int, float)) else value)]
    except (TypeError, ValueError):
        return []
    return found if all(map(math.isfinite, found)) else []


def number(dataset: Dataset, keyword: str, default: float) -> float:
    """The first of `numbers`, or `default`."""
    return (numbers(dataset, keyword) or [float(default)])[0]


def raw_number(dataset: Dataset, keyword: str) -> float | None:
    """The first value of an element as a number, not a number too; None where there is none."""
    value = dataset.get(keyword)
    try:
        if isinstance(value, bytes):  # of an element that was written without its type
            return float(int.from_bytes(value, "little"))
        if value is not None and not isinstance(value, (str, int, float)):
            value = value[0]
        return None if value is None or value == "" else float(value)
    except (TypeError, ValueError, IndexError):
        return None


def coded(value: str, scheme: str, meaning: str) -> Dataset:
    """A code as an item of a sequence."""
    from pydicom import Dataset

    made: Any = Dataset()
    made.CodeValue, made.CodingSchemeDesignator, made.CodeMeaning = value, scheme, meaning
    return made  # type: ignore[no-any-return]


def flatten(dataset: Dataset, frame: int = 0, whole: Dataset | None = None) -> None:
    """Enhanced objects keep what is true of a frame in functional groups: puts those of one frame on top.

    What is in the frame's own group goes before what all frames share, and both before the dataset.
    whole : has the groups, if the dataset itself has none.
    """
    for groups, which in (("SharedFunctionalGroupsSequence", 0), ("PerFrameFunctionalGroupsSequence", frame)):
        for element in ((dataset if whole is None else whole).get(groups) or {which: ()})[which]:
            for inner in (element.value or [()])[0] if element.VR == "SQ" else ():
                if inner.keyword in _OF_A_FRAME:
                    dataset[inner.tag] = inner


def modality(dataset: Dataset) -> Modality:
    """The machine; unknown for secondary captures and for machines that Modality has no name for."""
    if other_unit(dataset):
        return Modality.MAP
    return _MODALITIES.get(text(dataset, "Modality"), Modality.UNKNOWN)


def other_unit(dataset: Dataset) -> str:
    """The unit of a CT's values in words, "" if they are in Hounsfield units or nothing says otherwise."""
    unit = text(dataset, "RescaleType").upper()
    if text(dataset, "Modality") != "CT" or unit in _HOUNSFIELD or unit.startswith("HOUNSFIELD"):
        return ""
    return _UNITS.get(unit, "another unit")


def note_on_unit(unit: str) -> tuple[str, ...]:
    """What to say of an image with `other_unit`."""
    if not unit:
        return ()
    return (
        f"By the header, the values are not Hounsfield units but {unit}: the image is not treated as a CT.",
    )


def has_modality_table(dataset: Dataset) -> bool:
    """Whether a table, and not a slope and an intercept, says what stored values mean."""
    return bool(dataset.get("ModalityLUTSequence"))


def rescale(dataset: Dataset) -> tuple[float, float] | None:
    """Slope and intercept from stored values to those of the machine; None where the header has none.

    A CT has to say both: with one alone, values are not in Hounsfield units. Other machines may leave out
    what changes nothing.
    """
    slope, intercept = numbers(dataset, "RescaleSlope"), numbers(dataset, "RescaleIntercept")
    if text(dataset, "Modality") == "CT" and not (slope and intercept):
        return None
    line = (slope or [1.0])[0], (intercept or [0.0])[0]
    return line if line[0] else None


def is_rescaled(dataset: Dataset) -> bool:
    """Whether the header says how values become those of the machine; True for machines without a unit."""
    if text(dataset, "Modality") != "CT" or has_modality_table(dataset):
        return True
    return rescale(dataset) is not None


def inverted(dataset: Dataset) -> bool | None:
    """True for MONOCHROME1 (low values are bright), False for MONOCHROME2, None for the rest.

    A presentation LUT shape INVERSE belongs to MONOCHROME1; beside MONOCHROME2 it turns the image over. A
    falling rescale beside MONOCHROME2 shows a negative, if it is meant: None, so that bones are looked for.
    """
    photometric = text(dataset, "PhotometricInterpretation")
    if photometric == "MONOCHROME1" or text(dataset, "PresentationLUTShape") == "INVERSE":
        return True
    falling = number(dataset, "RescaleSlope", 1) < 0 and not has_modality_table(dataset)
    return False if photometric == "MONOCHROME2" and not falling else None


def spacing(dataset: Dataset) -> tuple[tuple[float, float] | None, str]:
    """(Y, X) in mm and the field that it comes from; (None, "") where no field has two positive numbers."""
    for keyword in _SPACINGS:
        found = numbers(dataset, keyword)
        if len(found) == 2 and min(found) > 0:
            return (found[0], found[1]), keyword
    return None, ""


def window(dataset: Dataset) -> tuple[float, float] | None:
    """The first VOI window, or where the first VOI table rises; in values after the modality rescale."""
    centre, width = numbers(dataset, "WindowCenter"), numbers(dataset, "WindowWidth")
    if centre and width:
        linear = text(dataset, "VOILUTFunction") in ("", "LINEAR")
        middle, span = (centre[0] - 0.5, width[0] - 1) if linear else (centre[0], width[0])
        if span > 0:
            return middle - span / 2, middle + span / 2
    return _table_window(dataset)


def _table_window(dataset: Dataset) -> tuple[float, float] | None:
    """From where a VOI table has risen by 2 % to 98 %: they are S-shaped, with long flat ends."""
    tables = dataset.get("VOILUTSequence") or []
    if not tables or len(numbers(tables[0], "LUTDescriptor")) != 3:
        return None
    first = numbers(tables[0], "LUTDescriptor")[1]
    data = tables[0].get("LUTData")
    table = np.frombuffer(data, "<u2") if isinstance(data, bytes) else np.asarray(data or [], float)
    if len(table) < 2 or np.ptp(table) == 0:
        return None
    share = (table - table.min()) / np.ptp(table)
    inside = np.flatnonzero((share > 0.02) & (share < 0.98))
    return (first + float(inside[0]), first + float(inside[-1])) if len(inside) > 1 else None


def row_direction(dataset: Dataset) -> str | None:
    """The patient's side, "L" or "R", to which X increases; None in lateral views and if nothing says so."""
    towards = dataset.get("PatientOrientation")
    if towards and not isinstance(towards, str):
        return str(towards[0])[:1] if str(towards[0])[:1] in ("L", "R") else None
    cosines = numbers(dataset, "ImageOrientationPatient")
    if len(cosines) == 6 and abs(cosines[0]) > max(abs(cosines[1]), abs(cosines[2])):
        return "L" if cosines[0] > 0 else "R"
    return None


def column_direction(dataset: Dataset) -> str | None:
    """The patient's side, "A" or "P", to which Y increases in an axial slice; None if nothing says so."""
    cosines = numbers(dataset, "ImageOrientationPatient")
    if len(cosines) == 6 and abs(cosines[4]) > max(abs(cosines[3]), abs(cosines[5])):
        return "P" if cosines[4] > 0 else "A"
    return None


def view(dataset: Dataset) -> str:
    """ViewPosition ("PA", "AP", "LL", ...), otherwise the meaning of the view's code; "" if unknown."""
    position = text(dataset, "ViewPosition").upper()
    if position in ("LATERAL", "LAT"):
        return "RL" if "R" in (text(dataset, "Laterality"), text(dataset, "ImageLaterality")) else "LL"
    if position:
        return position.split()[0]
    codes = dataset.get("ViewCodeSequence") or []
    meaning = text(codes[0], "CodeMeaning").lower() if codes else ""
    return next((short for words, short in _VIEWS.items() if meaning.startswith(words)), "")


def age_years(dataset: Dataset) -> float | None:
    """The patient's age when the image was made: PatientAge, else from the dates of birth and study.

    None where neither says it, or it cannot be true; "000Y", which anonymisers write, says nothing.
    """
    found = re.fullmatch(r"(\d{1,3})([YMWD])", text(dataset, "PatientAge").upper())
    if found and int(found[1]):
        return int(found[1]) * _AGE_UNITS[found[2]]
    born = _date(text(dataset, "PatientBirthDate"))
    made = next((day for name in _STUDY_DATES if (day := _date(text(dataset, name)))), None)
    if born is None or made is None:
        return None
    years = made.year - born.year - ((made.month, made.day) < (born.month, born.day))
    return float(years) if 0 <= years <= _OLDEST else None


def _date(written: str) -> date | None:
    try:
        return date(int(written[:4]), int(written[4:6]), int(written[6:8])) if len(written) == 8 else None
    except ValueError:
        return None


def position(dataset: Dataset) -> str:
    """How the patient lay: "supine", "prone" or "decubitus"; "" if upright or unknown.

    From words in the view, its modifiers and the descriptions; then from PatientPosition (HFS, FFP, ...),
    which a posterior-anterior X-ray, taken from behind, goes before.
    """
    codes = [*(dataset.get("ViewCodeSequence") or ()), *(dataset.get("PatientOrientationCodeSequence") or ())]
    modifiers = ("ViewModifierCodeSequence", "PatientOrientationModifierCodeSequence")
    codes += [inner for code in codes for name in modifiers for inner in code.get(name) or ()]
    words = [text(dataset, name) for name in _PLACES_OF_POSITION]
    words += [text(code, "CodeMeaning") for code in codes]
    for name, pattern in _LYING.items():
        if any(re.search(pattern, said, re.IGNORECASE) for said in words):
            return name
    entered = text(dataset, "PatientPosition").upper()
    if len(entered) < 3 or view(dataset) == "PA":
        return ""
    return {"S": "supine", "P": "prone", "DR": "decubitus", "DL": "decubitus"}.get(entered[2:], "")


def acquisition(dataset: Dataset) -> Acquisition | None:
    """How a CT was made; None for other machines."""
    if modality(dataset) is not Modality.CT:
        return None
    kernel = dataset.get("ConvolutionKernel") or ()
    names = [str(one).strip() for one in ([kernel] if isinstance(kernel, str) else kernel)]
    agent = text(dataset, "ContrastBolusAgent") if "ContrastBolusAgent" in dataset else None
    applied = bool(
        dataset.get("ContrastBolusAgentSequence")
        or number(dataset, "ContrastBolusVolume", 0) > 0
        or contrast_of(text(dataset, "ContrastBolusRoute")) == "given"
    )
    group, maker = text(dataset, "ConvolutionKernelGroup"), text(dataset, "Manufacturer")
    thickness = number(dataset, "SliceThickness", 0)
    return Acquisition(
        "/".join(filter(None, names)),
        sharpness_of(names[0] if names else "", maker, group),
        contrast_of(agent, applied),
        thickness if thickness > 0 else None,
    )
