"""The acceptance test of today for a model that an earlier version has made."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from net_fakes import lungs, xray
from tuning_fakes import case, cases, files, finish, parent, tuned

from napari_unet.core.errors import UserError
from napari_unet.core.events import CaseDone
from napari_unet.core.raster import Raster
from napari_unet.core.steps import run
from napari_unet.core.training_pair import TrainingPair
from napari_unet.models.card import ModelCard
from napari_unet.models.folder import CARD_FILE, read_card
from napari_unet.models.library import ModelLibrary
from napari_unet.training.drift import MACHINES, UNTOUCHED
from napari_unet.training.finetune import fine_tune
from napari_unet.training.outcome import FineTuneResult, was_tested_less
from napari_unet.training.retest import retest


@pytest.fixture
def library(tmp_path: Path) -> ModelLibrary:
    found = ModelLibrary(tmp_path / "models")
    parent(found)
    return found


def as_earlier(library: ModelLibrary, name: str) -> ModelCard:
    """The card as a version wrote it that looked at held-out cases and the reference set only."""
    entry = library.find(name)
    gate = entry.card.gate
    assert gate is not None
    known = tuple(one for one in gate.evidence if one.place != MACHINES)
    card = entry.card.model_copy(
        update={"gate": replace(gate, evidence=known, drift=()), "scores": entry.card.scores[:1]}
    )
    (entry.folder / CARD_FILE).write_text(card.model_dump_json(), encoding="utf-8")
    return card


def again(library: ModelLibrary, name: str = "child", **options: object) -> FineTuneResult:
    return finish(retest(name, device="cpu", library=library, **options))[0]


def untouched(count: int) -> list[TrainingPair]:
    image = xray(lungs(64, 64))
    return [TrainingPair(f"new-{k}", Raster(image + k / 100, inverted=False), None) for k in range(count)]


def test_the_report_and_the_card_become_those_of_a_fine_tune_of_today(library: ModelLibrary) -> None:
    made = tuned(library, name="child", untouched=untouched(2))
    earlier = as_earlier(library, "child")
    assert was_tested_less(earlier) and not was_tested_less(made.card)
    result = again(library, untouched=untouched(2))
    assert repr(result.report) == repr(made.report)
    assert repr(result.card) == repr(made.card) == repr(read_card(made.folder))
    assert result.train_seconds == 0 and result.folder == made.folder
    assert set(result.masks_at("the reference set")) == set(made.masks_at("the reference set")) != set()
    assert set(result.masks_at(UNTOUCHED)) == {"new-0", "new-1"}


def test_only_the_card_is_written(library: ModelLibrary) -> None:
    folder = tuned(library, name="child").folder
    as_earlier(library, "child")
    before = files(library.own)
    again(library)
    changed = {name for name, content in files(library.own).items() if before.get(name) != content}
    assert changed == {f"{folder.name}/{CARD_FILE}"} and set(files(library.own)) == set(before)


def test_a_model_with_a_further_answer_is_tested_by_it(library: ModelLibrary) -> None:
    made = tuned(library, name="child", same_protocol=False)
    as_earlier(library, "child")
    assert repr(again(library).report) == repr(made.report)  # nan where a mask is empty


def test_reference_images_that_have_taught_the_model_do_not_judge_it(library: ModelLibrary) -> None:
    home = case(7, patient="home-3")  # as in the replay set of the parent: an image that tests
    made = tuned(library, [*cases(3), home], name="child")
    as_earlier(library, "child")
    report = again(library).report
    assert repr(report) == repr(made.report)
    reference = next(one for one in report.evidence if one.place == "the reference set")
    assert len(reference.cases) == 1


def test_every_comparison_is_told_and_counted(library: ModelLibrary) -> None:
    tuned(library, name="child")
    _, events = finish(retest("child", device="cpu", library=library, untouched=untouched(3)))
    assert all(isinstance(event, CaseDone) for event in events)
    assert [event.done for event in events] == list(range(1, len(events) + 1))
    assert {event.total for event in events} == {len(events)} and len(events) > 3


def test_an_image_that_cannot_be_read_is_told_and_the_others_count(library: ModelLibrary) -> None:
    tuned(library, name="child")
    gone = TrainingPair("gone", library.own / "nowhere.png", None)
    steps = retest("child", device="cpu", library=library, untouched=[*untouched(1), gone])
    result, events = finish(steps)
    assert [event.name for event in events if event.error] == ["gone"]
    assert [case.id for case in result.report.drift[-1].cases] == ["new-0"]


@pytest.mark.parametrize("after", [1, 3])
def test_whoever_closes_it_leaves_the_card_as_it_was(library: ModelLibrary, after: int) -> None:
    tuned(library, name="child")
    as_earlier(library, "child")
    before = files(library.own)
    steps = retest("child", device="cpu", library=library)
    for _ in range(after):
        next(steps)
    steps.close()
    assert files(library.own) == before


def test_a_second_test_says_the_same(library: ModelLibrary) -> None:
    tuned(library, name="child")
    assert repr(again(library).report) == repr(again(library).report)


def test_a_model_without_a_parent_is_refused(library: ModelLibrary) -> None:
    with pytest.raises(UserError, match="tiny was not made by a fine-tune"):
        run(retest("tiny", library=library, device="cpu"))


def test_a_parent_that_is_not_there_is_named(library: ModelLibrary) -> None:
    folder = tuned(library, name="child").folder
    before = files(folder)
    (library.own / "tiny").rename(library.own.parent / "elsewhere")
    with pytest.raises(UserError, match="made from tiny, which cannot be used here"):
        run(retest("child", library=library, device="cpu"))
    assert files(folder) == before


def test_without_anything_to_look_at_there_is_no_test(tmp_path: Path) -> None:
    library = ModelLibrary(tmp_path / "bare")
    parent(library, with_replay_set=False, modalities=("CT",))
    made = finish(fine_tune(cases(), "tiny", "child", library=library, device="cpu"))[0]
    assert not was_tested_less(made.card)
    with pytest.raises(UserError, match="nothing to test child on"):
        run(retest("child", library=library, device="cpu"))


def test_a_shipped_model_keeps_its_card(library: ModelLibrary) -> None:
    tuned(library, name="child")
    before = files(library.own)
    with pytest.raises(UserError, match="came with the program"):
        again(ModelLibrary(library.own.parent / "own", (library.own,)))
    assert files(library.own) == before
