from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from net_fakes import card, lung_prior, saved

from napari_unet.core.errors import UserError
from napari_unet.core.input_rule import InputRule
from napari_unet.core.masks import MaskRule
from napari_unet.models.card import FORMAT_VERSION, DataSource, ScoreRow
from napari_unet.models.folder import CARD_FILE, read_card


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
