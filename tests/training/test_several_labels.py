"""Right and left lung as two labels: from masks to a model, and on to a user's own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from net_fakes import TINY, card, lungs, xray
from PIL import Image
from tuning_fakes import HOME, QUICK, SIDE, case, tuned

from napari_unet.core.input_rule import InputRule
from napari_unet.core.label_set import RIGHT_AND_LEFT, Label, LabelSet, named_set
from napari_unet.core.labels import IGNORE
from napari_unet.core.metrics import dice_of_labels
from napari_unet.core.raster import Raster
from napari_unet.core.steps import run
from napari_unet.core.training_pair import TrainingPair
from napari_unet.inference.segment import segment_steps
from napari_unet.models.card import ModelCard, NetSpec
from napari_unet.models.checkpoint import build_net, save_model
from napari_unet.models.library import ModelLibrary
from napari_unet.models.output import Output
from napari_unet.models.replay_set import read_replay_set
from napari_unet.training.augment import Augment
from napari_unet.training.choose_replay import choose_replay_set
from napari_unet.training.config import TrainingConfig
from napari_unet.training.fit import fit
from napari_unet.training.learner import Learner, label_dice
from napari_unet.training.recipe import DataConfig, Recipe, ReplayConfig, ScoreConfig
from napari_unet.training.run import train_model
from napari_unet.training.samples import Samples, from_replay_set, labelled

SIDES = Output(id="sides", labels=RIGHT_AND_LEFT, swaps=RIGHT_AND_LEFT.mirrored)
CARD = card(
    input=InputRule(size=(SIDE, SIDE)), outputs=(SIDES,), net=NetSpec(arguments={**TINY, "classes": 2})
)

WIDER = NetSpec(arguments={**TINY, "base": 4, "widest": 16, "classes": 2})


def sides(height: int = 40, width: int = 48) -> np.ndarray:
    """The right lung, which is on the left of the image, and the left one."""
    labels = lungs(height, width).astype(np.uint8)
    labels[:, width // 2 :] *= 2
    return labels


def seen(labels: np.ndarray, seed: int) -> np.ndarray:
    """An X-ray with a brighter left lung."""
    pixels = xray(labels > 0, seed)
    pixels[labels == 2] += 0.25
    return pixels


def pair(k: int, labels: np.ndarray | None = None) -> TrainingPair:
    mask = sides() if labels is None else labels
    return replace(case(k), image=Raster(seen(sides(), k), spacing_mm=(0.5, 0.5)), mask=mask)


def samples(count: int, oversize: bool) -> Samples:
    return labelled([pair(k) for k in range(count)], CARD, oversize)


def test_each_label_is_a_channel_and_comes_back() -> None:
    mask = sides()
    mask[:4] = IGNORE
    found = labelled([pair(0, mask)], CARD, oversize=False)
    assert found.masks.shape == (1, 2, SIDE, SIDE) and found.valid.shape == (1, 1, SIDE, SIDE)
    assert found.masks[0, 0, :, : SIDE // 2].any() and not found.masks[0, 0, :, SIDE // 2 :].any()
    assert found.masks[0, 1, :, SIDE // 2 :].any() and not found.masks[0, 1, :, : SIDE // 2].any()
    labels = found.labels(RIGHT_AND_LEFT)
    assert labels.dtype == np.uint8 and set(np.unique(labels)) == {0, 1, 2, IGNORE}
    np.testing.assert_array_equal(labels == 2, found.masks[:, 1] > 0)
    np.testing.assert_array_equal(labels == IGNORE, found.valid[:, 0] == 0)


def test_a_pixel_of_several_labels_has_the_one_with_the_largest_share() -> None:
    """Of four pixels two are of one label, one is of the other, one of none; next to it all differ."""
    labels = np.zeros((2 * SIDE, 2 * SIDE), np.uint8)
    labels[0, 0] = labels[0, 1] = 2
    labels[1, 0] = 1
    labels[2:4, 2:4] = [[1, 0], [0, 0]]
    taught = TrainingPair("a", Raster(xray(labels > 9)), labels)
    found = labelled([taught], CARD, oversize=False).labels(RIGHT_AND_LEFT)[0]
    assert found[0, 0] == 2 and found[1, 1] == 0


def test_lungs_that_a_mask_does_not_tell_apart_are_told_apart_by_where_they_lie() -> None:
    untold = (sides() > 0).astype(np.uint8)
    untold[:4] = IGNORE
    found, told = (labelled([pair(0, mask)], CARD, oversize=False) for mask in (untold, sides()))
    np.testing.assert_array_equal(found.labels(RIGHT_AND_LEFT) == 2, told.labels(RIGHT_AND_LEFT) == 2)
    assert found.notes == ("Case case-0: Right and left lung were told apart by where they lie.",)
    assert told.notes == ()


@pytest.mark.parametrize("values", [(3,), (1, 2), (2, 3)])
@pytest.mark.parametrize("as_file", [True, False])
def test_labels_of_a_file_are_those_of_the_model(
    tmp_path: Path, values: tuple[int, ...], as_file: bool
) -> None:
    """Also the only one that is there, and one that no lung mask has."""
    three = CARD.with_output(labels=named_set(("heart", "lung", "spine")), swaps=())
    mask = np.array([0, values[0], values[-1]], np.uint8)[sides()]
    Image.fromarray(mask).save(tmp_path / "mask.png")
    drawn = replace(pair(0), mask=tmp_path / "mask.png" if as_file else mask, revision="")
    found = labelled([drawn], three, oversize=False)
    assert found.masks.shape[1] == 3 and not found.notes
    assert set(np.unique(found.labels(three.output.labels))) == {0, *values}


def test_mirrored_lungs_change_places_and_are_right_and_left_again() -> None:
    images, masks = samples(4, oversize=True).batch(range(4))
    still = {name: 0.0 for name in vars(QUICK.augment)}
    turning = replace(QUICK.augment, **still | {"flip": 1.0})
    shape = (images.shape[-2], images.shape[-1])
    _, mirrored = Augment(turning, 0, mirrored=[1, 0])(images, masks, shape)
    assert torch.equal(mirrored, masks[:, [1, 0, 2]].flip(-1))
    _, kept = Augment(turning, 0, mirrored=[0, 1])(images, masks, shape)
    assert torch.equal(kept, masks.flip(-1))
    _, half = Augment(replace(turning, flip=0.5), 1, mirrored=[1, 0])(images, masks, shape)
    found = [bool(torch.equal(a, b)) for a, b in zip(half, masks, strict=True)]
    again = [bool(torch.equal(a, b[[1, 0, 2]].flip(-1))) for a, b in zip(half, masks, strict=True)]
    assert any(found) and any(again) and all(a != b for a, b in zip(found, again, strict=True))


def test_labels_that_differ_in_the_side_change_places() -> None:
    assert RIGHT_AND_LEFT.mirrored == ((0, 1),)
    lobes = LabelSet(
        "lobes",
        (
            Label(4, "left lower lobe", "L"),
            Label(7, "right middle lobe", "R"),
            Label(9, "Right lower lobe", "R"),
        ),
    )
    assert lobes.mirrored == ((2, 0),)
    assert named_set(("heart", "lung")).mirrored == ()


def test_two_labels_are_learned_and_scored_each_by_itself() -> None:
    config = TrainingConfig(epochs=24, batch=2, check_every=12, learning_rate=0.03, average=0.9)
    torch.manual_seed(0)
    net = build_net(WIDER)
    result = run(fit(net, samples(8, True), samples(2, False), CARD, config))
    assert len(result.best.label_dice) == 2 and min(result.best.label_dice) > 0.8
    assert result.best.val_dice == pytest.approx(np.mean(result.best.label_dice))
    net.load_state_dict(result.weights)
    assert label_dice(net, samples(2, False), CARD) == result.best.label_dice


def test_channels_of_other_outputs_are_not_taught() -> None:
    two = CARD.model_copy(update={"outputs": (Output(id="old"), SIDES)})
    net = build_net(NetSpec(arguments={**TINY, "classes": 3}))
    before = net.head.weight.detach().clone()
    config = replace(QUICK, weight_decay=0.0)
    learner = Learner(net, two, config, lambda o: torch.optim.lr_scheduler.ConstantLR(o, 1))
    learner.step(*samples(2, True).batch([0, 1]))
    after = net.head.weight.detach()
    assert torch.equal(after[0], before[0])
    assert not torch.equal(after[1], before[1]) and not torch.equal(after[2], before[2])
    assert len(label_dice(net, samples(2, False), two)) == 2


@pytest.fixture
def library(tmp_path: Path) -> ModelLibrary:
    return ModelLibrary(tmp_path / "models")


def _parent(library: ModelLibrary, described: ModelCard, pairs: list[TrainingPair]) -> None:
    torch.manual_seed(0)
    kept = [choose_replay_set(pairs, described, role, 2, described.data[0]) for role in ("replay", "gate")]
    weights = build_net(described.net).state_dict()
    save_model(weights, described, library.own / described.name, replay_set=kept[0].joined(kept[1]))


def test_a_recipe_with_two_labels_becomes_a_model_that_is_fine_tuned(
    tmp_path: Path, library: ModelLibrary
) -> None:
    rows = ["file,patient,split"]
    for k, split in enumerate(["train"] * 3 + ["val"] + ["test"]):
        for kind, pixels in (("images", seen(sides(), k).clip(0, 1) * 255), ("masks", sides())):
            (tmp_path / "data" / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "data" / kind / f"{k}.png")
        rows.append(f"{k}.png,{k},{split}")
    (tmp_path / "data" / "manifest.csv").write_text("\n".join(rows))
    data = DataConfig(str(tmp_path / "data"), name="set")
    recipe = Recipe(
        "tiny",
        (data,),
        InputRule(size=(SIDE, SIDE)),
        WIDER,
        labels=RIGHT_AND_LEFT,
        flips=False,
        training=TrainingConfig(epochs=2, batch=2),
        scores=(ScoreConfig(data),),
        memory=ReplayConfig(replay=2, gate=1),
    )
    made = run(train_model(recipe, library.own / "tiny", device="cpu"))
    assert made.output.labels == RIGHT_AND_LEFT and made.output.swaps == ((0, 1),)
    assert list(made.training["val_dice_of"]) == ["right lung", "left lung"]
    curves = (library.own / "tiny.training" / "curves.csv").read_text().splitlines()
    assert curves[0].endswith("best,val_dice right lung,val_dice left lung")
    kept = read_replay_set(library.find("tiny"))
    assert kept is not None and set(np.unique(kept.labels)) == {0, 1, 2}

    still = replace(QUICK.augment, flip=0.0)  # here it is the looks that separate the sides
    config = replace(QUICK, steps=80, check_every=40, augment=still)
    result = tuned(library, [pair(k) for k in range(10, 14)], name="ours", config=config)
    assert result.card.output.labels == RIGHT_AND_LEFT and result.card.output.swaps == ((0, 1),)
    remembered = read_replay_set(library.find("ours"))
    assert remembered is not None and set(np.unique(remembered.labels)) == {0, 1, 2}
    steps = segment_steps(
        Raster(seen(sides(), 9)), model="ours", device="cpu", input_check=False, library=library
    )
    assert min(dice_of_labels(run(steps).labels(), sides(), RIGHT_AND_LEFT)) > 0.6


def test_slices_are_learned_with_their_neighbours(library: ModelLibrary) -> None:
    described = CARD.model_copy(
        update={
            "input": InputRule(size=(SIDE, SIDE), neighbours=1),
            "net": NetSpec(arguments={**TINY, "classes": 2, "channels": 3}),
            "data": (HOME,),
        }
    )

    def stack(k: int) -> TrainingPair:
        pixels = np.stack([seen(sides(), 10 * k + z) for z in range(4)])
        chosen = (0, 2)
        return replace(case(k), image=Raster(pixels), mask=np.stack([sides()] * 4), slices=chosen)

    found = labelled([stack(0)], described, oversize=False)
    alone = labelled([replace(stack(0), slices=None)], CARD, oversize=False)
    assert found.images.shape == (2, 3, SIDE, SIDE) and found.origins == (0, 0)
    np.testing.assert_array_equal(found.images[0], alone.images[[0, 0, 1], 0])
    np.testing.assert_array_equal(found.images[1], alone.images[[1, 2, 3], 0])
    np.testing.assert_array_equal(found.middle, alone.images[[0, 2], 0])

    _parent(library, described, [stack(k) for k in range(10, 14)])
    kept = read_replay_set(library.find("tiny"))
    assert kept is not None and kept.images.shape == (4, 3, SIDE, SIDE)
    assert from_replay_set(kept, described).images.shape == kept.images.shape
    result = tuned(library, [stack(k) for k in range(3)], name="ours")
    places = {"your images", "the reference set", "the reference set with simulated equipment"}
    assert {one.place for one in result.report.evidence} == places
    assert read_replay_set(library.find("ours")).images.shape == (10, 3, SIDE, SIDE)  # type: ignore[union-attr]
