"""`summary.html`: one A4 page, whole in itself, in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape

from napari_unet.core.label_set import LUNGS, LabelSet
from napari_unet.core.palette import BLUISH_GREEN, ORANGE, REDDISH_PURPLE, SKY_BLUE, VERMILLION
from napari_unet.review.reporting.pictures import Correction
from napari_unet.review.reporting.summary import FirstMasks, Summary, Timing
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

_STYLE = """
@page { size: A4; margin: 12mm 14mm; }
* { box-sizing: border-box; }
body { font: 10pt/1.35 "Helvetica Neue", Helvetica, Arial, sans-serif; color: #1a1a1a; background: #fff;
  width: 181mm; margin: 0 auto; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
@media screen { body { margin: 10mm auto; } }
h1 { font-size: 15pt; line-height: 1.2; margin: 0 0 1mm; } h2 { font-size: 11pt; margin: 4.5mm 0 1.5mm; }
p { margin: 0 0 1mm; } .quiet { color: #555; font-size: 8.5pt; }
.head { max-height: 2.7em; overflow: hidden; }
.figures { display: flex; gap: 4mm; margin: 4mm 0 3mm; }
.figures div { flex: 1; border: 0.3mm solid #ccc; border-radius: 1.5mm; padding: 2mm 3mm; }
.figures b { display: block; font-size: 15pt; line-height: 1.15; }
.bar { display: flex; height: 5mm; border-radius: 1mm; overflow: hidden; background: #eee; }
.key { margin: 1.5mm 0 0; } .key span { display: inline-block; margin-right: 4mm; white-space: nowrap; }
.key i { display: inline-block; width: 3mm; height: 3mm; border-radius: 0.6mm; margin-right: 1.2mm; }
.columns { display: flex; gap: 8mm; } .columns > div { flex: 1; min-width: 0; }
table { border-collapse: collapse; width: 100%; font-size: 9.5pt; }
th { text-align: left; font-weight: 600; color: #555; font-size: 8.5pt; }
th, td { padding: 0.6mm 0; border-bottom: 0.2mm solid #e3e3e3; }
td:first-child { width: 100%; max-width: 0; } td:first-child, figcaption { overflow: hidden;
  white-space: nowrap; text-overflow: ellipsis; }
.n { text-align: right; white-space: nowrap; padding-left: 3mm; }
.pairs { display: flex; flex-wrap: wrap; gap: 3mm 6mm; }
figure { width: calc(50% - 3mm); margin: 0; break-inside: avoid; }
figure div { display: flex; gap: 1mm; } figure img { flex: 1; min-width: 0; height: 37mm; object-fit: contain;
  background: #000; } figcaption { font-size: 8.5pt; color: #333; margin-top: 0.5mm; }
footer { margin-top: 4mm; border-top: 0.3mm solid #ccc; padding-top: 1.5mm; }
"""


def page(
    title: str, protocol: str, summary: Summary, pictures: Sequence[Correction], labels: LabelSet = LUNGS
) -> str:
    """The page as one HTML text without scripts, links or fonts from elsewhere. labels : of the masks."""
    head = f"Review of {'lung masks' if labels.of_lungs else 'masks'}: {escape(title)}"
    parts = [
        f"<h1>{head}</h1>",
        f'<p class="quiet head">{escape(_when(summary))}{escape(_rule(protocol, labels))}</p>',
        _figures(summary),
        _bar(summary),
        '<div class="columns"><div>',
        _times(summary),
        "</div><div>",
        _reasons(summary),
        _first_masks(summary.first_masks),
        "</div></div>",
        _pairs(pictures),
        _foot(summary),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{head}</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(part for part in parts if part)
        + "\n</body></html>\n"
    )


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


def _figures(summary: Summary) -> str:
    done = summary.decided
    each = _minutes(summary.minutes / done) if done else "–"
    boxes = [
        (f"{done:,} of {summary.total:,}", "images decided"),
        (_hours(summary.minutes), "of active work"),
        (each, "per decided image"),
    ]
    return (
        '<div class="figures">'
        + "".join(f"<div><b>{escape(number)}</b>{escape(what)}</div>" for number, what in boxes)
        + "</div>"
    )


def _bar(summary: Summary) -> str:
    there = [(summary.counts[status], name, colour) for status, name, colour in _SHOWN]
    there = [one for one in there if one[0]]
    pieces = "".join(f'<i style="flex:{number};background:{colour}"></i>' for number, _, colour in there)
    key = "".join(
        f'<span><i style="background:{colour}"></i>{number:,} {name}</span>' for number, name, colour in there
    )
    return f'<div class="bar">{pieces}</div><p class="key">{key}</p>'


def _times(summary: Summary) -> str:
    if not summary.by_status:
        return ""
    text = "<h2>Time per image</h2>" + _timing_table("", summary.by_status)
    if summary.by_reviewer:
        shown, more = summary.by_reviewer[:_REVIEWERS], len(summary.by_reviewer) - _REVIEWERS
        text += "<h2>By reviewer</h2>" + _timing_table("", shown)
        text += f'<p class="quiet">and {more} more, see report.csv</p>' if more > 0 else ""
    return text


def _timing_table(head: str, timings: Sequence[Timing]) -> str:
    rows = "".join(
        f'<tr><td>{escape(t.name)}</td><td class="n">{t.cases:,}</td><td class="n">{_minutes(t.median)}</td>'
        f'<td class="n">{_minutes(t.mean)}</td></tr>'
        for t in timings
    )
    return (
        f'<table><tr><th>{head}</th><th class="n">images</th><th class="n">half took under</th>'
        f'<th class="n">average</th></tr>{rows}</table>'
    )


def _reasons(summary: Summary) -> str:
    if not summary.reasons:
        return ""
    rows = "".join(
        f'<tr><td>{escape(reason.value)}</td><td class="n">{number:,}</td></tr>'
        for reason, number in summary.reasons
    )
    return f"<h2>Why images were rejected</h2><table>{rows}</table>"


def _first_masks(first: FirstMasks) -> str:
    if not first.judged:
        return ""
    share = f"{first.unchanged / first.judged:.0%}"
    text = (
        "<h2>How good the first masks were</h2>"
        f"<p>{first.unchanged:,} of {first.judged:,} ({share}) were accepted without a change.</p>"
    )
    middle = []
    if first.dice is not None:
        middle.append(f"overlap with the corrected mask {first.dice:.3f} (Dice; 1 is the same)")
    if first.hd95_mm is not None:
        middle.append(f"95 % of the border moved less than {first.hd95_mm:.1f} mm")
    elif first.hd95_px is not None:
        middle.append(f"95 % of the border moved less than {first.hd95_px:.0f} pixels")
    if first.changed_mm2 is not None:
        middle.append(f"{first.changed_mm2 / 100:,.1f} cm² changed")
    if middle:
        text += f"<p>Typical of the corrected ones (median): {'; '.join(middle)}.</p>"
    return text


def _pairs(pictures: Sequence[Correction]) -> str:
    if not pictures:
        return ""
    figures = "".join(
        f'<figure><div><img src="{p.before}" alt="before"><img src="{p.after}" alt="after"></div>'
        f"<figcaption>Case {p.number}, Dice {p.dice:.3f}: {escape(p.first_mask)}, then corrected"
        f"</figcaption></figure>"
        for p in pictures
    )
    title = "Largest correction" if len(pictures) == 1 else f"The {len(pictures)} largest corrections"
    return f'<h2>{title}</h2><div class="pairs">{figures}</div>'


def _foot(summary: Summary) -> str:
    known = f"{summary.patients:,} known patient{'' if summary.patients == 1 else 's'}"
    if summary.patient_unknown:
        known += f"; of {summary.patient_unknown:,} images the patient is not known"
    return (
        f'<footer class="quiet">{known}. Time counts while somebody works on an open case; pauses of more '
        "than a minute are left out. report.csv beside this page has one row a case. "
        f"Made on {datetime.now(UTC):%Y-%m-%d}. For research, not a medical device.</footer>"
    )


def _minutes(minutes: float) -> str:
    if minutes < 1:
        return f"{minutes * 60:.0f} s"
    return f"{minutes:.1f} min" if minutes < 10 else f"{minutes:.0f} min"


def _hours(minutes: float) -> str:
    return _minutes(minutes) if minutes < 90 else f"{minutes / 60:,.1f} h"
