"""One A4 page (PDF) about a chest X-ray: image, outline, map, zones, scores, areas, and a reader's calls."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import date
from html import escape
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_unet.core.calibration import Calibration, of_model, thresholds_of
from napari_unet.core.finding_reading import in_words
from napari_unet.core.heat import SHOWN_FROM, heat_cells
from napari_unet.core.measure import measure
from napari_unet.core.orientation import ASSUMED
from napari_unet.core.prediction import Prediction
from napari_unet.core.raster import Raster
from napari_unet.core.second_reading import CONFIDENCE, FindingCall
from napari_unet.io.atomic import atomic_write
from napari_unet.io.fonts import LETTERS_UNKNOWN, unicode_font
from napari_unet.io.heat_picture import drawn

if TYPE_CHECKING:
    from PIL import Image

PURPOSE = "For research use only: not a medical device; not for diagnosis or treatment decisions."
_NONE: Mapping[str, FindingCall] = MappingProxyType({})
_MARGIN_MM = 18
_GREY = "#555555"


def write_finding_page(
    path: Path,
    raster: Raster,
    prediction: Prediction,
    *,
    title: str,
    reader: str = "",
    first: Mapping[str, FindingCall] = _NONE,
    final: Mapping[str, FindingCall] = _NONE,
    calibrations: Sequence[Calibration] = (),
) -> Path:
    """Writes the page, atomically, and returns `path`.

    raster : the X-ray (Y, X). prediction : of `inference.find`, with its reading. title : what the case is
    called on the page. reader, first, final : who called what before and after the score was seen.
    Neither name, number nor date of a patient is taken from the image. Letters that no font of this computer
    has are drawn as question marks, and the page says so.
    """
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.units import mm
    from reportlab.platypus import SimpleDocTemplate

    page, model = _Page(), f"{prediction.model} {prediction.version}"
    story = [
        page.text(title, "Title"),
        page.text(f"Scores of {model}, from 0 to 100; made on {date.today():%Y-%m-%d}"),
        page.gap(),
        page.pictures(raster, prediction),
        page.text(_about_map(prediction), "small"),
        page.gap(),
        page.scores(prediction, first, final, calibrations),
        *([page.text(f"Called by {reader}.", "small")] if reader and (first or final) else []),
        page.gap(),
        *(page.text(sentence) for sentence in _sentences(prediction, calibrations)),
        page.gap(),
        page.text(f"<b>{escape(PURPOSE)}</b>", "BodyText", marked_up=True),
    ]
    if page.lacks_letters:
        story.append(page.text(LETTERS_UNKNOWN, "small"))
    made = io.BytesIO()
    margins = dict.fromkeys(("leftMargin", "rightMargin", "topMargin", "bottomMargin"), _MARGIN_MM * mm)
    SimpleDocTemplate(made, pagesize=A4, title=title, author="napari-unet-lung", **margins).build(story)
    with atomic_write(path) as partial:
        partial.write_bytes(made.getvalue())
    return path


class _Page:
    """The parts of the page, in one font. lacks_letters : a text had letters that it does not have."""

    def __init__(self) -> None:
        from reportlab.lib.styles import ParagraphStyle, getSampleStyleSheet

        self._font = unicode_font()
        self._styles = getSampleStyleSheet()
        self._styles.add(
            ParagraphStyle("small", parent=self._styles["BodyText"], fontSize=8, leading=10, textColor=_GREY)
        )
        for style in self._styles.byName.values():
            if hasattr(style, "fontName"):
                style.fontName = self._font.name
        self.lacks_letters = False

    def text(self, words: str, style: str = "BodyText", marked_up: bool = False) -> Any:
        from reportlab.platypus import Paragraph

        shown = self._font.shown(words)
        self.lacks_letters |= shown != words
        return Paragraph(shown if marked_up else escape(shown), self._styles[style])

    def gap(self) -> Any:
        from reportlab.platypus import Spacer

        return Spacer(1, 8)

    def pictures(self, raster: Raster, prediction: Prediction) -> Any:
        """The image with the lungs' outline, and the same with the map."""
        from reportlab.platypus import Table

        finding = next(iter(prediction.scores))
        return Table([[_picture(drawn(raster, prediction, shown)) for shown in (None, finding)]])

    def scores(
        self,
        prediction: Prediction,
        first: Mapping[str, FindingCall],
        final: Mapping[str, FindingCall],
        calibrations: Sequence[Calibration],
    ) -> Any:
        from reportlab.platypus import Table

        reading = prediction.reading
        limits = thresholds_of(prediction, calibrations)
        called = bool(first or final)
        titles = ["Finding", "Score", "Threshold", "Peak zone"]
        titles += ["First call", "Final call"] if called else []
        rows = [[self.text(title, "small") for title in titles]]
        for name, score in prediction.scores.items():
            zone = "" if reading is None else reading.zones.get(name, "")
            cells = [in_words(name), f"{100 * score:.0f}"]
            cells += [f"{100 * limits[name]:.0f}", zone or "–"]
            cells += [_called(first.get(name)), _called(final.get(name))] if called else []
            rows.append([self.text(cell) for cell in cells])
        line = ("LINEBELOW", (0, 0), (-1, -1), 0.25, _GREY)
        return Table(rows, style=[line, ("VALIGN", (0, 0), (-1, -1), "TOP")], hAlign="LEFT")


def _picture(image: Image.Image) -> Any:
    from reportlab.lib.units import mm
    from reportlab.platypus import Image as Flowable

    kept = io.BytesIO()
    image.save(kept, format="JPEG", quality=90)
    kept.seek(0)
    width, height = 84 * mm, 100 * mm
    share = min(width / image.width, height / image.height)
    return Flowable(kept, image.width * share, image.height * share)


def _called(call: FindingCall | None) -> str:
    if call is None:
        return "–"
    return CONFIDENCE[call.confidence] + (f", {call.zone}" if call.zone else "")


def _about_map(prediction: Prediction) -> str:
    finding = next(iter(prediction.scores))
    name, reading = in_words(finding), prediction.reading
    if heat_cells(prediction, finding).max() < SHOWN_FROM:
        return f"The map of {name} stays under {100 * SHOWN_FROM:.0f} of 100 everywhere: nothing is drawn."
    cell = "" if reading is None else f" {reading.cells}"
    return (
        f"Right: the map of {name}, drawn from {100 * SHOWN_FROM:.0f} of 100 upwards, on the same scale for "
        f"all images, not cut to the lungs.{cell} The lines are thirds between apex and base of the taller "
        "lung; zones are not lobes."
    )


def _sentences(prediction: Prediction, calibrations: Sequence[Calibration]) -> list[str]:
    """Ranks, areas, thresholds by own cases, and what is assumed."""
    reading = prediction.reading
    told = [] if reading is None else [one for one in reading.sentences(prediction.scores) if one != ASSUMED]
    told += [
        f"{in_words(one.finding)}: threshold {one.in_words()}."
        for one in of_model(calibrations, prediction.model, prediction.version)
    ]
    told.append("A score is a rank among images, not a probability of disease.")
    if reading is not None:
        told.append(_areas(reading.thirds.labels, prediction.spacing_mm))
        told += [ASSUMED] if reading.thirds.assumed else []
    return [*told, *(note for note in prediction.notes if note not in told)]


def _areas(labels: np.ndarray, spacing_mm: tuple[float, ...] | None) -> str:
    found = measure(labels > 0, spacing_mm, labels=labels)
    right, left = found.right_mm2, found.left_mm2
    if right is None or left is None:
        pixels = f"right {found.right_pixels:,}, left {found.left_pixels:,} pixels"
        return f"Area of the lungs: {pixels}, whose size is not known."
    return f"Area of the lungs: right {right / 100:.0f}, left {left / 100:.0f} cm²."
