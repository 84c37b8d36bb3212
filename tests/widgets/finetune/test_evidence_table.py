"""The table of the acceptance test, for models of several labels, outputs and findings."""

from __future__ import annotations

from math import nan

import pytest
from evidence_fakes import masks, scores

from napari_unet.core.acceptance_report import AcceptanceReport
from napari_unet.core.drift import Drift, DriftCase
from napari_unet.widgets.finetune.evidence_table import EvidenceTable

SITE, KEPT = "your images", "the reference set"
NAMES = {"c0": "Ward 0", "c1": "Ward 1"}


@pytest.fixture
def table(qtbot):
    made = EvidenceTable()
    qtbot.addWidget(made)
    return made


def texts(table):
    """Of each row, without cells that are not there."""
    return [
        [item.text() for k in range(table.columnCount()) if (item := table.item(row, k)) is not None]
        for row in range(table.rowCount())
    ]


def heads(table):
    return [table.horizontalHeaderItem(k).text() for k in range(table.columnCount())]


def test_a_model_of_one_label_has_a_row_for_each_case(table):
    evidence = (
        *masks(SITE, [(0.8, 0.9), (0.8, 0.7)], [(9.0, 5.0), (nan, 6.0)], "mm"),
        *masks(KEPT, [(0.9, 0.9)], ids=["Home 1"]),
    )
    table.fill(AcceptanceReport("p", "c", evidence), NAMES)
    assert heads(table) == ["Case", "Dice", "Change", "HD95"]
    assert texts(table) == [
        ["Your images: 0.800 → 0.800", "mm"],
        ["Ward 1", "0.800 → 0.700", "−0.100 ⚠", "– → 6.0"],
        ["Ward 0", "0.800 → 0.900", "+0.100", "9.0 → 5.0"],
        ["The reference set: 0.900 → 0.900", "px"],
        ["Home 1", "0.900 → 0.900", "+0.000", "9.0 → 5.0"],
    ]
    table.selectRow(1)
    assert table.case() == (SITE, "c1", "Ward 1")
    table.selectRow(4)
    assert table.case() == (KEPT, "Home 1", "Home 1")
    table.clearSelection()
    assert table.case() is None


def test_drift_has_a_section_for_each_place_with_reasons_the_most_changed_first(table):
    zones = (("HEART", 0.03), ("BORDER", 0.01))
    travel = Drift("the travel set", (DriftCase("NIH 1", 0.97), DriftCase("Child 1", 0.6, zones)))
    own = Drift("your untouched images", (DriftCase("c1", 0.9, leaks=(0.1,)), DriftCase("c0", nan)))
    evidence = masks(SITE, [(0.8, 0.9)])
    table.fill(AcceptanceReport("p", "c", evidence, (travel, own), ("HEART",)), NAMES)
    assert texts(table)[2:] == [
        ["The travel set, Dice to the old masks: 0.785"],
        ["Child 1: 75 % of the change lies behind the heart: your protocol", "0.600"],
        ["NIH 1", "0.970"],
        ["Your untouched images, Dice to the old masks: 0.900"],
        ["Ward 1: a new part outside the lungs (10 % of their area): leak", "0.900 ⚠"],
        ["Ward 0", "–"],
    ]
    table.selectRow(3)
    assert table.case() == ("the travel set", "Child 1", "Child 1")
    table.selectRow(6)
    assert table.case() == ("your untouched images", "c1", "Ward 1")
    table.selectRow(2)
    assert table.case() is None


def test_of_several_labels_each_has_a_row(table):
    evidence = (
        *masks(SITE, [(0.8, 0.9)]),
        *masks(SITE, [(0.6, 0.8)], [(4.0, 3.0)], label="heart"),
        *masks(SITE, [(1.0, nan)], label="lungs"),
    )
    table.fill(AcceptanceReport("p", "c", evidence), NAMES)
    assert texts(table) == [
        ["Your images: 0.800 → 0.900", "px"],
        ["    heart: 0.600 → 0.800", "px"],
        ["    lungs: – → –", "px"],
        ["Ward 0", "0.800 → 0.900", "+0.100", "9.0 → 5.0"],
        ["    heart", "0.600 → 0.800", "+0.200", "4.0 → 3.0"],
        ["    lungs", "1.000 → –", "", "9.0 → 5.0"],
    ]
    table.selectRow(4)  # a row of a label is one of its case
    assert table.case() == (SITE, "c0", "Ward 0")


def test_outputs_are_named_where_there_are_several(table):
    evidence = (
        *masks(SITE, [(0.8, 0.9)], output="new", against="old"),
        *masks(SITE, [(0.8, 0.8)], output="old"),
    )
    table.fill(AcceptanceReport("p", "c", evidence), {})
    assert [row[0] for row in texts(table)[::2]] == [
        "Your images, new: 0.800 → 0.900",
        "Your images, old: 0.800 → 0.800",
    ]


def test_scores_stand_beside_what_the_case_has(table):
    found = scores(SITE, [0.4, 0.6], [0.9, 0.7], [True, False])
    table.fill(AcceptanceReport("p", "c", (found,)), NAMES)
    assert heads(table) == ["Case", "Score", "Change"]
    assert texts(table) == [
        ["Your images, effusion: 0.000 → 1.000"],
        ["Ward 1, effusion", "0.600 → 0.700 (no)", "+0.100 ⚠"],  # a higher score where there is nothing
        ["Ward 0, effusion", "0.400 → 0.900 (yes)", "+0.500"],
    ]


def test_masks_and_scores_share_a_table(table):
    table.fill(
        AcceptanceReport("p", "c", (*masks(SITE, [(0.8, 0.9)]), scores(SITE, [0.4], [0.9], [True]))), {}
    )
    assert heads(table) == ["Case", "Dice / Score", "Change", "HD95"]
    assert texts(table)[-1] == ["c0, effusion", "0.400 → 0.900 (yes)", "+0.500", ""]
    table.fill(AcceptanceReport("p", "c", masks(SITE, [])), {})
    assert texts(table) == [["Your images: – → –", "px"]]
