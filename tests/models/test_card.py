from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from net_fakes import card, lung_prior

from napari_unet.core.errors import UserError
from napari_unet.core.input_rule import InputRule
from napari_unet.core.label_set import LUNGS, RIGHT_AND_LEFT
from napari_unet.core.masks import MaskRule
from napari_unet.models.card import FORMAT_VERSION, ModelCard
from napari_unet.models.folder import CARD_FILE, read_card
from napari_unet.models.output import Output


def test_a_card_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        card().threshold = 0.1


def test_the_shortest_card_has_defaults() -> None:
    short = ModelCard(name="x")
    assert (short.format_version, short.channels, short.input.size) == (FORMAT_VERSION, ("lung",), None)


def test_a_card_of_format_1_is_one_output(tmp_path: Path) -> None:
    old = {
        **{"format_version": 1, "name": "old", "classes": ["lung"], "protocol": "heart left out"},
        **{"threshold": 0.4, "mask_rule": {"largest_parts": 1}, "likeness": None},
    }
    (tmp_path / CARD_FILE).write_text(json.dumps(old))
    read = read_card(tmp_path)
    assert read.format_version == FORMAT_VERSION and read.channels == ("lung",)
    assert read.outputs == (
        Output(labels=LUNGS, protocol="heart left out", threshold=0.4, mask_rule=MaskRule(largest_parts=1)),
    )
    words = read.in_words()
    assert {name: words[name] for name in ("classes", "protocol", "threshold")} == {
        name: old[name] for name in ("classes", "protocol", "threshold")
    }


def test_two_outputs_have_their_channels_one_after_the_other() -> None:
    sides = Output(id="sides", labels=RIGHT_AND_LEFT, swaps=((0, 1),))
    score = Output(id="finding", task="classification", findings=("abnormal",))
    two = card(outputs=(sides, score), input=InputRule(size=(32, 32)))
    assert two.channels == ("right lung", "left lung", "abnormal") and two.output == score
    assert two.with_output(threshold=0.3).outputs == (sides, score.model_copy(update={"threshold": 0.3}))
    assert ModelCard.model_validate_json(two.model_dump_json()) == two


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        ([], "at least 1"),
        ([{"id": "a"}, {"id": "a"}], "two outputs have one id"),
        ([{"task": "classification", "findings": ["x"]}], "its input needs a size"),
    ],
)
def test_outputs_that_cannot_be_together_are_refused(outputs: list[Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        card(outputs=outputs)


def test_an_answer_is_chosen_by_its_name_or_as_old_and_new() -> None:
    first, last = Output(id="heart-out"), Output(id="heart-in", labels=RIGHT_AND_LEFT)
    both = card(outputs=(first, last))
    for name, found in (
        ("heart-out", first),
        ("old", first),
        ("heart-in", last),
        ("new", last),
        (None, last),
    ):
        assert both.output_named(name) is found
    assert (both.channels_of(first), both.channels_of(last)) == (slice(0, 1), slice(1, 3))
    with pytest.raises(UserError, match="no answer named lungs") as error:
        both.output_named("lungs")
    assert "heart-out, heart-in" in error.value.remedy
    one = card()
    assert one.output_named("old") is one.output_named("new") is one.output
    named = card(outputs=(Output(id="new"), Output(id="old")))
    assert named.output_named("new").id == "new"  # what is really called so


def test_a_likeness_is_that_of_images() -> None:
    with pytest.raises(ValueError, match="for volumes"):
        card(input=InputRule(axes=3), likeness=lung_prior())
