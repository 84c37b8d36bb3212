"""What a child's card says, and its replay set."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from evidence_fakes import masks
from net_fakes import card
from tuning_fakes import SIDE, case, cases, replay_set

from napari_unet.core.acceptance_report import AcceptanceReport
from napari_unet.core.input_rule import InputRule
from napari_unet.core.label_set import LUNGS
from napari_unet.core.labels import IGNORE
from napari_unet.models.card import DataSource, ModelCard, TrainedCase
from napari_unet.training.cases import Cases, read_cases
from napari_unet.training.derived import MOST, derived_card, derived_replay_set, fresh_cases, seen_as_derived
from napari_unet.training.taught import taught_by

PARENT = card(
    input=InputRule(size=(SIDE, SIDE)), protocol="as drawn", threshold=0.4, data=(DataSource(name="Home"),)
)
NAN = float("nan")


def read(pairs: list[Any]) -> Cases:
    return read_cases(pairs, PARENT)[0]


def report(*new: float) -> AcceptanceReport:
    site = masks("your images", [(0.7, dice) for dice in new])
    return AcceptanceReport("tiny", "ours", (*site, *masks("the reference set", [(0.9, 0.91)], [(NAN, NAN)])))


def child(found: Cases, parent: ModelCard = PARENT, protocol: str = "") -> ModelCard:
    away = (DataSource(name="Home"), DataSource(name="Away", licence="CC BY", attribution="Them"))
    settings = {"steps": 8, "stopped": False}
    return derived_card(
        parent, seen_as_derived(parent), "ours", found, report(0.9, 0.8, NAN), away, protocol, settings
    )


def test_a_child_is_made_like_its_parent_and_says_where_it_comes_from() -> None:
    made = child(read(cases(3)), protocol="heart left out")
    assert (made.name, made.parent, made.output.protocol) == ("ours", "tiny", "heart left out")
    assert (made.output.threshold, made.input, made.net) == (0.5, PARENT.input, PARENT.net)
    assert [source.name for source in made.data][:2] == ["Home", "Away"]
    assert made.data[1].attribution == "Them"
    assert made.data[2].images == 3
    assert child(read(cases(3))).output.protocol == "as drawn"


def test_the_scores_are_those_of_the_acceptance_test() -> None:
    rows = child(read(cases(3))).scores
    assert [(row.n, row.mean, row.worst) for row in rows] == [(2, 0.85, 0.8), (1, 0.91, 0.91)]
    assert rows[0].note == "tiny: mean 0.7000"


def test_the_card_survives_the_disk() -> None:
    made = child(read(cases(3)))
    again = ModelCard.model_validate_json(made.model_dump_json())
    assert again.gate is not None and again.gate.verdict() == report(0.9, 0.8, NAN).verdict()
    assert again.trained_on == made.trained_on


def test_every_mask_it_was_trained_on_is_listed_and_a_newer_one_replaces_the_older() -> None:
    older = (TrainedCase(id="case-0", revision="old"), TrainedCase(id="case-8", revision="kept"))
    made = child(read(cases(2)), PARENT.model_copy(update={"trained_on": older}))
    assert [(one.id, one.revision) for one in made.trained_on] == [
        ("case-8", "kept"),
        ("case-0", f"{2000:064x}"),
        ("case-1", f"{2001:064x}"),
    ]


def test_patients_that_have_taught_the_parent_cannot_judge() -> None:
    found = read([case(0), case(1, patient="p"), case(2, patient="p"), case(3), case(4, patient="q")])
    taught = (TrainedCase(id="case-0"), TrainedCase(id="other", patient="p"), TrainedCase(id="another"))
    assert fresh_cases(found, taught_by(PARENT.model_copy(update={"trained_on": taught}), None)) == (3, 4)
    assert fresh_cases(found, taught_by(PARENT, None)) == (0, 1, 2, 3, 4)


def test_a_child_remembers_what_its_parent_does_and_its_own_cases() -> None:
    kept = derived_replay_set(read(cases(6)), LUNGS, replay_set(replay=3, gate=2), seed=0)
    assert len(kept) == 11
    assert [item.source for item in kept.items][:5] == ["Home"] * 5
    own = kept.subset(list(range(5, 11)))
    assert [item.role for item in own.items].count("gate") == 2
    assert [item.patient for item in own.items] == [f"patient-{k}" for k in range(6)]
    assert {source.name for source in kept.sources} == {kept.items[0].source, kept.items[-1].source}


def test_its_images_are_inputs_with_what_nobody_can_tell() -> None:
    one = case(0)
    assert isinstance(one.mask, np.ndarray)
    labels = one.mask.copy()
    labels[:20] = IGNORE
    found = read([replace(one, mask=labels), case(1)])
    kept = derived_replay_set(found, LUNGS, None, seed=0)
    np.testing.assert_allclose(kept.images[0] / 255, found.small.images[0, 0], atol=0.003)
    assert (kept.labels[0, :16] == IGNORE).all() and not (kept.labels[0, 16:] == IGNORE).any()


def test_images_of_a_patient_have_one_role() -> None:
    found = read([case(k, patient=f"p{k // 2}") for k in range(8)])
    for seed in range(4):
        items = derived_replay_set(found, LUNGS, None, seed).items
        assert all(a.role == b.role for a, b in zip(items[::2], items[1::2], strict=True))
        assert {item.role for item in items} == {"replay", "gate"}


def test_a_case_that_is_remembered_already_is_there_once_in_its_role_with_its_new_mask() -> None:
    found = read(cases(4))
    first = derived_replay_set(found, LUNGS, None, seed=0)
    changed = [replace(pair, mask=np.ones((40, 48), np.uint8)) for pair in cases(4)]
    again = derived_replay_set(read(changed), LUNGS, first, seed=5)
    assert len(again) == 4
    assert [item.role for item in again.items] == [item.role for item in first.items]
    assert (again.labels == 1).all()


def test_memory_is_bounded_and_the_parents_comes_first() -> None:
    kept = derived_replay_set(read(cases(6)), LUNGS, replay_set(replay=MOST - 3, gate=1), seed=0)
    assert len(kept) == MOST
    assert [item.source for item in kept.items].count("Home") == MOST - 2
