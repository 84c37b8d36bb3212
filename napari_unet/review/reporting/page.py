"""`summary.html`: one A4 page, whole in itself, in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from napari_unet.core.label_set import LUNGS, LabelSet
from napari_unet.core.palette import BLUISH_GREEN, ORANGE, REDDISH_PURPLE, SKY_BLUE, VERMILLION
from napari_unet.review.reporting.pictures import Correction
from napari_unet.review.reporting.summary import FirstMasks, Summary
from napari_unet.review.types import Status

_REVIEWERS = 4  # rows of the table, so that all stays on one page

_SHOWN = (
    (Status.ACCEPTED, "accepted as they were", BLUISH_GREEN),
    (Status.CORRECTED, "corrected", SKY_BLUE),
    (Status.REJECTED, "rejected", VERMILLION),
    (Status.SECOND_LOOK, "need a second look", REDDISH_PURPLE),
    (Status.IN_PROGRESS, "begun", ORANGE),
    (Status.NEW, "not looked at yet", "#dddddd"),
)


def page(
    title: str, protocol: str, summary: Summary, pictures: Sequence[Correction], labels: LabelSet = LUNGS
) -> str:
    """The page as one HTML text without scripts, links or fonts from elsewhere. labels : of the masks."""
    bar = [(summary.counts[status], name, colour) for status, name, colour in _SHOWN]
    return _template().render(
        heading=f"Review of {'lung masks' if labels.of_lungs else 'masks'}: {title}",
        when=_when(summary),
        rule=_rule(protocol, labels),
        figures=_figures(summary),
        bar=[piece for piece in bar if piece[0]],
        summary=summary,
        reviewers=summary.by_reviewer[:_REVIEWERS],
        more_reviewers=len(summary.by_reviewer) - _REVIEWERS,
        first_masks=summary.first_masks,
        typical=_typical(summary.first_masks),
        pictures=pictures,
        made_on=f"{datetime.now(UTC):%Y-%m-%d}",
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("napari_unet.review.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters |= {"number": "{:,}".format, "minutes": _minutes}
    return environment.get_template("summary.html")


def _when(summary: Summary) -> str:
    if not summary.first:
        return "Nothing is decided yet."
    if summary.first == summary.last:
        return f"Decided on {summary.first}."
    return f"Decided between {summary.first} and {summary.last}."


def _rule(protocol: str, labels: LabelSet) -> str:
    counts = f" What counts as lung: {protocol.rstrip('.')}." if protocol else ""
    if labels.of_lungs:
        return counts
    marked = f" Marked are {', '.join(labels.names)}"
    return f"{marked}: {protocol.rstrip('.')}." if protocol else f"{marked}."


def _figures(summary: Summary) -> list[tuple[str, str]]:
    done = summary.decided
    return [
        (f"{done:,} of {summary.total:,}", "images decided"),
        (_hours(summary.minutes), "of active work"),
        (_minutes(summary.minutes / done) if done else "–", "per decided image"),
    ]


def _typical(first: FirstMasks) -> str:
    """Medians over the corrected masks, in words; "" if there is none."""
    middle = []
    if first.dice is not None:
        middle.append(f"overlap with the corrected mask {first.dice:.3f} (Dice; 1 is the same)")
    if first.hd95_mm is not None:
        middle.append(f"95 % of the border moved less than {first.hd95_mm:.1f} mm")
    elif first.hd95_px is not None:
        middle.append(f"95 % of the border moved less than {first.hd95_px:.0f} pixels")
    if first.changed_mm2 is not None:
        middle.append(f"{first.changed_mm2 / 100:,.1f} cm² changed")
    return "; ".join(middle)


def _minutes(minutes: float) -> str:
    if minutes < 1:
        return f"{minutes * 60:.0f} s"
    return f"{minutes:.1f} min" if minutes < 10 else f"{minutes:.0f} min"


def _hours(minutes: float) -> str:
    return _minutes(minutes) if minutes < 90 else f"{minutes / 60:,.1f} h"
