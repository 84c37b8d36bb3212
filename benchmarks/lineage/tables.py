"""The tables of docs/lineage.md."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from benchmarks.lineage.networks import Network
from benchmarks.lineage.plan import ROWS, SETS, ImageSet, runs
from benchmarks.lineage.scores import DIVIDED, PLAIN
from benchmarks.lineage.train import Trained
from napari_unet.core.network_facts import stage_words

_RISING = " *(still rising)*"
_PASSED = ("no-norm", "no-norm-no-skips", "no-norm-residual", "today", "encoder-decoder", "residual")
NAMED = {row.name: row for row in ROWS}


def metrics_of(images: ImageSet) -> tuple[str, ...]:
    """What is measured on a set."""
    return PLAIN + (DIVIDED if images.divides else ())


def networks(found: dict[str, Network]) -> str:
    """What each network is."""
    lines = table_head(["network", "parameters", "multiply-adds a pixel", "time for an image"])
    for row in ROWS:
        if (one := found.get(row.name)) is not None:
            taken = "–" if one.time is None else f"{one.time:.2f} ×"
            lines.append(line([row.title, f"{one.parameters:,}", f"{one.multiply_adds_per_pixel:,}", taken]))
    return "\n".join(lines)


def trainings(images: ImageSet, found: Sequence[Trained], place: str) -> str:
    """A row for each network, on one place's test images."""
    metrics = metrics_of(images)
    lines = table_head(["network", "seeds", "epochs", "training, min", *metrics, "worst"])
    for row in ROWS:
        own = [one for one in found if one.row == row.name and place in one.scores]
        if not own:
            continue
        cells = [
            row.title + (_RISING if any(one.is_rising for one in own) else ""),
            str(len(own)),
            str(own[0].epochs),
            f"{fmean(one.seconds for one in own) / 60:.1f}",
            *(_spread([mean_score(one, place, metric) for one in own]) for metric in metrics),
            f"{min(min(one.scores[place]['Dice']) for one in own):.3f}",
        ]
        lines.append(line(cells))
    return "\n".join(lines)


def ideas(images: ImageSet, found: Sequence[Trained]) -> str:
    """What one change did to each metric on the test images: the mean of the seeds that both rows have."""
    metrics, place = metrics_of(images), images.tests[0][0]
    lines = table_head(["change", "beside", "seeds", *metrics])
    for row in ROWS:
        pairs = [
            (one, other)
            for one in found
            for other in found
            if (one.row, other.row, one.seed) == (row.name, row.against, other.seed)
        ]
        if not pairs:
            continue
        rising = any(one.is_rising for pair in pairs for one in pair)
        differences = [
            f"{fmean(mean_score(a, place, metric) - mean_score(b, place, metric) for a, b in pairs):+.4f}"
            for metric in metrics
        ]
        title = row.title + (_RISING if rising else "")
        lines.append(line([title, NAMED[row.against].title, str(len(pairs)), *differences]))
    return "\n".join(lines) if len(lines) > 2 else ""


def gradients(found: Sequence[Trained]) -> str:
    """Whether gradients vanish on their way to the first level; of one seed."""
    chosen = [
        (NAMED[name], next(one for one in found if one.row == name))
        for name in _PASSED
        if any(one.row == name for one in found)
    ]
    if not chosen:
        return ""
    stages = [
        name for name in chosen[0][1].gradients if name.startswith(("encoder", "bottleneck", "decoder"))
    ]
    lines = table_head(["network", *map(stage_words, stages)])
    for row, one in chosen:
        ends = one.gradients["decoder.0"]
        cells = [
            " → ".join(f"{norm / end:.2g}" for norm, end in zip(one.gradients[stage], ends, strict=True))
            for stage in stages
        ]
        lines.append(line([row.title, *cells]))
    return "\n".join(lines)


def not_measured(found: Sequence[Trained]) -> list[str]:
    """Which whole trainings are missing, in words: a line for each set."""
    done = {(one.set, one.row, one.seed) for one in found if not one.quick}
    lines = []
    for images in SETS:
        missing: dict[str, list[str]] = {}
        for planned, row, seed in runs():
            if planned.name == images.name and (images.name, row.name, seed) not in done:
                why = ", which needs a GPU" if row.gpu else ""
                missing.setdefault(row.title + why, []).append(str(seed))
        if missing:
            rows = "; ".join(f"{title} (seed {', '.join(seeds)})" for title, seeds in missing.items())
            lines.append(f"{images.title}: {rows}.")
    return lines


def mean_score(one: Trained, place: str, metric: str) -> float:
    """Over the images of a place."""
    return fmean(one.scores[place][metric])


def _spread(values: Sequence[float]) -> str:
    """The mean; of several the lowest and the highest too."""
    mean = f"{fmean(values):.4f}"
    return mean if len(values) == 1 else f"{mean} ({min(values):.4f}–{max(values):.4f})"


def table_head(titles: Sequence[str]) -> list[str]:
    """Titles and the line under them."""
    return [line(titles), line(["---"] * len(titles))]


def line(cells: Sequence[str]) -> str:
    """A row of a table."""
    return f"| {' | '.join(cells)} |"


def row_of(name: str, found: Sequence[Trained]) -> list[Trained]:
    """The trainings of a row that are whole and had come to an end: only from these follows anything."""
    own = [one for one in found if one.row == name and not one.quick]
    return [] if any(one.is_rising for one in own) else own
