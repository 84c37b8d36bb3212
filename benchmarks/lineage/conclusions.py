"""What follows from the tables, in sentences; of a row that is still rising nothing does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

from benchmarks.lineage.compare import (
    Difference,
    Noise,
    difference,
    figure,
    finished,
    is_rising,
    noise,
    of_images,
    seeds,
    signed,
    title,
    whole,
    why_not,
)
from benchmarks.lineage.plan import ROWS, ImageSet, planned
from benchmarks.lineage.train import Trained


@dataclass(frozen=True)
class Idea:
    """One idea of the lecture, and the two rows that it tells apart. note : what else a reader must know."""

    name: str
    having: str
    lacking: str
    note: str = ""


IDEAS = (
    Idea("Skip connections", "today", "encoder-decoder"),
    Idea("Skip connections, without normalisation", "no-norm", "no-norm-no-skips"),
    Idea("Padding", "today", "no-padding"),
    Idea("Deconvolution, not interpolation", "today", "interpolation"),
    Idea("Residual blocks", "residual", "today"),
    Idea("Residual blocks, without normalisation", "no-norm-residual", "no-norm"),
    Idea("Batch normalisation", "today", "no-norm"),
    Idea("Instance, not batch normalisation", "instance-norm", "today"),
    Idea("Dice in the loss", "today", "cross-entropy"),
    Idea("Weight map", "weight-map", "cross-entropy", "It balances the classes too."),
    Idea("Weight map, U-Net 2015", "unet-2015", "2015-no-weights", "It balances the classes too."),
    Idea("Elastic deformation", "today", "no-elastic", "Of half of the samples, on 5×5 points."),
    Idea("Elastic deformation of 2015", "elastic", "no-elastic", "Of all samples, on 3×3 points."),
    Idea("Elastic deformation of 2015, not ours", "elastic", "today", "Both rows deform."),
    Idea("Window of 95, not 65", "ciresan-95", "ciresan", "Poolings, kernels and parameters differ too."),
    Idea("A width of 64, not 16, U-Net 2015", "2015-64", "unet-2015"),
)

_BEYOND = "beyond noise"
_TORN = "V_rand"  # can hang on one slice, so that the median counts as much as the mean
_WANTED = {"V_rand": 0.96, "V_info": 0.98}
_AHEAD = {
    "em": (
        ("boundary F1", "today", "encoder-decoder"),
        ("V_rand", "today", "ciresan"),
        ("V_rand", "unet-2015", "ciresan"),
    ),
    "xray": (("Dice", "today", "ciresan"), ("Dice", "unet-2015", "ciresan")),
}
_TOLD = {"em": ("boundary F1", "V_rand"), "xray": ("boundary F1", "Dice")}  # of each idea


def still_rising(own: Sequence[Trained]) -> list[str]:
    """By how much each network was still getting better, and its own threshold."""
    said = []
    for row in ROWS:
        runs = whole(row.name, own)
        if is_rising(runs):
            cuts = sorted({one.thresholds["pixels"] for one in runs})
            rise = max(one.rise for one in runs)
            said.append(f"{title(row.name)} (+{rise:.4f}; its own threshold {' to '.join(map(str, cuts))})")
    return [f"Still rising: {'; '.join(said)}."] if said else []


def goals(images: ImageSet, own: Sequence[Trained]) -> list[str]:
    """Whether what was to be reached is reached."""
    said = []
    for place, _ in images.tests:
        if images.divides:
            said += [_best(own, place, metric, wanted) for metric, wanted in _WANTED.items()]
            said += _hangs_on_one(own, place)
        where = f"{place}: " if len(images.tests) > 1 else ""
        for metric, ours, theirs in _AHEAD[images.name]:
            said.append(where + _ahead(own, place, metric, ours, theirs))
    return said


def _best(found: Sequence[Trained], place: str, metric: str, wanted: float) -> str:
    """Of a metric on the test images."""
    rows = {row.name: own for row in ROWS if (own := finished(row.name, found))}
    goal = f"{metric} of {wanted} with the best network"
    if not rows:
        return f"{goal}: not concluded: every network so far is still rising."

    def mean(name: str) -> float:
        return fmean(of_images(rows[name], place, metric))

    best = max(rows, key=mean)
    slices = [value for one in rows[best] for value in one.scores[place][metric]]
    word = "reached" if mean(best) >= wanted else "not reached"
    said = (
        f"{goal}: {word}. {title(best)} has {figure(rows[best], place, metric)}, {seeds(len(rows[best]))}; "
        f"slices {min(slices):.3f} to {max(slices):.3f}, median {median(slices):.3f}. It is the best of "
        f"{len(rows)} on the test slices themselves, so the figure is flattering."
    )
    several = [name for name in rows if len(rows[name]) > 1]
    if several and len(rows[best]) == 1:
        second = max(several, key=mean)
        said += f" The best with several seeds is {title(second)}: {figure(rows[second], place, metric)}."
    return said


def _hangs_on_one(found: Sequence[Trained], place: str) -> list[str]:
    """How far a single slice moves the V_rand of a network, at the most."""
    moved = []
    for row in ROWS:
        if own := finished(row.name, found):
            values = of_images(own, place, _TORN)
            for number in range(len(values)):
                rest = fmean(values[:number] + values[number + 1 :])
                moved.append((abs(rest - fmean(values)), title(row.name), fmean(values), rest))
    if not moved:
        return []
    _, name, mean, rest = max(moved)
    return [
        f"V_rand can hang on one slice: {name} has {mean:.3f}, and {rest:.3f} without one of its slices. "
        "Read the median beside it, and take no difference of one seed for a finding."
    ]


def _ahead(found: Sequence[Trained], place: str, metric: str, ours: str, theirs: str) -> str:
    """Of two networks that were to stand in this order."""
    goal = f"{title(ours)} ahead of {title(theirs)} by {metric}"
    if why := why_not((ours, theirs), found):
        return f"{goal}: {why}."
    own, others = finished(ours, found), finished(theirs, found)
    change, chance = difference(own, others, place, metric), noise(found, place, metric)
    word = "reached" if change.mean > 0 else "not reached"
    if chance and (verdict := _verdict(change, chance, metric)) != _BEYOND:
        word = verdict
    unknown = "" if chance else "; noise not known"
    figures = f"{figure(own, place, metric)} and {figure(others, place, metric)}"
    return f"{goal}: {word}. {figures}, {seeds(len(own), len(others))}{unknown}."


def what_noise_is(images: ImageSet, own: Sequence[Trained]) -> str:
    """How much of a difference chance alone can make, where that is known."""
    found = []
    for place, _ in images.tests:
        where = f" on {place}" if len(images.tests) > 1 else ""
        for metric in _TOLD[images.name]:
            if one := noise(own, place, metric):
                found.append(f"{one.value:.4f} in {metric}{where} ({one.row}, {seeds(one.seeds)})")
    if not found:
        return (
            "No network that came to an end has several seeds: how much of a difference is chance is not "
            "known. On how many images it is a gain is a hint, no more."
        )
    return (
        "*Noise* is how far the seeds of one network lie apart, the widest of those that came to an end: "
        f"{'; '.join(found)}. Few seeds show too little of it, and a row of one seed may be a lucky one."
    )


def ideas(images: ImageSet, own: Sequence[Trained]) -> list[str]:
    """What each idea brought: a sentence for each whose rows are planned on this set."""
    planned_here = {row.name for row in ROWS if planned(images, row)}
    return [_idea(idea, images, own) for idea in IDEAS if {idea.having, idea.lacking} <= planned_here]


def _idea(idea: Idea, images: ImageSet, own: Sequence[Trained]) -> str:
    said = f"**{idea.name}**: "
    if why := why_not((idea.having, idea.lacking), own):
        return f"{said}{why}."
    having, lacking = finished(idea.having, own), finished(idea.lacking, own)
    parts = []
    for place, _ in images.tests:
        where = f"{place}: " if len(images.tests) > 1 else ""
        found = [_gain(having, lacking, own, place, metric) for metric in _TOLD[images.name]]
        parts.append(where + "; ".join(found))
    note = f" {idea.note}" if idea.note else ""
    return f"{said}{'. '.join(parts)} ({seeds(len(having), len(lacking))}).{note}"


def _gain(
    having: Sequence[Trained], lacking: Sequence[Trained], own: Sequence[Trained], place: str, metric: str
) -> str:
    """One metric of one idea."""
    change = difference(having, lacking, place, metric)
    said = f"{metric} {signed(change.mean)}" + (
        f" (median {signed(change.median)})" if metric == _TORN else ""
    )
    if chance := noise(own, place, metric):
        said += f", {_verdict(change, chance, metric)}"
    return f"{said}, a gain on {change.better} of {len(change.each)}"


def _verdict(change: Difference, chance: Noise, metric: str) -> str:
    """Whether two rows differ by more than the seeds of one do."""
    if not chance.less_than(change.mean):
        return f"no difference {_BEYOND}"
    if metric == _TORN and not (chance.less_than(change.median) and change.mean * change.median > 0):
        return f"{_BEYOND} in the mean, not in the median"
    return _BEYOND
