from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from net_fakes import card, lung_prior, saved

from napari_unet.core.errors import UserError
from napari_unet.core.input_rule import InputRule
from napari_unet.core.label_set import LUNGS, RIGHT_AND_LEFT
from napari_unet.core.masks import MaskRule
from napari_unet.models.card import (
    CARD_FILE,
    FORMAT_VERSION,
    DataSource,
    ModelCard,
    Output,
    ScoreRow,
    read_card,
)


def _changed(folder: Path, **fields: Any) -> Path:
    saved(folder)
    words = json.loads((folder / CARD_FILE).read_text())
    (folder / CARD_FILE).write_text(json.dumps({**words, **fields}))
    return folder


def test_a_card_comes_back_as_it_was(tmp_path: Path) -> None:
    written = card(
        input=InputRule(size=(64, 48)),
        likeness=lung_prior(),
        mask_rule=MaskRule(largest_parts=1, smoothing=0.5),
        data=(DataSource(name="Montgomery", licence="public"),),
        scores=(ScoreRow(set="test", n=2, mean=0.9, median=0.9, worst=0.8, share_under_090=0.5),),
        limits=("어른만",),
        training={"epochs": 3},
    )
    (tmp_path / CARD_FILE).write_text(written.model_dump_json(), encoding="utf-8")
    assert read_card(tmp_path) == written


def test_a_folder_without_a_card(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a model"):
        read_card(tmp_path)


def test_a_card_from_the_future_says_what_to_do(tmp_path: Path) -> None:
    folder = _changed(tmp_path / "m", format_version=FORMAT_VERSION + 1, quantum=True)
    with pytest.raises(UserError, match="newer version") as error:
        read_card(folder)
    assert "Update" in error.value.remedy


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "3", '"card"', "{}", "[" * 100_000, '{"name": 7}'])
def test_a_damaged_card(tmp_path: Path, text: str) -> None:
    (tmp_path / CARD_FILE).write_text(text)
    with pytest.raises(UserError) as error:
        read_card(tmp_path)
    assert error.value.remedy == "Install the model again."


def test_a_card_that_was_changed_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / CARD_FILE
    for threshold in (0.4, 0.6, 0.4):
        path.write_text(json.dumps({"name": "a", "threshold": threshold}))
        assert read_card(tmp_path).output.threshold == threshold


def test_a_card_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / CARD_FILE).write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(UserError, match="cannot be read"):
        read_card(tmp_path)
    (tmp_path / "folder" / CARD_FILE).mkdir(parents=True)
    with pytest.raises(UserError, match="cannot be read"):
        read_card(tmp_path / "folder")


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"name": "../evil"}, "name"),
        ({"name": ""}, "name"),
        ({"threshold": 1.0}, "threshold"),
        ({"input": {"size": [64, 64], "spacing_mm": [1, 1]}}, "input"),
        ({"intensity": {"kind": "percentiles", "low": 5, "high": 2}}, "intensity"),
        ({"intensity": {"kind": "window", "low": 1, "high": 2, "hihg": 3}}, "intensity.hihg"),
        ({"mask_rule": {"largest_parts": -1}}, "mask_rule"),
        ({"net": {"kind": "transformer"}}, "net.kind"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, fields: dict[str, Any], where: str) -> None:
    folder = _changed(tmp_path / "m", **fields)
    with pytest.raises(UserError, match=rf"\({where}: "):
        read_card(folder)


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
        ([{"task": "classification"}], "needs findings"),
        ([{"swaps": [[0, 1]]}], "channels that are not there"),
        ([{"id": "a b"}], "pattern"),
        ([{"task": "classification", "findings": ["x"]}], "its input needs a size"),
        (
            [{"task": "classification", "findings": ["x"], "likeness": {"shape": [[0, 1]]}}],
            "a likeness is that",
        ),
        ([{"labels": {"name": "x", "labels": [{"value": 255, "name": "y"}]}}], "from 1 to 254"),
        ([{"labels": {"name": "x", "labels": []}}], "value of its own"),
    ],
)
def test_outputs_that_cannot_be_are_refused(tmp_path: Path, outputs: list[Any], words: str) -> None:
    folder = _changed(tmp_path / "m", outputs=outputs)
    with pytest.raises(UserError, match=words):
        read_card(folder)


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
