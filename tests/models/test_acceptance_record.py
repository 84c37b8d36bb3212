"""The acceptance test on a card: of today, of earlier versions, and for programs that read those."""

from __future__ import annotations

import json
import subprocess
import sys
from math import nan
from pathlib import Path

import pytest
from evidence_fakes import masks, scores
from hypothesis import given, settings
from hypothesis import strategies as st
from net_fakes import card

from napari_unet.core.acceptance_report import AcceptanceReport
from napari_unet.core.errors import UserError
from napari_unet.models.card import ModelCard
from napari_unet.models.folder import CARD_FILE, read_card

FROZEN = Path(__file__).parents[1] / "data" / "frozen" / "models" / "ours" / CARD_FILE
SIDES = ("new_site", "old_domain")

number = st.floats(0, 1) | st.just("NaN")  # as JSON has it
figures = dict.fromkeys(("old_dice", "new_dice", "old_hd95", "new_hd95"), number)
case = st.fixed_dictionaries(figures | {"group": st.text(max_size=3)})
cases = st.lists(case, max_size=4).map(lambda found: [{"id": f"c{k}"} | one for k, one in enumerate(found)])
side = st.fixed_dictionaries(
    {"name": st.just("your images"), "cases": cases, "unit": st.sampled_from(["mm", "px"])}
)


@settings(max_examples=50, deadline=None)
@given(side, st.none() | side.map(lambda found: found | {"name": "the reference set"}))
def test_what_earlier_versions_wrote_is_read_and_given_back(first: object, second: object) -> None:
    record = {"parent": "p", "child": "c", "new_site": first, "old_domain": second}
    again = ModelCard.model_validate({"name": "c", "gate": record})
    assert again.gate is not None and len(again.gate.evidence) == (2 if second is None else 4)
    told = again.in_words()["gate"]
    assert {name: told[name] for name in SIDES} == {"new_site": first, "old_domain": second}


def test_the_frozen_card_has_its_figures_still() -> None:
    record = json.loads(FROZEN.read_text())
    read = read_card(FROZEN.parent)
    assert read.gate is not None
    site, distance, reference, _ = read.gate.evidence
    assert [(one.id, one.old, one.new) for one in site.cases] == [
        (one["id"], one["old_dice"], one["new_dice"]) for one in record["gate"]["new_site"]["cases"]
    ]
    assert (distance.metric, distance.unit, distance.cases[0].new) == ("hd95", "px", 7.165136746702243)
    assert (site.output, reference.place) == (read.output.id, "the reference set")
    assert read.gate.verdict() == (
        "Perhaps better on your images (0.20 → 0.75, 5 of 5 cases), perhaps better on the reference set "
        "(+0.297)."
    )
    words = read.in_words()["gate"]
    for name in SIDES:
        before = record["gate"][name]
        assert words[name] == before | {"cases": [one | {"group": ""} for one in before["cases"]]}


def test_a_report_of_labels_outputs_and_findings_comes_back(tmp_path: Path) -> None:
    evidence = (
        *masks("your images", [(0.5, 0.7)] * 2, [(nan, 3.0), (4.0, 2.0)], "mm", output="new", against="old"),
        *masks("your images", [(0.5, nan)] * 2, label="left lung", output="new", against="old"),
        scores("your images", [0.2, 0.4], [0.1, 0.9], [False, True]),
        *masks("the reference set", [(0.9, 0.9)], output="old"),
    )
    report = AcceptanceReport("tiny", "mine", evidence)
    (tmp_path / CARD_FILE).write_text(card(name="mine", gate=report).model_dump_json())
    read = read_card(tmp_path).gate
    assert repr(read) == repr(report)
    assert read is not None and (read.verdict(), read.remarks()) == (report.verdict(), report.remarks())


def test_sides_are_null_where_no_mask_was_judged() -> None:
    report = AcceptanceReport("tiny", "mine", (scores("your images", [0.2, 0.4], [0.1, 0.9], [False, True]),))
    words = card(gate=report).in_words()["gate"]
    assert words["new_site"] is None and words["old_domain"] is None
    assert words["evidence"][0]["cases"][1] == {
        "id": "c1",
        "old": 0.4,
        "new": 0.9,
        "group": "",
        "truth": True,
    }


@pytest.mark.parametrize("damage", [{"new_site": {}}, {"new_site": 3}, {"evidence": []}, {"evidence": [{}]}])
def test_a_damaged_acceptance_report_is_reported(tmp_path: Path, damage: dict[str, object]) -> None:
    record = json.loads(FROZEN.read_text())
    record["gate"] = {"parent": "p", "child": "c"} | damage
    (tmp_path / CARD_FILE).write_text(json.dumps(record))
    with pytest.raises(UserError, match="damaged"):
        read_card(tmp_path)


def test_the_empty_list_that_cards_had_once_is_passed_over(tmp_path: Path) -> None:
    record = json.loads(FROZEN.read_text())
    record["gate"]["leaks"] = []
    (tmp_path / CARD_FILE).write_text(json.dumps(record))
    assert repr(read_card(tmp_path)) == repr(read_card(FROZEN.parent))


def test_a_card_is_read_without_what_measures_masks() -> None:
    program = "import sys, napari_unet.models.card; sys.exit('scipy.spatial' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
