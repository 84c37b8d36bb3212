"""Scores beside the reader's own calls, and what they mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from types import MappingProxyType

from napari_unet.core.calibration import Calibration, of_model, thresholds_of
from napari_unet.core.finding_reading import in_words
from napari_unet.core.prediction import Prediction
from napari_unet.core.second_reading import CONFIDENCE, FindingCall
from napari_unet.widgets.common.forms import WrappedLabel


class ScoreView(WrappedLabel):
    """A table of scores; empty until there is one."""

    def show_scores(
        self,
        found: Prediction,
        calls: Mapping[str, FindingCall] = MappingProxyType({}),
        calibrations: Sequence[Calibration] = (),
    ) -> None:
        """Show what a model says of an image, beside what the reader said first."""
        thresholds = thresholds_of(found, calibrations)
        own = of_model(calibrations, found.model, found.version)
        ranks = {} if found.reading is None else found.reading.higher_than
        zones = {} if found.reading is None else found.reading.zones
        titles = [
            "",
            *(["You"] if calls else []),
            "Score",
            "Threshold",
            *(["Rank"] if ranks else []),
            "Peak zone",
        ]
        head = "".join(f"<th align=left>{title}&nbsp;&nbsp;</th>" for title in titles)
        rows = []
        for finding, score in found.scores.items():
            limit = thresholds[finding]
            shown = f"{100 * score:.0f}"
            cells = [escape(in_words(finding))]
            cells += [_called(calls.get(finding))] if calls else []
            cells += [f"<b>{shown}</b>" if score >= limit else shown, f"{100 * limit:.0f}"]
            cells += [str(ranks.get(finding, "–"))] if ranks else []
            cells.append(escape(zones.get(finding, "–")))
            rows.append("".join(f"<td>{cell}&nbsp;&nbsp;</td>" for cell in cells))
        ranked = "Rank: of 100 normal images of the calibration set, how many score lower." if ranks else ""
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        limits = "".join(
            f"{escape(in_words(one.finding))}: threshold {escape(one.in_words())}.<br>" for one in own
        )
        about = f"{escape(found.model)} {escape(found.version)}. A score is a rank, not a probability."
        table = f"<table><tr>{head}</tr>{body}</table>"
        self.say("<br>".join(filter(None, [table, ranked, limits + about])))


def _called(call: FindingCall | None) -> str:
    return "–" if call is None else escape(CONFIDENCE[call.confidence])
