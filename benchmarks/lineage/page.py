"""docs/lineage.md, made of the results."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.lineage.as_published import differences
from benchmarks.lineage.conclusions import goals, ideas, still_rising, what_noise_is
from benchmarks.lineage.networks import Network
from benchmarks.lineage.plan import SETS, ImageSet
from benchmarks.lineage.tables import changes, networks, not_trained, trainings
from benchmarks.lineage.train import BETTER, Trained
from benchmarks.lineage.vanishing import VANISHED, gradients, verdicts

_HEAD = f"""# What each idea brought

The networks of the [tutorial](lineage-tutorial.md), in figures. `make lineage` trains everything on this
page and writes it, with its sentences; do not edit it by hand. The networks are in `napari_unet/nets/`. All
are trained by the same command on the same images; what differs stands in `benchmarks/lineage/plan.py`.

**How far to trust it.** A network is *still rising* if its Dice on validation images, at a threshold of 0.5,
was better in the last fifth of its epochs than before, by more than {BETTER}. It is marked, and nothing is
concluded from it. That is strict: where a network's own threshold is far from 0.5, its probabilities may
rise while its masks stay the same. A *quick* training has images of half the size (a quarter of the pixels)
and a twelfth of the epochs, and there is one for each network, not for each row; it shows that a network
learns, and its figures are no measure of it.

**Who has seen the test images.** Each training reads them once, after everything has been chosen; quick ones
have seed 0, whole ones 2 to 4. Of membranes, the rows of seed 2 have read them twice, except *U-Net 2015
without the weight map*, *Without elastic deformation* and the width of 64, which come later: at first one
threshold, that of V_rand, served for every measure, the windows had more epochs, and the U-Net of 2015 and
the one without padding had fewer. Before that, trainings with seeds 0 and 1 read them and were thrown away:
they had taken some images for negatives, or were still rising.

**What is not as published.**

{{differences}}

**What the columns say.**

- **Training**: minutes of processor time. About ten were meant for a network. **On**: the maker of the
  processor; minutes on different ones cannot be compared. **Time for an image**: that of the network over
  that of today's U-Net, in processor time, float32.
- **Pixel error**: share of the pixels that differ; less is better. **Dice**: overlap. **Boundary F1**:
  share of the two borders within 2 pixels of each other (Csurka 2013).
- **V_rand, V_info**: whether pixels that belong together are together, after borders have been thinned to
  one pixel (Arganda-Carreras 2015); 1 is perfect. Only images of many objects have them. The tests compare
  both with scikit-image and with counting pair by pair. One gap in a border can merge two large cells, and
  V_rand of that slice falls far. So the median over the slices stands beside the mean, with the lowest and
  the highest.
- **Worst**: Dice of the worst image. Of several seeds: the mean, and in brackets the lowest and the
  highest.
"""
_NOTES = {
    "em": "The five test slices are *of one block*, the one that the training slices are of, and lie beside "
    "those for validation: the figures say nothing about other tissue or other microscopes. Each network has "
    "two thresholds, chosen on three validation slices, as the challenge took the best for each measure: "
    "that with the lowest pixel error, for pixel error, Dice, boundary F1 and worst; and that with the "
    "highest V_rand, for V_rand and V_info. The slice between validation and training slices is not used. "
    "Batch normalisation learns with the statistics of single images and works with their running mean. "
    "Published for the challenge's hidden slices, which are other slices: "
    "U-Net 2015 warping error 0.000353, Rand error 0.0382, pixel error 0.0611; Cireşan 2012 0.000420, "
    "0.0504, 0.0613; a later reproduction of the U-Net V_rand 0.951 to 0.964, V_info 0.981 to 0.983.",
    "xray": "Trained on Montgomery. Shenzhen is another country and another machine; nothing was trained or "
    "chosen there. Thresholds are chosen on Montgomery's validation images.",
}
_NOTHING = "No network has been trained for this page so far: accuracies are not measured.\n"
_NETWORKS = (
    "Some rows have the same network and differ in their training: their times show how far a time can be "
    "trusted. –: not measured.\n"
)
_CHANGES = (
    "The difference to the row beside which it stands, on the test images; all seeds of both rows count. Of "
    "elastic deformation: today's U-Net deforms half of its samples, on 5×5 points, so that the row of 2015 "
    "compares one deformation with another.\n"
)
_IDEAS = (
    "The score with the idea less the score without it, so that + is a gain, and on how many of the test "
    "images it is one.\n"
)
_GRADIENTS = (
    "The norm of the gradient of each stage over that of the last stage of the decoder: the mean over the "
    "first fifth of the epochs → over the last fifth, and over the seeds; curves in between are not kept. A "
    "small number means that little of the gradient has arrived there. A norm is over all weights of a "
    "stage, and deep stages have by far the most: for a single weight there, still less arrives.\n"
)
_VERDICTS = (
    f"Below {VANISHED} a gradient counts as vanished. For each idea, stage by stage, early and late in the "
    "training: where it vanishes only without the idea (*cured*), with and without it (*not cured*), or "
    "only with it (*starved*). Skips are a short way past the deep stages, and can starve them.\n"
)
_CURVES = (
    "Dice on validation images, at a threshold of 0.5, along the training, a line for each seed; dashed: "
    "quick; orange: still rising.\n"
)
_KINDS = (("whole trainings", False), ("quick trainings", True))


def curves_file(images: ImageSet) -> str:
    """Name of the picture of a set's learning curves, in docs/images."""
    return f"lineage-{images.name}.svg"


def page(found: Sequence[Trained], measured: dict[str, dict[str, Network]]) -> str:
    """The whole page. measured : by set and row, what the networks are."""
    parts = [_HEAD.format(differences="\n".join(f"- {text}" for text in differences()))]
    for images in SETS:
        own = [one for one in found if one.set == images.name]
        nets = measured.get(images.name, {})
        if own or nets:
            parts += [f"## {images.title}\n", _NOTES[images.name] + "\n"]
        if nets:
            parts += ["### The networks\n", _NETWORKS, networks(images, nets), ""]
        if own:
            parts += _section(images, own)
    missing = not_trained(found)
    if missing:
        parts += ["## Not trained yet\n", *([] if found else [_NOTHING]), *_bullets(missing)]
    if found:
        parts += ["## Where it was measured\n", *_machines(found), *_taken(found), ""]
    return "\n".join(parts)


def _section(images: ImageSet, own: Sequence[Trained]) -> list[str]:
    """Whole and quick trainings never stand in one table; conclusions are of whole ones."""
    kinds = [(name, [one for one in own if one.quick is quick]) for name, quick in _KINDS]
    whole = kinds[0][1]
    parts = []
    for name, runs in kinds:
        for place, _ in images.tests:
            if any(place in one.scores for one in runs):
                parts += [f"### {place}, {name}\n", trainings(images, runs, place), ""]
    if whole:
        parts += ["### What follows\n", *_bullets(still_rising(whole) + goals(images, whole))]
    for name, runs in kinds if images.divides else []:
        if table := changes(images, runs):
            parts += [f"### One change at a time, {name}\n", _CHANGES, table, ""]
    if whole:
        parts += ["### What each idea brought\n", _IDEAS, what_noise_is(images, whole) + "\n"]
        parts += _bullets(ideas(images, whole))
    for name, runs in kinds if images.divides else []:
        if table := gradients(runs):
            parts += [f"### Vanishing gradients, {name}\n", _GRADIENTS, table, ""]
            parts += [] if runs[0].quick else [_VERDICTS, *_bullets(verdicts(runs))]
    parts += ["### Learning curves\n", _CURVES]
    parts += [f"![Learning curves: {images.title}](images/{curves_file(images)})", ""]
    return parts


def _bullets(texts: Sequence[str]) -> list[str]:
    """A list, and the empty line after it."""
    return [*(f"- {text}" for text in texts), ""]


def _machines(found: Sequence[Trained]) -> list[str]:
    """The conditions of all trainings."""
    lines = []
    for name in dict.fromkeys(name for one in found for name in one.machine):
        values = sorted({one.machine[name] for one in found if name in one.machine})
        if name == "date" and len(values) > 1:
            values = [f"{values[0]} to {values[-1]}"]
        lines.append(f"- {name}: {'; '.join(values)}")
    return lines


def _taken(found: Sequence[Trained]) -> list[str]:
    """How long all trainings took."""
    lines = []
    for name, quick in _KINDS:
        seconds = [one.seconds for one in found if one.quick is quick]
        if seconds:
            lines.append(f"- {len(seconds)} {name}: {sum(seconds) / 60:.0f} minutes of processor time")
    return lines
