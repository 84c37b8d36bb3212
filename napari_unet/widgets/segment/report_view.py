"""Size and check results of a mask, in words."""

from __future__ import annotations

from html import escape

from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_unet.core.live import LiveNumbers
from napari_unet.core.lung_measures import LungMeasures
from napari_unet.core.measure import IN_PIXELS, Measures
from napari_unet.core.orientation import SIDES_ASSUMED, SIDES_ASSUMED_IN_VOLUME
from napari_unet.review.queue import SHAPE_PASSED, SHAPE_TIP
from napari_unet.widgets.common.forms import WrappedLabel, check_list
from napari_unet.widgets.common.results import Summary


class ReportView(QWidget):
    """A small table of sizes, and below it what a second look should go to."""

    def __init__(self) -> None:
        super().__init__()
        self._sizes = WrappedLabel(name="sizes")
        self._check_results = WrappedLabel(name="check_results")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._sizes)
        column.addWidget(self._check_results)

    def clear(self) -> None:
        """Show nothing."""
        self._sizes.say("")
        self._check_results.say("")

    def say_measuring(self) -> None:
        """The numbers are on their way; those of an earlier mask are gone."""
        self._sizes.say("Measuring…")
        self._check_results.say("")

    def show_summary(self, summary: Summary) -> None:
        """Show the numbers and check results of `summary`."""
        part = f"<p><b>{escape(summary.part)}</b></p>" if summary.part else ""
        found = check_list(summary.check_results)
        if summary.measures is not None:
            self._sizes.say(part + sizes(summary.measures, summary.lungs))
            self._check_results.say(found or f"{SHAPE_PASSED}.")
            self._check_results.setToolTip("" if found else SHAPE_TIP)
        elif summary.numbers is not None:  # of other labels nothing is known to be usual
            self._sizes.say(part + label_table(summary.numbers))
            self._check_results.say(found)
            self._check_results.setToolTip("")


def sizes(measures: Measures, lungs: LungMeasures | None = None) -> str:
    """The sizes as simple HTML, in mm² and pixels, or mL and voxels, where the spacing is known.

    lungs : of a volume, whose image may not hold all of them; the reasons are given.
    """
    if not measures.pixels:
        return "No lung in the mask."
    unit = "voxels" if measures.volume_ml is not None else "pixels"
    volume = measures if lungs is None else lungs  # without what is padding in the image
    at_least = "" if lungs is None else lungs.at_least
    rows = [
        ("Right lung", volume.right_ml, measures.right_mm2, measures.right_pixels),
        ("Left lung", volume.left_ml, measures.left_mm2, measures.left_pixels),
        ("Both", volume.volume_ml, measures.area_mm2, measures.pixels),
    ]
    cells = "".join(
        f"<tr><td>{name}</td>{_size(ml, 'mL', at_least)}{_size(mm2, 'mm²')}{_cell(f'{n:,} {unit}')}</tr>"
        for name, ml, mm2, n in rows
    )
    lines = [] if lungs is None else [*map(escape, (*lungs.incomplete, lungs.density_in_words()))]
    if measures.ratio is not None:
        lines.append(f"Left/right ratio: {measures.ratio:.2f}")
    if measures.area_mm2 is None and measures.volume_ml is None:
        lines.append(IN_PIXELS)
    if measures.sides_assumed:
        lines.append(SIDES_ASSUMED if lungs is None else SIDES_ASSUMED_IN_VOLUME)
    paragraphs = "".join(f"<p style='margin: 4px 0 0 0'>{line}</p>" for line in lines if line)
    return f"<table cellspacing=2>{cells}</table>{paragraphs}"


def label_table(numbers: LiveNumbers) -> str:
    """The size of each label as simple HTML."""
    rows = (
        f"<tr><td>{escape(name[:1].upper() + name[1:])}</td>{_cell(numbers.size(pixels))}</tr>"
        for name, pixels in numbers.sizes
    )
    unknown = "" if numbers.element is not None else f"<p>{IN_PIXELS}</p>"
    return f"<table cellspacing=2>{''.join(rows)}</table>{unknown}"


def _size(size: float | None, unit: str, at_least: str = "") -> str:
    return "" if size is None else _cell(f"{at_least}{size:,.0f} {unit}")


def _cell(text: str) -> str:
    return f"<td align=right>&nbsp;&nbsp;{text}</td>"
