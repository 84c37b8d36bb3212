"""The tables of docs/lineage.md."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, median

from benchmarks.lineage.compare import NAMED, difference, is_rising, mean_score, signed
from benchmarks.lineage.networks import Network
from benchmarks.lineage.plan import ROWS, SETS, ImageSet, planned, runs
from benchmarks.lineage.scores import DIVIDED, PLAIN
from benchmarks.lineage.train import Trained

_RISING = " *(still rising)*"


def metrics_of(images: ImageSet) -> tuple[str, ...]:
    """What is measured on a set."""
    return PLAIN + (DIVIDED if images.divides else ())


def networks(images: ImageSet, found: dict[str, Network]) -> str:
    """What each network is; one that was not measured is that of a row with the same network, if any was."""
    lines = table_head(["network", "parameters", "multiply-adds a pixel", "time for an image"])
    for row in ROWS:
        one = found.get(row.name)
        taken = f"{one.time:.2f} ×" if one and one.time is not None else "–"
        if one is None and planned(images, row):
            net = images.recipe(row, 0).net
            one = next((found[name] for name in found if images.recipe(NAMED[name], 0).net == net), None)
        if one is not None:
            lines.append(line([row.title, f"{one.parameters:,}", f"{one.multiply_adds_per_pixel:,}", taken]))
    return "\n".join(lines)


def trainings(images: ImageSet, found: Sequence[Trained], place: str) -> str:
    """A row for each network, on one place's test images."""
    metrics = metrics_of(images)
    titles = ["network", "seeds", "epochs", "training, min", "on", *metrics, "worst"]
    lines = table_head(titles + (["V_rand by slice"] if images.divides else []))
    for row in ROWS:
        own = [one for one in found if one.row == row.name and place in one.scores]
        if not own:
            continue
        cells = [
            marked(row.name, own),
            str(len(own)),
            str(own[0].epochs),
            f"{fmean(one.seconds for one in own) / 60:.1f}",
            ", ".join(sorted({_maker(one) for one in own})),
            *(_spread([mean_score(one, place, metric) for one in own]) for metric in metrics),
            f"{min(min(one.scores[place]['Dice']) for one in own):.3f}",
        ]
        if images.divides:
            values = [value for one in own for value in one.scores[place]["V_rand"]]
            cells.append(f"{median(values):.3f} ({min(values):.3f}–{max(values):.3f})")
        lines.append(line(cells))
    return "\n".join(lines)


def changes(images: ImageSet, found: Sequence[Trained]) -> str:
    """What one change did to each metric on the test images; all seeds of both rows count."""
    metrics, place = metrics_of(images), images.tests[0][0]
    lines = table_head(["change", "beside", "seeds", *metrics, "V_rand, median slice"])
    for row in ROWS:
        own, others = ([one for one in found if one.row == name] for name in (row.name, row.against))
        if not own or not others:
            continue
        cells = [signed(difference(own, others, place, metric).mean) for metric in metrics]
        cells.append(signed(difference(own, others, place, "V_rand").median))
        counts = " and ".join(dict.fromkeys((str(len(own)), str(len(others)))))
        lines.append(line([marked(row.name, own), marked(row.against, others), counts, *cells]))
    return "\n".join(lines) if len(lines) > 2 else ""


def not_trained(found: Sequence[Trained]) -> list[str]:
    """Which whole trainings are missing, in words: a line for each set."""
    done = {(one.set, one.row, one.seed) for one in found if not one.quick}
    lines = []
    for images in SETS:
        missing: dict[str, list[str]] = {}
        for of, row, seed in runs():
            if of.name == images.name and (images.name, row.name, seed) not in done:
                why = ", which needs a GPU" if row.gpu else ""
                missing.setdefault(row.title + why, []).append(str(seed))
        if missing:
            rows = "; ".join(f"{title} (seed {', '.join(seeds)})" for title, seeds in missing.items())
            lines.append(f"{images.title}: {rows}.")
    return lines


def marked(name: str, own: Sequence[Trained]) -> str:
    """A row's title, and whether it is still rising."""
    return NAMED[name].title + (_RISING if is_rising(own) else "")


def _maker(one: Trained) -> str:
    """Of what it was trained on: minutes on different processors cannot be compared."""
    gpu = one.machine.get("GPU", "none")
    return gpu if gpu != "none" else one.machine.get("processor", "–").split()[0].removesuffix("(R)")


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
