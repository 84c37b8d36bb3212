"""The new answer of a child in three places, two of which it has never seen; with pictures of every leak."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from benchmarks.adapt_sets import CHILDREN, NEW, OLD, cases, children, draw
from benchmarks.designs import CASES, DESIGNS, Draw, taught_child
from benchmarks.result import Column, NotMeasured, Result
from napari_unet.core.chest_zones import ChestZones, Zone, at_zone_size, chest_zones
from napari_unet.core.label_set import BACKGROUND
from napari_unet.core.labels import lung
from napari_unet.core.mask_leaks import mask_leaks
from napari_unet.core.metrics import dice
from napari_unet.core.outline import outline
from napari_unet.core.protocol_difference import case_difference, protocol_difference
from napari_unet.core.raster import Raster
from napari_unet.core.steps import run
from napari_unet.core.training_pair import TrainingPair
from napari_unet.core.window import display_pixels
from napari_unet.core.wording import listed
from napari_unet.inference.predictor import Predictor
from napari_unet.io.pictures import write_png
from napari_unet.models.checkpoint import load_model
from napari_unet.models.library import default_library
from napari_unet.training.pairs import read_pair
from napari_unet.training.samples import labelled
from napari_unet.training.undisputed import drawn_beside

SHENZHEN = "shenzhen_eval"
PICTURES = Path(__file__).parent.parent / "build" / "benchmarks" / "leaks"
"""Where every leak is drawn: the parent's mask green, the new one red, the reference yellow."""

_GREEN, _RED, _YELLOW = (0, 200, 0), (230, 0, 0), (240, 220, 0)
_COLUMNS = (
    Column("seed"),
    Column("Dice, COVID test"),
    Column("Dice, children test"),
    Column("visible lung covered, Shenzhen: cxr-lung"),
    Column("new answer"),
    Column("extra area in the zones asked for", "share"),
    Column("images with a leak: children", "share"),
    Column("Shenzhen", "share"),
    Column("both", "share"),
    Column("training", "s"),
    Column("whole network", "s"),
)


@dataclass(frozen=True)
class _Seen:
    """One image, its reference, and what the parent draws."""

    pair: TrainingPair
    reference: np.ndarray
    before: np.ndarray
    chest: ChestZones | None


@dataclass
class _Counts:
    """Sums over the images of one place."""

    dice: list[float]
    covered: list[float]
    covered_before: list[float]
    leaking: list[bool]
    extra: np.ndarray


def measure(quick: bool) -> Result:
    """Preset Quick on eight cases of `adapt`, three seeds; the test splits are only read here."""
    seeds = (0,) if quick else (0, 1, 2)
    result = Result(
        "Two answers",
        f"cxr-lung, fine-tuned on {CASES} cases of covid's adapt split with the preset Quick as another "
        "protocol, float32 on the processor. Scored is the new answer, at the images' own size, with the "
        "threshold and rules of users. Children are another hospital with the new protocol; Shenzhen's "
        "masks hold the visible lung, by the protocol of cxr-lung. Extra area: what the new answer adds to "
        "the visible lung, beyond 2 % of the chest's width from it; asked for are the zones that the cases "
        "of the fine-tune add, as measured before it. Leaks: `core/mask_leaks.py`. Training: processor time "
        "of the final model; beside it that of the loop for the same protocol, which changes the whole "
        "network, run in turns.",
        _COLUMNS,
    )
    try:
        adapt = cases(NEW, "adapt")
        if quick:  # whether it runs at all is no reason to look at a test image
            tests = {NEW: adapt, CHILDREN: children("val"), SHENZHEN: cases(OLD, "val")}
        else:
            tests = {NEW: cases(NEW, "test"), CHILDREN: children("test"), SHENZHEN: cases(SHENZHEN, "test")}
    except NotMeasured as why:
        result.add_missing("two answers", why)
        return result
    entry = default_library().find("cxr-lung")
    net, card = load_model(entry), entry.card
    parent = Predictor(net, card, torch.device("cpu"))
    seen = {name: _seen(pairs[: 2 if quick else None], parent) for name, pairs in tests.items()}
    rows = []
    for seed in seeds:
        chosen = draw(adapt, CASES, seed)[0]
        large, small = (labelled(chosen, card, oversize) for oversize in (True, False))
        taught = Draw(seed, large, small, small)
        whole = taught_child(DESIGNS[0], net, card, taught, quick)[2]
        made, own, seconds = taught_child(DESIGNS[-1], net, card, taught, quick)
        child = Predictor(made, own, torch.device("cpu"))
        asked = protocol_difference(case_difference(*one) for one in drawn_beside(net, card, small))
        zones = [one.zone for one in asked.found if one.adds]
        found = {name: _of_place(images, child, f"{name}_{seed}") for name, images in seen.items()}
        rows.append((*_figures(found, zones), seconds, whole))
        result.add(str(seed), *_cells(rows[-1]))
        ids, words = listed([pair.id for pair in chosen]), listed([zone.words for zone in zones])
        result.notes.append(f"Seed {seed}: {ids}. Asked for: lung {words}.")
    result.add("mean", *_cells(np.mean(rows, axis=0).tolist()))
    result.add("standard deviation", *_cells(np.std(rows, axis=0).tolist()))
    return result


def _seen(pairs: Sequence[TrainingPair], parent: Predictor) -> list[_Seen]:
    found = []
    for pair in pairs:
        raster, labels, _ = read_pair(pair, parent.card)
        before = run(parent.steps(raster, raster.inverted)).labels() > BACKGROUND
        chest = chest_zones(at_zone_size(before))
        found.append(_Seen(replace(pair, image=raster), lung(labels), before, chest))
    return found


def _of_place(images: Sequence[_Seen], child: Predictor, name: str) -> _Counts:
    counts = _Counts([], [], [], [], np.zeros(len(Zone)))
    for one in images:
        assert isinstance(one.pair.image, Raster)
        after = run(child.steps(one.pair.image, one.pair.image.inverted)).labels() > BACKGROUND
        counts.dice.append(dice(after, one.reference))
        lungs = max(int(one.reference.sum()), 1)
        counts.covered.append(int((after & one.reference).sum()) / lungs)
        counts.covered_before.append(int((one.before & one.reference).sum()) / lungs)
        small, visible = at_zone_size(after), at_zone_size(one.reference)
        around = chest_zones(visible)
        if around is not None:
            counts.extra += np.bincount(around.zones[small & ~visible], minlength=len(Zone))
        leaks = () if one.chest is None else mask_leaks(one.chest, small)
        counts.leaking.append(bool(leaks))
        if leaks:
            PICTURES.mkdir(parents=True, exist_ok=True)
            write_png(PICTURES / f"{name}_{one.pair.id}.png", _picture(one, after))
    return counts


def _figures(found: dict[str, _Counts], asked: Sequence[Zone]) -> tuple[float, ...]:
    """The columns from the first Dice to the leaks of both places."""
    shenzhen, young = found[SHENZHEN], found[CHILDREN]
    beyond = shenzhen.extra[[zone for zone in Zone if zone not in (Zone.LUNG, Zone.BORDER)]].sum()
    return (
        float(np.mean(found[NEW].dice)),
        float(np.mean(young.dice)),
        float(np.mean(shenzhen.covered_before)),
        float(np.mean(shenzhen.covered)),
        float(shenzhen.extra[list(asked)].sum() / max(beyond, 1)),
        float(np.mean(young.leaking)),
        float(np.mean(shenzhen.leaking)),
        float(np.mean(young.leaking + shenzhen.leaking)),
    )


def _cells(figures: Sequence[float]) -> list[str | float]:
    return [*(f"{value:.3f}" for value in figures[:4]), *map(float, figures[4:])]


def _picture(one: _Seen, after: np.ndarray) -> np.ndarray:
    """uint8 (Y, X, 3): the image with three contours."""
    assert isinstance(one.pair.image, Raster)
    picture = np.repeat(display_pixels(one.pair.image)[..., None], 3, axis=-1)
    for mask, colour in ((one.reference, _YELLOW), (one.before, _GREEN), (after, _RED)):
        picture[outline(mask.astype(np.uint8), 2) > 0] = colour
    return picture
