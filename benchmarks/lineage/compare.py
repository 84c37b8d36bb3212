"""Rows beside each other: what differs, what chance alone does, and whether anything may be concluded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from benchmarks.lineage.plan import ROWS
from benchmarks.lineage.train import Trained
from napari_unet.core.wording import listed

NAMED = {row.name: row for row in ROWS}


@dataclass(frozen=True)
class Difference:
    """One row less another, for each test image; of several seeds the mean."""

    each: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Over the images."""
        return fmean(self.each)

    @property
    def median(self) -> float:
        """Over the images: no single one of them moves it far."""
        return median(self.each)

    @property
    def better(self) -> int:
        """On how many images it is above 0."""
        return sum(value > 0 for value in self.each)


@dataclass(frozen=True)
class Noise:
    """How far the seeds of one row lie apart. row : its title. value : highest less lowest mean."""

    row: str
    seeds: int
    value: float

    def less_than(self, change: float) -> bool:
        """Whether a difference, up or down, is more than that."""
        return abs(change) > self.value


def title(name: str) -> str:
    """A row in a sentence: what stands before the colon of its title."""
    return NAMED[name].title.partition(":")[0]


def whole(name: str, found: Iterable[Trained]) -> list[Trained]:
    """The trainings of a row that are not quick ones."""
    return [one for one in found if one.row == name and not one.quick]


def is_rising(own: Iterable[Trained]) -> bool:
    """Whether nothing may be concluded from a row: one of its seeds was still getting better."""
    return any(one.is_rising for one in own)


def finished(name: str, found: Iterable[Trained]) -> list[Trained]:
    """The whole trainings of a row that had come to an end: only from these follows anything."""
    own = whole(name, found)
    return [] if is_rising(own) else own


def why_not(names: Iterable[str], found: Sequence[Trained]) -> str:
    """Why nothing can be said of these rows; "" if something can."""
    names = list(names)
    if missing := [title(name) for name in names if not whole(name, found)]:
        return f"not trained yet: {listed(missing)}"
    rising = [title(name) for name in names if not finished(name, found)]
    verb = "are" if len(rising) > 1 else "is"
    return f"not concluded: {listed(rising)} {verb} still rising" if rising else ""


def mean_score(one: Trained, place: str, metric: str) -> float:
    """Over the images of a place."""
    return fmean(one.scores[place][metric])


def figure(own: Sequence[Trained], place: str, metric: str) -> str:
    """The mean; of several seeds the lowest and the highest too."""
    values = [mean_score(one, place, metric) for one in own]
    spread = f" ({min(values):.3f} to {max(values):.3f})" if len(values) > 1 else ""
    return f"{fmean(values):.3f}{spread}"


def of_images(own: Sequence[Trained], place: str, metric: str) -> list[float]:
    """For each image of a place the mean of the seeds."""
    return [fmean(values) for values in zip(*(one.scores[place][metric] for one in own), strict=True)]


def difference(own: Sequence[Trained], others: Sequence[Trained], place: str, metric: str) -> Difference:
    """The trainings of one row less those of another; all seeds of each count."""
    pairs = zip(of_images(own, place, metric), of_images(others, place, metric), strict=True)
    return Difference(tuple(value - other for value, other in pairs))


def noise(found: Sequence[Trained], place: str, metric: str) -> Noise | None:
    """The widest range over the seeds of a row that came to an end; None if no such row has several."""
    spreads = []
    for row in ROWS:
        values = [mean_score(one, place, metric) for one in finished(row.name, found)]
        if len(values) > 1:
            spreads.append(Noise(title(row.name), len(values), max(values) - min(values)))
    return max(spreads, key=lambda one: one.value, default=None)


def signed(value: float) -> str:
    """A difference with its sign."""
    return f"{round(value, 4) + 0.0:+.4f}"  # never -0.0000


def seeds(*counts: int) -> str:
    """Of one row or two, in words."""
    words = ["one seed" if count == 1 else f"{count} seeds" for count in counts]
    if len(words) > 1 and len(set(words)) == 1:
        return f"{words[0]} of each"
    return " and ".join(words)
