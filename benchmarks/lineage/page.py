"""docs/lineage.md, made of the results."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from benchmarks.lineage.plan import ROWS, SETS, ImageSet, Row
from benchmarks.lineage.scores import DIVIDED, PLAIN
from benchmarks.lineage.train import Trained

_HEAD = """# From classification to segmentation: what each idea brought

`make lineage` trains everything on this page and writes it; do not edit it by hand. Every network is in
`napari_unet/nets/`, and is trained by the same command with the same images. A row that was *still rising*
when its training ended is marked: nothing is concluded from it.

- **Pixel error**: share of pixels that differ (less is better). **Dice**: overlap. **Boundary F1**: share of
the
  two borders that are within 2 pixels of each other (Csurka 2013).
- **V_rand, V_info**: whether pixels that belong together are together, after the borders have been thinned to
one
  pixel (Arganda-Carreras 2015); 1 is perfect. Only images with many objects have them.
- **Worst**: Dice of the worst image. Where there are three seeds, the mean, and in brackets the lowest and
the
  highest of them.
"""
_NOTES = {
    "em": "The five test slices are of the block that the training slices are of, and lie beside those for "
    "validation: the figures say nothing about other tissue or other microscopes. Thresholds are those with "
    "the highest V_rand on three validation slices, with one slice between them and the training slices. "
    "Known of the challenge's hidden slices: U-Net 2015 warping error 0.000353, Rand error 0.0382, pixel "
    "error 0.0611; Cireşan 2012 0.000420, 0.0504, 0.0613; a later reproduction of the U-Net V_rand 0.951 to "
    "0.964, V_info 0.981 to 0.983.",
    "xray": "Shenzhen is another country and another machine; nothing was trained or chosen there.",
}
_PASSED = ("no-norm", "no-norm-no-skips", "no-norm-residual", "today", "encoder-decoder", "residual")


def page(found: Sequence[Trained], ratios: dict[str, dict[str, float]], conditions: Sequence[str]) -> str:
    """The whole page. ratios : by set and row, the time for an image over that of today's U-Net."""
    parts = [_HEAD]
    for images in SETS:
        own = [one for one in found if one.set == images.name]
        if own:
            parts += [_main(images, own, ratios.get(images.name, {})), _curves(own)]
            parts += [_ideas(images, own), _gradients(own)] if images.divides else []
    return "\n".join([*parts, "## Where it was measured\n", *(f"- {line}" for line in conditions)]) + "\n"


def _of(row: Row, found: Sequence[Trained]) -> list[Trained]:
    return [one for one in found if one.row == row.name]


def _main(images: ImageSet, found: Sequence[Trained], ratios: dict[str, float]) -> str:
    """One table a place."""
    metrics = PLAIN + (DIVIDED if images.divides else ())
    lines = [f"## {images.title}\n", _NOTES[images.name]]
    for place in dict.fromkeys(place for one in found for place in one.scores):
        titles = ["network", "parameters", "multiply-adds a pixel", "training, min", "time for an image"]
        lines += [f"\n### {place}\n", *_table_head([*titles, *metrics, "worst"])]
        for row in ROWS:
            runs = [one for one in _of(row, found) if place in one.scores]
            if runs and (row.main or row.name == "today"):
                first = runs[0]
                cells = [
                    row.title + (" *(still rising)*" if any(one.is_rising for one in runs) else ""),
                    f"{first.parameters:,}",
                    f"{first.multiply_adds_per_pixel:,.0f}",
                    f"{fmean(one.seconds for one in runs) / 60:.1f}",
                    f"{ratios[row.name]:.2f} ×" if row.name in ratios else "–",
                    *(_spread([fmean(one.scores[place][metric]) for one in runs]) for metric in metrics),
                    f"{min(min(one.scores[place]['Dice']) for one in runs):.3f}",
                ]
                lines.append(_line(cells))
    return "\n".join(lines) + "\n"


def _ideas(images: ImageSet, found: Sequence[Trained]) -> str:
    """What one change did to each metric, on the first test place, or on validation images in a trial."""
    metrics = PLAIN + (DIVIDED if images.divides else ())
    lines = ["### One change at a time\n"]
    lines += ["The difference to the row beside which it stands, with one seed each.\n"]
    lines += _table_head(["change", "beside", *metrics])
    named = {row.name: row for row in ROWS}
    for row in ROWS:
        pair = [_of(one, found)[:1] for one in (row, named.get(row.against, row))]
        if not row.against or not all(pair):
            continue
        new, old = pair[0][0], pair[1][0]
        place = list(new.scores)[-1]
        mark = " *(still rising)*" if new.is_rising or old.is_rising else ""
        differences = [
            f"{fmean(new.scores[place][metric]) - fmean(old.scores[place][metric]):+.4f}"
            for metric in metrics
        ]
        lines.append(_line([row.title + mark, named[row.against].title, *differences]))
    return "\n".join(lines) + "\n"


def _gradients(found: Sequence[Trained]) -> str:
    """Whether gradients vanish on their way to the first level."""
    chosen = [(row, _of(row, found)[0]) for row in ROWS if row.name in _PASSED and _of(row, found)]
    if not chosen:
        return ""
    stages = [
        name for name in chosen[0][1].gradients if name.startswith(("encoder", "bottleneck", "decoder"))
    ]
    lines = ["### Vanishing gradients\n"]
    lines += [
        "The norm of the gradient of each stage, over that of the last stage of the decoder: the mean over "
        "the first fifth of the epochs, then over the last fifth. What is small has vanished on its way.\n"
    ]
    lines += _table_head(["network", *stages])
    for row, one in chosen:
        ends = one.gradients["decoder.0"]
        cells = [
            " → ".join(f"{norm / end:.2g}" for norm, end in zip(one.gradients[stage], ends, strict=True))
            for stage in stages
        ]
        lines.append(_line([row.title, *cells]))
    return "\n".join(lines) + "\n"


def _curves(found: Sequence[Trained]) -> str:
    """Dice on validation images along the training."""
    lines = ["### Learning curves\n", "Dice on validation images after a quarter, a half, and so on.\n"]
    lines += _table_head(["network", "seed", "epochs", "1/4", "1/2", "3/4", "end"])
    for one in found:
        title = next(row.title for row in ROWS if row.name == one.row)
        reached = [
            next((f"{score:.4f}" for at, score in one.curve if at >= part - 1e-9), "–")
            for part in (0.25, 0.5, 0.75, 1.0)
        ]
        lines.append(_line([title, str(one.seed), str(one.epochs), *reached]))
    return "\n".join(lines) + "\n"


def _spread(values: Sequence[float]) -> str:
    """The mean; of several the lowest and the highest too."""
    mean = f"{fmean(values):.4f}"
    return mean if len(values) == 1 else f"{mean} ({min(values):.4f}–{max(values):.4f})"


def _table_head(titles: Sequence[str]) -> list[str]:
    return [_line(titles), _line(["---"] * len(titles))]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
