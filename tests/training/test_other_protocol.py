"""A fine-tune to another protocol: one answer more, and those of the parent to the bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from drawn_chests import chest
from net_fakes import TINY, card, dark_is_lung, in_place_of, saved
from tuning_fakes import QUICK, SIDE, case, cases, finish, parent, replay_set, tuned

from napari_unet.core.answered import answer_in
from napari_unet.core.chest_zones import Zone, chest_zones
from napari_unet.core.errors import UserError
from napari_unet.core.events import CaseDone, Note, StepsDone
from napari_unet.core.input_rule import InputRule
from napari_unet.core.label_set import RIGHT_AND_LEFT
from napari_unet.core.raster import Raster
from napari_unet.core.training_pair import TrainingPair
from napari_unet.inference.segment import segment
from napari_unet.models.card import NetSpec
from napari_unet.models.checkpoint import build_net, load_model, save_model
from napari_unet.models.library import ModelEntry, ModelLibrary
from napari_unet.models.output import Output
from napari_unet.models.replay_set import ReplaySet, read_replay_set
from napari_unet.training import beginning, finetune, protocol_question
from napari_unet.training.acceptance import compare_models
from napari_unet.training.adapt import adapt
from napari_unet.training.drift import REFERENCE, YOURS
from napari_unet.training.further import following, up_to, with_further_answer

WITH_HEART = "lungs with the heart"
CONFIG = replace(QUICK, steps=30, check_every=15)


@pytest.fixture
def library(tmp_path: Path) -> ModelLibrary:
    made = ModelLibrary(tmp_path / "models")
    parent(made)
    return made


def with_heart(pairs: list[TrainingPair]) -> list[TrainingPair]:
    """The same images; what lies between the lungs counts too."""
    changed = []
    for pair in pairs:
        assert isinstance(pair.mask, np.ndarray)
        mask = pair.mask.copy()
        mask[18:34, 12:36] = 1
        changed.append(replace(pair, mask=mask))
    return changed


def other(library: ModelLibrary, pairs: list[TrainingPair] | None = None, **options: Any) -> Any:
    options = {
        "config": replace(CONFIG, replay=1 / 3),
        "same_protocol": False,
        "protocol": WITH_HEART,
        "name": "ours",
    } | options
    return tuned(library, with_heart(cases(6)) if pairs is None else pairs, **options)


def answers(
    library: ModelLibrary, name: str, image: Raster, monkeypatch: pytest.MonkeyPatch
) -> list[np.ndarray]:
    """The probabilities of each answer of a model, as users get them."""
    monkeypatch.setenv("NAPARI_UNET_MODELS", str(library.own))
    outputs = library.find(name).card.outputs
    return [segment(image, model=name, output=one.id, device="cpu").probability for one in outputs]


def test_the_old_answer_is_the_parents_and_the_new_one_follows_the_masks(
    library: ModelLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = other(library)
    old, new = result.card.outputs
    assert (old, result.card.net.kind) == (library.find("tiny").card.output, "further-answer")
    assert (new.id, new.protocol, new.threshold) == ("lungs-2", WITH_HEART, 0.5)
    assert result.card.training["same_protocol"] is False and result.earlier_change == 0.0
    for image in (case(9).image, Raster(np.random.default_rng(0).random((60, 40), np.float32))):
        assert isinstance(image, Raster)
        (before,) = answers(library, "tiny", image, monkeypatch)
        after, found = answers(library, "ours", image, monkeypatch)
        assert np.abs(after - before).max() <= 1e-6
        assert np.abs(found - before).max() > 0.1
    site = result.report.at(YOURS)[0]
    assert (site.output, site.against) == ("lungs-2", "lungs") and site.new > site.old + 0.1
    assert {one.output for one in result.report.at(YOURS)} == {"lungs-2"}
    reference = result.report.at(REFERENCE)
    assert {one.output for one in reference} == {"lungs"}
    assert all(case.old == case.new for case in reference[0].cases) and len(reference[0].cases) == 2
    assert result.report.passed and "Better in answer lungs-2" in result.report.verdict()
    assert "do not differ at all" in result.of_earlier_answers()


def test_weights_that_half_precision_would_change_stay_too(tmp_path: Path) -> None:
    """A parent that was saved in full precision."""
    library = ModelLibrary(tmp_path)
    described = card(
        name="tiny", net=NetSpec(arguments={"base": 2, "depth": 2}), input=InputRule(size=(SIDE, SIDE))
    )
    torch.manual_seed(0)
    weights = build_net(described.net).state_dict()
    save_model(weights, described, library.own / "tiny", half=False, replay_set=replay_set())
    assert any((value.half().float() != value).any() for value in weights.values())
    assert other(library, config=QUICK).earlier_change == 0.0
    child = load_model(library.find("ours")).state_dict()
    assert all(torch.equal(child[f"base.{name}"], value) for name, value in weights.items())


def test_nothing_that_contradicts_is_replayed_and_the_replay_set_says_what_it_answers(
    library: ModelLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    replayed: list[Any] = []

    def spy(net: Any, new: Any, old: Any, *rest: Any, **more: Any) -> Any:
        replayed.append(old)
        return adapt(net, new, old, *rest, **more)

    monkeypatch.setattr(finetune, "adapt", spy)
    other(library)
    kept = read_replay_set(library.find("ours"))
    assert kept is not None and len(kept) == 5 + 6
    assert [item.output for item in kept.items] == ["lungs"] * 5 + [""] * 6
    assert any(replayed)
    for old in filter(None, replayed):
        for mask, valid in zip(old.foreground, old.valid[:, 0] > 0, strict=True):
            around = chest_zones(mask)
            assert around is not None
            assert set(np.unique(around.zones[valid])) <= {Zone.LUNG, Zone.OUTSIDE, Zone.SPINE}
    replayed.clear()
    again = with_heart([case(k) for k in range(20, 24)])
    child = tuned(library, again, parent="ours", name="same", config=QUICK, same_protocol=True)
    assert {len(old) for old in replayed} == {len(following(kept.part("replay"), child.card.output))}
    assert 0 < len(replayed[0]) < len(kept.part("replay"))
    assert child.earlier_change == 0.0 and len(child.card.outputs) == 2
    assert {one.output for one in child.report.at(REFERENCE)} == {"lungs", "lungs-2"}


def test_a_child_of_a_child_has_three_answers(library: ModelLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    other(library)
    pairs = with_heart([case(k) for k in range(20, 26)])
    empty = [replace(pair, mask=pair.mask * (np.arange(48) < 24)) for pair in pairs]  # type: ignore[operator]
    result = other(library, empty, parent="ours", name="third", protocol="the right lung alone")
    assert [output.id for output in result.card.outputs] == ["lungs", "lungs-2", "lungs-3"]
    assert result.earlier_change == 0.0
    image = case(9).image
    assert isinstance(image, Raster)
    before, after = (answers(library, name, image, monkeypatch) for name in ("ours", "third"))
    assert all(np.abs(one - other).max() <= 1e-6 for one, other in zip(before, after, strict=False))
    assert np.abs(after[2] - after[1]).max() > 0.1
    assert {one.output for one in result.report.at(REFERENCE)} == {"lungs", "lungs-2"}
    assert "lungs and lungs-2" in result.of_earlier_answers()


def test_one_answer_of_two_models_can_be_compared(library: ModelLibrary) -> None:
    other(library)
    for name, expected in (("new", "lungs-2"), ("old", "lungs"), ("lungs", "lungs")):
        found, _ = finish(
            compare_models("tiny", "ours", with_heart(cases(2)), "cpu", library=library, answer=name)
        )
        assert {one.output for one in found} == {expected}  # type: ignore[attr-defined]
    with pytest.raises(UserError, match="no answer named heart"):
        next(compare_models("tiny", "ours", cases(2), "cpu", library=library, answer="heart"))


def test_an_answer_that_changed_is_not_saved(library: ModelLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beginning, "largest_change", lambda *_: 1e-3)
    with pytest.raises(UserError, match="was not saved"):
        other(library)
    assert not (library.own / "ours").exists()


def test_a_network_that_cannot_have_a_further_answer_is_refused(tmp_path: Path) -> None:
    library = ModelLibrary(tmp_path)
    net = NetSpec(arguments={"base": 2, "depth": 2, "padded": False})
    saved(library.own / "tiny", name="tiny", net=net, input=InputRule(size=(SIDE, SIDE)))
    with pytest.raises(UserError, match="cannot have a further answer"):
        other(library)


# -- the question --


def test_words_that_differ_are_a_question(library: ModelLibrary) -> None:
    with pytest.raises(UserError, match="may follow another protocol") as raised:
        tuned(library, protocol=WITH_HEART)
    assert WITH_HEART in str(raised.value) and "lungs without the heart" in str(raised.value)
    assert tuned(library, protocol=" Lungs without the HEART. ").card.training["same_protocol"] is True


def drawn(k: int, heart: bool) -> TrainingPair:
    """A chest as it is drawn for the zones: the lungs are dark."""
    lungs, parts = chest()
    noise = np.random.default_rng(k).normal(0, 0.03, lungs.shape)
    pixels = np.clip(np.where(lungs, 0.2, 0.8) + noise, 0, 1).astype(np.float32)
    mask = (lungs | parts["heart"]) if heart else lungs
    return TrainingPair(f"case-{k}", Raster(pixels, inverted=False), mask.astype(np.uint8), f"p{k}")


@pytest.mark.parametrize("heart", [True, False])
def test_masks_that_add_a_zone_are_a_question(
    library: ModelLibrary, monkeypatch: pytest.MonkeyPatch, heart: bool
) -> None:
    def parents(entry: ModelEntry) -> Any:
        return in_place_of(entry, dark_is_lung())

    monkeypatch.setattr(protocol_question, "load_model", parents)
    steps = protocol_question.protocol_question(
        [drawn(k, heart) for k in range(4)], "tiny", "", "cpu", None, library
    )
    question, events = finish(steps)
    assert [event.done for event in events if isinstance(event, CaseDone)] == [1, 2, 3, 4]
    assert question.zones_differ is heart and question.open is heart  # type: ignore[attr-defined]
    assert ("behind the heart in 4 of 4" in question.measured) is heart  # type: ignore[attr-defined]


def test_what_was_said_is_not_asked(library: ModelLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beginning, "asked", None)
    _, events = finish(
        finetune.fine_tune(
            cases(),
            "tiny",
            protocol=WITH_HEART,
            same_protocol=False,
            config=QUICK,
            device="cpu",
            library=library,
        )
    )
    assert any(isinstance(event, Note) and "an additional answer" in event.text for event in events)
    steps = [event for event in events if isinstance(event, StepsDone)]
    assert all(
        event.old_dice != event.old_dice for event in steps
    )  # no image says anything about the new one


def test_a_replay_set_without_answers_is_read_as_before(library: ModelLibrary) -> None:
    kept = read_replay_set(library.find("tiny"))
    assert isinstance(kept, ReplaySet) and {item.output for item in kept.items} == {""}
    assert len(following(kept, library.find("tiny").card.output)) == len(kept)


def test_an_earlier_answer_can_be_trained_as_it_was_when_it_was_the_last(library: ModelLibrary) -> None:
    other(library)
    entry = library.find("ours")
    whole, same_card = up_to(load_model(entry), entry.card, "new")
    assert same_card == entry.card and not any(one.requires_grad for one in whole.base.parameters())  # type: ignore[union-attr]
    earlier, earlier_card = up_to(load_model(entry), entry.card, "old")
    before = load_model(library.find("tiny"))
    image = torch.rand(1, 1, SIDE, SIDE)
    with torch.inference_mode():
        assert torch.equal(earlier(image), before(image))
    assert all(one.requires_grad for one in earlier.parameters())
    assert [output.id for output in earlier_card.outputs] == ["lungs"]
    two = saved(
        library.own / "two",
        name="two",
        net=NetSpec(arguments={"base": 2, "depth": 2, "classes": 2}),
        outputs=(Output(id="a"), Output(id="b")),
    )
    with pytest.raises(UserError, match="only the answer b"):
        up_to(load_model(two), two.card, "old")


def test_the_answer_stands_beside_the_version(library: ModelLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    other(library)
    monkeypatch.setenv("NAPARI_UNET_MODELS", str(library.own))
    image = case(9).image
    assert isinstance(image, Raster)
    found = [segment(image, model="ours", output=name, device="cpu").version for name in ("old", None)]
    assert found == ["1, answer lungs", "1, answer lungs-2"]
    assert [answer_in(version) for version in found] == ["lungs", "lungs-2"]
    assert segment(image, model="tiny", device="cpu").version == "1" and answer_in("1") is None


def test_of_several_labels_the_new_answer_begins_as_the_old_one() -> None:
    """A decoder of half the width would begin with nothing, and has too few steps to learn sides."""
    output = Output(labels=RIGHT_AND_LEFT, swaps=((0, 1),))
    parent = card(net=NetSpec(arguments={**TINY, "classes": 2}), outputs=(output,))
    torch.manual_seed(0)
    net = build_net(parent.net).eval()
    child, found = with_further_answer(net, parent, 0.5, "aerated lung only")
    assert found.net.arguments["design"] == "last-stages" and found.mirrored_channels == [1, 0, 3, 2]
    with torch.inference_mode():
        logits = child(torch.rand(2, 1, 48, 48))
    torch.testing.assert_close(logits[:, 2:], logits[:, :2])
    single = card(net=NetSpec(arguments=TINY))
    _, other_card = with_further_answer(build_net(single.net).eval(), single, 0.5, "with the heart")
    assert other_card.net.arguments["design"] == "adapted-path"
