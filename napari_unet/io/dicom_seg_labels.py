"""What the segments of a DICOM segmentation are in a set of labels: by their codes, else by their names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from napari_unet.core.label_set import LUNGS, LabelSet
from napari_unet.core.labels import LEFT, RIGHT, NotLabels
from napari_unet.core.wording import first_of
from napari_unet.io.dicom_seg_read import Segment

_LUNG = frozenset({"39607008", "T-28000"})  # SNOMED CT, and SNOMED's codes of earlier days
_SIDES = {
    **dict.fromkeys(("3341006", "T-28100", "42400003", "72481006", "266005"), RIGHT),  # the lung, its lobes
    **dict.fromkeys(("44029006", "T-28500", "44714003", "41224006"), LEFT),
}
_MODIFIERS = {"24028007": RIGHT, "G-A100": RIGHT, "7771000": LEFT, "G-A101": LEFT}
_NAMES = {
    **dict.fromkeys(("lung", "lungs", "both lungs"), 0),
    **dict.fromkeys(("right lung", "lung right"), RIGHT),
    **dict.fromkeys(("left lung", "lung left"), LEFT),
}
_GENERIC = frozenset({"", "85756007", "T-D0050"})  # none, and tissue: what is entered where nothing is known
_TOLD = 5


def values_of(
    segments: Sequence[Segment], labels: LabelSet = LUNGS, any_label: bool = False
) -> tuple[dict[int, int], tuple[str, ...]]:
    """The label of each segment that has one, by the segment's number; and notes.

    Lungs and their lobes are recognised as such, with their sides, where the file says them. Segments of
    other things are left out, and a note names them. any_label : where not every segment is lung, all keep
    their numbers. Raises NotLabels if no segment is one of `labels`.
    """
    if any_label or labels.of_lungs:
        found = _lungs(segments)
        if any_label and len(found) < len(segments):
            return {one.number: one.number for one in segments}, ()
    else:
        found = _by_code_or_name(segments, labels)
    if not found:
        raise NotLabels(
            f"None of its segments is {' or '.join(labels.names)}: {_named(segments)}.",
            "Choose a segmentation of what the project is about.",
        )
    others = [one for one in segments if one.number not in found]
    notes = (f"Segments that were left out: {_named(others)}.",) if others else ()
    return found, notes


def say_sides(segments: Sequence[Segment], found: Mapping[int, int]) -> bool:
    """Whether each segment in `found`, which `values_of` gives for lungs, says which lung it is."""
    return bool(found) and all(_side(one) for one in segments if one.number in found)


def _lungs(segments: Sequence[Segment]) -> dict[int, int]:
    """Lungs with sides go before a segment of both lungs, which would cover them."""
    sides = {one.number: side for one in segments if (side := _side(one)) is not None}
    if not sides and len(segments) == 1 and segments[0].code in _GENERIC:
        return {segments[0].number: RIGHT}
    apart = {number: side for number, side in sides.items() if side}
    if len(apart) < len(sides) and {*apart.values()} != {RIGHT, LEFT}:
        return dict.fromkeys(sides, RIGHT)
    return apart


def _side(segment: Segment) -> int | None:
    """RIGHT, LEFT, or 0 for lung without a side; None for what is no lung."""
    if segment.code in _SIDES:
        return _SIDES[segment.code]
    if segment.code in _LUNG:
        return _MODIFIERS.get(segment.side, 0)
    words = segment.label.casefold().replace("_", " ").strip()
    return _NAMES.get(words) if segment.code in _GENERIC else None


def _by_code_or_name(segments: Sequence[Segment], labels: LabelSet) -> dict[int, int]:
    codes = {label.code: label.value for label in labels.labels if label.code}
    names = {label.name.casefold(): label.value for label in labels.labels}
    wanted = ((one.number, codes.get(one.code, names.get(one.label.casefold()))) for one in segments)
    return {number: value for number, value in wanted if value is not None}


def _named(segments: Sequence[Segment]) -> str:
    return first_of([one.label or f"segment {one.number}" for one in segments], _TOLD)
