"""docs/lineage.md, made of the results."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from benchmarks.lineage.networks import Network
from benchmarks.lineage.plan import SETS, ImageSet
from benchmarks.lineage.tables import (
    gradients,
    ideas,
    mean_score,
    networks,
    not_measured,
    row_of,
    trainings,
)
from benchmarks.lineage.train import Trained

_HEAD = """# What each idea brought

The networks of the [tutorial](lineage-tutorial.md), in figures. `make lineage` trains everything on this
page and writes it; do not edit it by hand. The networks are in `napari_unet/nets/`. All are trained by the
same command on the same images; what differs stands in `benchmarks/lineage/plan.py`.

**How far to trust it.** A network that was *still rising* when its training ended is marked: nothing is
concluded from it. A *quick* training has images of half the size (a quarter of the pixels) and a sixth of
the epochs; it shows that a network learns, and its figures are no measure of the network. Each training
reads the test images once, after everything has been chosen, so that a row and seed has read them at most
twice: quick and whole. Earlier trainings of some rows, with seeds 0 and 1, have read them too and were thrown
away: they had taken some images for negatives, or were still rising. Of membranes, all rows of seed 2 were
read twice: first one threshold, that of V_rand, had served for every measure, and the U-Net of 2015 and the
one without padding had fewer epochs.

**What is not as published.** The U-Net of 2015 has a quarter of its maps (16 in the first level, not 64) and
is trained with a momentum of 0.9: the 0.99 of its paper is for a training of hours. Cireşan's window has half
the maps and half the hidden neurons of the paper's networks, so that the one of 95 has 55,214 parameters here
and 219,290 there, and it is trained for minutes, not days.

- **Training**: minutes of processor time, in steps of bfloat16. **Time for an image**: that of the network
  over that of today's U-Net, in processor time, float32.
- **Pixel error**: share of the pixels that differ; less is better. **Dice**: overlap. **Boundary F1**:
  share of the two borders within 2 pixels of each other (Csurka 2013).
- **V_rand, V_info**: whether pixels that belong together are together, after borders have been thinned to
  one pixel (Arganda-Carreras 2015); 1 is perfect. Only images of many objects have them. The tests compare
  both with scikit-image and with counting pair by pair.
- **Worst**: Dice of the worst image. Of several seeds: the mean, and in brackets the lowest and the
  highest.
"""
_NOTES = {
    "em": "The five test slices are *of one block*, the one that the training slices are of, and lie beside "
    "those for validation: the figures say nothing about other tissue or other microscopes. Each network has "
    "two thresholds, chosen on three validation slices, as the challenge took the best for each measure: "
    "that with the lowest pixel error, for pixel error, Dice, boundary F1 and worst; and that with the "
    "highest V_rand, for V_rand and V_info. The slice between validation and training slices is not used. A "
    "batch is one image, as in 2015: batch normalisation learns with the statistics of single images and "
    "works with their running mean. Published for the challenge's hidden slices, which are other slices: "
    "U-Net 2015 warping error 0.000353, Rand error 0.0382, pixel error 0.0611; Cireşan 2012 0.000420, "
    "0.0504, 0.0613; a later reproduction of the U-Net V_rand 0.951 to 0.964, V_info 0.981 to 0.983.",
    "xray": "Trained on Montgomery. Shenzhen is another country and another machine; nothing was trained or "
    "chosen there. Thresholds are chosen on Montgomery's validation images.",
}
_NOTHING = "No network has been trained for this page so far: accuracies are not measured.\n"
_NETWORKS = (
    "Some rows have the same network and differ in their training: their times show how far a time can be "
    "trusted.\n"
)
_IDEAS = "The difference to the row beside which it stands, on the test images.\n"
_GRADIENTS = (
    "The norm of the gradient of each stage over that of the last stage of the decoder: the mean over the "
    "first fifth of the epochs → over the last fifth. A small number means that little of the gradient has "
    "arrived there.\n"
)
_CURVES = (
    "Dice on validation images along the training, a line for each seed; dashed: quick; orange: still "
    "rising.\n"
)
_KINDS = (("whole trainings", False), ("quick trainings", True))
_PLAINER = {
    "no-norm-no-skips": "without skips and normalisation",
    "no-norm": "with skips alone",
    "no-norm-residual": "with skips and residual blocks",
    "encoder-decoder": "with normalisation alone",
    "today": "with skips and normalisation",
    "residual": "with all three",
}
_VANISHED = 0.1  # of the gradient of the last stage
_WANTED = {"V_rand": 0.96, "V_info": 0.98}


def curves_file(images: ImageSet) -> str:
    """Name of the picture of a set's learning curves, in docs/images."""
    return f"lineage-{images.name}.svg"


def page(found: Sequence[Trained], measured: dict[str, dict[str, Network]]) -> str:
    """The whole page. measured : by set and row, what the networks are."""
    parts = [_HEAD]
    for images in SETS:
        own = [one for one in found if one.set == images.name]
        nets = measured.get(images.name, {})
        if own or nets:
            parts += [f"## {images.title}\n", _NOTES[images.name] + "\n"]
        if nets:
            parts += ["### The networks\n", _NETWORKS, networks(nets), ""]
        if own:
            parts += _section(images, own)
    missing = not_measured(found)
    if missing:
        parts += ["## Not measured\n", "" if found else _NOTHING, "Whole trainings that have not been run:\n"]
        parts += [*(f"- {text}" for text in missing), ""]
    if found:
        parts += ["## Where it was measured\n", *_machines(found), *_taken(found), ""]
    return "\n".join(parts)


def _section(images: ImageSet, own: Sequence[Trained]) -> list[str]:
    """Whole and quick trainings never stand in one table."""
    kinds = [(name, [one for one in own if one.quick is quick]) for name, quick in _KINDS]
    parts = []
    for name, runs in kinds:
        for place, _ in images.tests:
            if any(place in one.scores for one in runs):
                parts += [f"### {place}, {name}\n", trainings(images, runs, place), ""]
    if images.divides and (said := conclusions(own)):
        parts += ["### What follows\n", *(f"- {text}" for text in said), ""]
    if images.divides:
        for name, runs in kinds:
            if table := ideas(images, runs):
                parts += [f"### One change at a time, {name}\n"]
                parts += [_IDEAS, table, ""]
        for name, runs in kinds:
            if table := gradients(runs):
                parts += [f"### Vanishing gradients, {name}\n", _GRADIENTS, table, ""]
    parts += ["### Learning curves\n", _CURVES]
    parts += [f"![Learning curves: {images.title}](images/{curves_file(images)})", ""]
    return parts


def conclusions(own: Sequence[Trained]) -> list[str]:
    """What whole trainings that had come to an end say, in sentences; of others nothing is said."""
    em = SETS[0]
    place = em.tests[0][0]

    def means(name: str, metric: str) -> list[float]:
        return [mean_score(one, place, metric) for one in row_of(name, own)]

    said = []
    for metric, wanted in _WANTED.items():
        rows = {one.row for one in own}
        best = max((fmean(values) for row in rows if (values := means(row, metric))), default=None)
        if best is not None:
            word = "reached" if best >= wanted else "not reached"
            said.append(f"The best {metric} is {best:.3f}; {wanted} was to be reached, and is {word}.")
    for metric, other, title in (
        ("boundary F1", "encoder-decoder", "the same network without skips"),
        ("V_rand", "ciresan", "the sliding window"),
    ):
        ours, theirs = means("today", metric), means(other, metric)
        if ours and theirs:
            ahead = "ahead of" if fmean(ours) > fmean(theirs) else "not ahead of"
            figures = f"{fmean(ours):.3f} and {fmean(theirs):.3f}"
            apart = min(ours) > max(theirs) or max(ours) < min(theirs)
            counts = {len(ours), len(theirs)}
            seeds = f"{len(ours)} and {len(theirs)} seeds" if counts != {1} else "one seed of each"
            seeds += "" if apart or counts == {1} else ", which overlap"
            said.append(f"By {metric} today's U-Net is {ahead} {title}: {figures} ({seeds}).")
    return said + _said_of_gradients(own)


def _said_of_gradients(own: Sequence[Trained]) -> list[str]:
    """Whether the gradient vanishes on its way to the first stage, and whether skips cure that."""
    arrived = {name: _arrived(rows[0]) for name in _PLAINER if (rows := row_of(name, own))}
    if not {"no-norm-no-skips", "no-norm"} <= set(arrived):
        return []
    ratios = "; ".join(f"{ratio:.2g} {_PLAINER[name]}" for name, ratio in arrived.items())
    said = f"The gradient of the first stage over that of the last, early in the training: {ratios}."
    if arrived["no-norm-no-skips"] >= _VANISHED:
        verdict = (
            "Even without skips and normalisation it does not vanish: there is nothing for skips to cure."
        )
    elif arrived["no-norm"] >= _VANISHED:
        verdict = "Without skips and normalisation it vanishes, and skips cure it."
    else:
        verdict = "Without skips and normalisation it vanishes, and skips do not cure it here."
    return [f"{said} {verdict}"]


def _arrived(one: Trained) -> float:
    """The gradient of the first stage over that of the last, in the first fifth of the training."""
    return one.gradients["encoder.0"][0] / one.gradients["decoder.0"][0]


def _machines(found: Sequence[Trained]) -> list[str]:
    """The conditions of all trainings."""
    names = list(dict.fromkeys(name for one in found for name in one.machine))
    lines = []
    for name in names:
        values = sorted({one.machine[name] for one in found if name in one.machine})
        lines.append(f"- {name}: {' to '.join((values[0], values[-1])) if len(values) > 1 else values[0]}")
    return lines


def _taken(found: Sequence[Trained]) -> list[str]:
    """How long all trainings took."""
    lines = []
    for name, quick in _KINDS:
        seconds = [one.seconds for one in found if one.quick is quick]
        if seconds:
            lines.append(f"- {len(seconds)} {name}: {sum(seconds) / 60:.0f} minutes of processor time")
    return lines
