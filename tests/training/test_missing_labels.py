"""Several sources that tell different findings: what is unknown counts in no loss and no AUC."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from finding_fakes import FINDINGS_TOLD, TELLS_ALL, several_sources
from PIL import Image

from napari_unet.core.calibration import reached_by
from napari_unet.core.errors import UserError
from napari_unet.core.events import CaseDone, EpochEnded
from napari_unet.core.lung_frame import LungFrame
from napari_unet.core.steps import run
from napari_unet.core.training_pair import TrainingPair
from napari_unet.models.checkpoint import load_model
from napari_unet.models.library import ModelEntry
from napari_unet.nets.finding_net import FindingNet
from napari_unet.resources_path import resource
from napari_unet.training import frames as frames_of
from napari_unet.training.frames import FRAMES_FILE, cut_to, find_frames
from napari_unet.training.losses import cross_entropy
from napari_unet.training.pairs import read_image
from napari_unet.training.pictures import finding_auc, pictures, usual_maps
from napari_unet.training.recipe import FindingConfig, Recipe, ReferenceConfig, ScoreConfig
from napari_unet.training.references import references
from napari_unet.training.run import train_model
from napari_unet.training.samples import Samples
from napari_unet.training.sources import find_sources, of_use


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    return several_sources(tmp_path)


def samples(recipe: Recipe) -> Any:
    from napari_unet.training.run import _card

    found = find_sources(recipe.data, findings=recipe.findings)
    return pictures(of_use(found, "train"), _card(recipe), oversize=False)


def test_a_finding_of_several_columns_is_there_if_one_of_them_says_so() -> None:
    opacity = TELLS_ALL[1]
    rows = [("1", "0"), ("0", "0"), ("0", ""), ("", "1")]
    said = [opacity.told_by({"consolidation": one, "pneumonia": other}) for one, other in rows]
    assert said == [True, False, None, True] and opacity.where == ("consolidation", "pneumonia")


def test_what_a_source_does_not_tell_is_not_valid(recipe: Recipe) -> None:
    found = samples(recipe)
    assert found.valid.shape == (16, 2, 1, 1) and found.valid[:, 0].all()
    assert found.valid[:8, 1].all() and not found.valid[8:, 1].any() and not found.masks[8:, 1].any()
    _, labels = found.batch([0, 8])
    assert labels[:, :, 0, 0].tolist() == [[1, 1, 0, 0], [1, 0, 0, 1]]


def test_unknown_labels_change_no_loss_and_no_gradient() -> None:
    torch.manual_seed(0)
    logits = torch.randn(4, 2, 1, 1, requires_grad=True)
    masks = torch.randint(0, 2, (4, 2, 1, 1)).float()
    valid = torch.ones_like(masks)
    valid[1:, 1] = 0
    loss = cross_entropy(logits, masks, valid)
    loss.backward()
    known = [(0, 0), (1, 0), (2, 0), (3, 0), (0, 1)]
    by_hand = [
        torch.nn.functional.binary_cross_entropy_with_logits(logits[n, c], masks[n, c]) for n, c in known
    ]
    assert loss.item() == pytest.approx(torch.stack(by_hand).mean().item())
    assert logits.grad is not None and not logits.grad[1:, 1].any() and logits.grad[:, 0].all()
    assert cross_entropy(logits, 1 - masks, valid * 0).item() == 0


def test_the_auc_of_a_finding_is_that_of_the_pictures_that_tell_it(recipe: Recipe) -> None:
    from napari_unet.models.checkpoint import build_net
    from napari_unet.training.run import _card

    found, card = samples(recipe), _card(recipe)
    torch.manual_seed(0)
    net = build_net(recipe.net)
    torch.nn.init.normal_(net.head.weight)
    whole, some = finding_auc(net, found, card), finding_auc(net, found.subset(range(8)), card)
    assert whole[1] == some[1] and whole[0] != some[0]


def test_it_trains_scores_and_says_how_scores_are_read(recipe: Recipe, tmp_path: Path) -> None:
    recipe = replace(recipe, scores=tuple(ScoreConfig(data, split="val") for data in recipe.data))
    events: list[Any] = []
    card = run(train_model(recipe, tmp_path / "m", device="cpu"), events.append)
    epochs = [event for event in events if isinstance(event, EpochEnded)]
    assert len(epochs) == 2 and len(epochs[0].label_dice) == 2
    rows = {(row.set, row.finding): (row.n, row.positives) for row in card.finding_scores}
    assert rows == {
        ("one, val", "abnormal"): (4, 3),
        ("one, val", "opacity"): (4, 2),
        ("two, val", "abnormal"): (4, 2),
    }
    abnormal, opacity = card.output.references
    assert (abnormal.positives, abnormal.negatives, abnormal.source) == (5, 3, "one, val, two, val")
    assert (opacity.positives, opacity.negatives, opacity.source) == (2, 2, "one, val")
    assert len(abnormal.normal) == 3 and list(abnormal.normal) == sorted(abnormal.normal)
    assert card.training["training_pictures"] == {
        "abnormal": {"with": 10, "without": 6},
        "opacity": {"with": 4, "without": 4},
    }
    assert abnormal.sensitivity >= 0.9 and abnormal.low < abnormal.sensitivity <= abnormal.high
    assert load_model(ModelEntry(card, tmp_path / "m")).usual.any()


def test_the_mean_map_of_normal_pictures_is_taken_off(recipe: Recipe) -> None:
    torch.manual_seed(0)
    net = FindingNet(classes=2, base=2, depth=3, widest=4).eval()
    torch.nn.init.normal_(net.head.weight)
    pairs = of_use(find_sources(recipe.data, findings=recipe.findings), "train")
    images = np.random.default_rng(0).random((len(pairs), 1, 48, 48)).astype(np.float32)
    told = np.ones((len(pairs), 2, 1, 1), np.float32)
    kept = usual_maps(net, Samples(images, told, told), pairs, "abnormal")
    normal = [k for k, pair in enumerate(pairs) if pair.findings["abnormal"] is False]
    net.usual.copy_(kept["usual"])
    net.spread.copy_(kept["spread"])
    with torch.inference_mode():
        maps = torch.cat([net.cells(torch.from_numpy(images[k])[None]) for k in normal])
    assert 0 < len(normal) < len(pairs) and maps.mean(0).flatten(1).std(1).max() < 1e-4
    away = maps - maps.mean(dim=(2, 3), keepdim=True)
    torch.testing.assert_close(away.std(dim=(0, 2, 3)), torch.ones(2), rtol=0.05, atol=0)
    assert usual_maps(torch.nn.Linear(1, 1), Samples(images, told, told), pairs, "abnormal") == {}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"findings": (*FINDINGS_TOLD, FindingConfig("fibrosis"))}, "fibrosis is told by no source"),
        ({"findings": FINDINGS_TOLD[:1]}, "opacity is told by no source, or is none"),
        ({"reference": ReferenceConfig(("three",), normal="abnormal")}, "a source or a finding"),
        ({"reference": ReferenceConfig(("one",), normal="health")}, "a source or a finding"),
    ],
)
def test_what_a_recipe_must_not_say(recipe: Recipe, change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        replace(recipe, **change)


def test_a_finding_that_all_pictures_have_that_tell_it(recipe: Recipe) -> None:
    manifest = Path(recipe.data[0].folder) / "manifest.csv"
    manifest.write_text(manifest.read_text().replace("0,0,0", "1,1,0").replace("1,0,0", "1,1,0"))
    with pytest.raises(UserError, match="All of the pictures of a split have the finding opacity"):
        samples(recipe)


def test_frozen_levels_keep_their_weights(recipe: Recipe, tmp_path: Path) -> None:
    from napari_unet.models.checkpoint import build_net

    recipe = replace(recipe, training=replace(recipe.training, frozen=1))
    card = run(train_model(recipe, tmp_path / "m", device="cpu"))
    torch.manual_seed(recipe.training.seed)
    before, after = build_net(recipe.net), load_model(ModelEntry(card, tmp_path / "m"))
    halved = before.encoder[0].conv1.weight.half().float()
    assert torch.equal(after.encoder[0].conv1.weight, halved)
    assert not torch.equal(after.encoder[1].conv1.weight, before.encoder[1].conv1.weight.half().float())


def test_the_threshold_is_the_highest_that_enough_positives_reach() -> None:
    scores = np.array([0.91239, 0.2, 0.8, 0.7, 0.6])
    assert reached_by(scores, 0.8) == 0.6 and reached_by(scores, 1.0) == 0.2
    assert reached_by(scores, 0.2) == 0.9123  # rounded down: it is still reached


def test_references_need_both_kinds() -> None:
    pairs = [TrainingPair(str(k), Path("x"), None, findings={"a": True}) for k in range(3)]
    config = ReferenceConfig(("s",), normal="a")
    assert references(["a"], np.ones((3, 1)), pairs, ["s"] * 3, config) == ()


def chests() -> list[TrainingPair]:
    names = ("hannover_0a7faa2a.png", "hannover_1052b0fe.png")
    return [TrainingPair(name, resource("samples", name), None) for name in names]


def test_frames_are_found_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs, frame = chests(), LungFrame("cxr-lung-whole")
    events: list[Any] = []
    found = run(find_frames(pairs, frame, tmp_path), events.append)
    assert [type(event) for event in events] == [CaseDone, CaseDone]
    cut = cut_to(read_image(pairs[0]), pairs[0], found)
    top, bottom, left, right, dark = found[str(pairs[0].source.first)] or []
    assert cut.shape == (bottom - top, right - left) and cut.inverted is bool(dark) is False
    with monkeypatch.context() as patch:
        patch.setattr(frames_of, "_found", lambda *_: pytest.fail("looked for again"))
        assert run(find_frames(pairs, frame, tmp_path)) == found
    asked: list[object] = []
    monkeypatch.setattr(frames_of, "_found", lambda *given: asked.append(given))
    other = run(find_frames(pairs, LungFrame("cxr-lung-whole", 0.2), tmp_path))
    assert len(asked) == 2 and set(other.values()) == {None}
    (tmp_path / FRAMES_FILE).write_text("{")
    run(find_frames(pairs, frame, tmp_path))
    assert len(asked) == 4


def test_where_no_lungs_are_found_the_whole_image_is_used(tmp_path: Path) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64)).astype(np.uint8)).save(
        tmp_path / "noise.png"
    )
    pair = TrainingPair("noise", tmp_path / "noise.png", None)
    found = run(find_frames([pair], LungFrame("cxr-lung-whole"), tmp_path / "state"))
    assert found == {str(pair.source.first): None}
    assert json.loads((tmp_path / "state" / FRAMES_FILE).read_text())["margin"] == 0.05
    cut = cut_to(read_image(pair), pair, found)
    assert cut.shape == (64, 64) and "lungs were not found" in cut.notes[-1]


def test_a_finding_that_is_withheld_is_learned_and_not_given(recipe: Recipe, tmp_path: Path) -> None:

    why = "It would only be another name."
    whole = run(train_model(recipe, tmp_path / "all", device="cpu"))
    fewer = run(train_model(replace(recipe, withheld={"opacity": why}), tmp_path / "fewer", device="cpu"))
    assert whole.output.findings == ("abnormal", "opacity") and fewer.output.findings == ("abnormal",)
    assert fewer.limits[0] == why and fewer.output.references == whole.output.references[:1]
    nets = [
        load_model(ModelEntry(card, tmp_path / name)) for card, name in ((whole, "all"), (fewer, "fewer"))
    ]
    x = torch.rand(2, 1, 32, 32)
    with torch.inference_mode():
        scores = [net.pool(net(x)) for net in nets]
    torch.testing.assert_close(scores[0][:, :1], scores[1], rtol=0, atol=1e-6)


@pytest.mark.parametrize("withheld", [{"fibrosis": "x"}, {"abnormal": "x", "opacity": "x"}])
def test_what_cannot_be_withheld(recipe: Recipe, withheld: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="withheld"):
        replace(recipe, withheld=withheld)
