"""A fine-tune from cases to a model in the library, and every way in which it can end early."""

from __future__ import annotations

import errno
import json
from dataclasses import replace
from math import nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from net_fakes import lungs
from tuning_fakes import HOME, QUICK, SIDE, case, cases, files, finish, parent, tuned

from napari_unet.core.errors import UserError
from napari_unet.core.events import CaseDone, Note, PartBegun, Preview, StepsDone
from napari_unet.core.metrics import dice
from napari_unet.core.raster import Raster
from napari_unet.core.steps import STOP
from napari_unet.core.training_pair import TrainingPair
from napari_unet.inference.segment import segment
from napari_unet.models.checkpoint import load_model
from napari_unet.models.folder import CARD_FILE
from napari_unet.models.library import ModelLibrary
from napari_unet.models.replay_set import read_replay_set
from napari_unet.training.drift import MACHINES, REFERENCE, YOURS
from napari_unet.training.finetune import fine_tune
from napari_unet.training.losses import LOSSES
from napari_unet.training.samples import from_replay_set

NEWER = {"content_hash", "looks"}  # fields that cards of earlier versions lack


@pytest.fixture
def library(tmp_path: Path) -> ModelLibrary:
    made = ModelLibrary(tmp_path / "models")
    parent(made)
    return made


def start(library: ModelLibrary, pairs: Any = None, **options: Any) -> Any:
    options = {"parent": "tiny", "config": QUICK, "device": "cpu"} | options
    return fine_tune(cases() if pairs is None else pairs, library=library, **options)


def notes(events: list[Any]) -> str:
    return "\n".join(event.text for event in events if isinstance(event, Note))


def test_a_model_that_has_learnt_is_in_the_library(library: ModelLibrary) -> None:
    before = files(library.own)
    config = replace(QUICK, steps=40, check_every=20)
    result, events = finish(start(library, cases(6), name="ours", config=config))
    assert {name: data for name, data in files(library.own).items() if name in before} == before
    entry = library.find("ours")
    entry.verify()
    assert entry.card == result.card and entry.folder == result.folder == library.own / "ours"
    assert entry.card.parent == "tiny"
    assert [one.id for one in entry.card.trained_on] == [f"case-{k}" for k in range(6)]
    assert entry.card.trained_on[0].revision == f"{2000:064x}"
    assert entry.card.gate == result.report
    assert HOME in entry.card.data
    assert entry.card.training["seed"] == 0 and entry.card.training["preset"] == "custom"
    assert entry.card.training["device"] == "cpu" and entry.card.training["threads"] == 1
    kept = read_replay_set(entry)
    assert kept is not None and len(kept) == 5 + 6
    site, distance, reference, _, machines, _ = result.report.evidence
    assert sorted(one.id for one in site.cases) == [f"case-{k}" for k in range(6)]
    assert distance.unit == "mm" and site.new > site.old + 0.2 and site.wins == 6
    assert len(reference.cases) == 2
    assert (machines.place, len(machines.cases)) == (MACHINES, 2) and machines.judges
    assert [one.place for one in result.report.drift] == [MACHINES]  # the tiny model is for no X-rays
    assert result.report.passed
    assert result.train_seconds > 0 and result.acceptance_seconds > 0
    assert not [event for event in events if isinstance(event, Note)]


def test_the_saved_model_is_the_one_that_was_compared(library: ModelLibrary) -> None:
    """On the reference images; those of the user were compared with the models of the folds."""
    result = tuned(library, name="ours")
    mask = load_model(library.find("ours"))
    kept = read_replay_set(library.find("tiny"))
    assert kept is not None
    known = from_replay_set(kept.part("gate"), result.card)
    with torch.inference_mode():
        found = torch.sigmoid(mask(torch.from_numpy(known.images)))[:, 0].numpy() >= 0.5
    again = [dice(one, truth[0] > 0) for one, truth in zip(found, known.masks, strict=True)]
    assert [one.new for one in result.report.at(REFERENCE)[0].cases] == pytest.approx(again, abs=0.02)


def test_what_is_told_on_the_way(library: ModelLibrary) -> None:
    _, events = finish(start(library))
    begun = [event for event in events if isinstance(event, PartBegun)]
    assert [(one.part, one.parts, one.cases, one.held_out, one.steps) for one in begun] == [
        (1, 3, 2, 2, 8),
        (2, 3, 2, 2, 8),
        (3, 3, 4, 0, 8),
    ]
    assert [one.later for one in begun] == [16, 8, 0]
    assert begun[0].seconds > begun[1].seconds > begun[2].seconds > 0
    steps = [event for event in events if isinstance(event, StepsDone)]
    assert [one.step for one in steps] == [*range(1, 9)] * 3
    scored = [one for one in steps if one.step in (4, 8)]
    assert all(one.old_dice == one.old_dice for one in scored)
    assert all((one.new_dice == one.new_dice) is (one.part < 3) for one in scored)
    seen = [event for event in events if isinstance(event, Preview)]
    assert [one.step for one in seen] == [4, 8, 4, 8]
    assert seen[0].case == seen[1].case != seen[2].case
    assert seen[0].probability.shape == (SIDE, SIDE) and seen[0].probability.dtype == np.uint8
    compared = [event for event in events if isinstance(event, CaseDone)]
    assert [(one.done, one.total) for one in compared] == [(k, 18) for k in range(1, 19)]
    assert {one.name for one in compared[:4]} == {f"case-{k}" for k in range(4)}


def test_the_same_seed_gives_the_same_bytes_and_another_one_does_not(tmp_path: Path) -> None:
    weights = []
    for k, (seed, order) in enumerate(((3, 1), (3, -1), (4, 1))):
        library = ModelLibrary(tmp_path / str(k))
        parent(library)
        torch.rand(k)  # what happened before must not matter
        tuned(library, cases()[::order], name="ours", config=replace(QUICK, seed=seed))
        weights.append(library.find("ours").weights.read_bytes())
    assert weights[0] == weights[1]
    assert weights[0] != weights[2]


def test_it_segments_at_once(library: ModelLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    tuned(library, name="ours", config=replace(QUICK, steps=40, check_every=20))
    monkeypatch.setenv("NAPARI_UNET_MODELS", str(library.own))
    image = case(9).image
    assert isinstance(image, Raster)
    prediction = segment(image, model="ours", device="cpu")
    assert prediction.model == "ours"
    assert dice(prediction.mask(), lungs(40, 48)) > 0.7


def test_a_name_of_its_own_with_the_date(library: ModelLibrary) -> None:
    first, second = tuned(library), tuned(library)
    assert first.card.name.startswith("tiny-20")
    assert second.card.name == f"{first.card.name}-2"


def test_two_at_once_both_get_a_place(library: ModelLibrary) -> None:
    one, two = start(library), start(library)
    next(one), next(two)
    names = {finish(steps)[0].card.name for steps in (one, two)}
    assert len(names) == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"name": "tiny"}, "already"),
        ({"name": "no good"}, "cannot be the name"),
        ({"parent": "gone"}, "no model named gone"),
        ({"device": "abacus"}, "no device"),
        ({"pairs": [case(0)]}, "at least two"),
        ({"pairs": [case(0, patient="p"), case(1, patient="p")]}, "one patient"),
        ({"config": None, "preset": "slow"}, "no preset"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_begins(
    library: ModelLibrary, options: dict[str, Any], words: str
) -> None:
    before = files(library.own)
    with pytest.raises(UserError, match=words):
        next(start(library, **options))
    assert files(library.own) == before


def test_a_parent_whose_weights_are_gone_is_refused(library: ModelLibrary) -> None:
    library.find("tiny").weights.unlink()
    with pytest.raises(UserError, match="no weights"):
        next(start(library))


def test_other_words_for_the_same_protocol_are_said_first(library: ModelLibrary) -> None:
    result, events = finish(start(library, protocol="Lungs with the heart", same_protocol=True))
    assert isinstance(events[0], Note) and "Lungs with the heart" in events[0].text
    assert "lungs without the heart" in events[0].text
    assert result.card.output.protocol == "Lungs with the heart"
    _, events = finish(start(library, protocol=" Lungs without the heart "))
    assert "heart" not in notes(events)


def test_few_cases_and_those_left_out_are_said(library: ModelLibrary) -> None:
    wrong = replace(case(7), mask=np.zeros((3, 3), np.uint8))
    _, events = finish(start(library, [*cases(3), wrong]))
    assert "case-7" in notes(events) and "3 cases are few" in notes(events)


def test_a_parent_without_memory_can_be_tuned_but_not_tested_for_what_it_forgets(tmp_path: Path) -> None:
    library = ModelLibrary(tmp_path)
    parent(library, with_replay_set=False)
    result, events = finish(start(library))
    assert "has no replay set" in notes(events)
    assert result.report.places == (YOURS,)
    kept = read_replay_set(library.find(result.card.name))
    assert kept is not None and len(kept) == 4


def test_a_childs_cases_do_not_judge_its_own_child(library: ModelLibrary) -> None:
    tuned(library, cases(4), name="first")
    result, events = finish(start(library, cases(7), parent="first", name="second", same_protocol=True))
    assert "4 of 7 cases were used to train first before" in notes(events)
    assert {one.id for one in result.report.evidence[0].cases} == {"case-4", "case-5", "case-6"}
    assert [one.id for one in result.card.trained_on] == [f"case-{k}" for k in range(7)]
    assert result.report.parent == "first"
    known, events = finish(start(library, cases(4), parent="first", name="third", same_protocol=True))
    assert known.report.evidence[0].cases == () and not known.report.passed
    assert [event.part for event in events if isinstance(event, PartBegun)] == [1]


def test_a_reference_image_among_the_cases_judges_no_longer(library: ModelLibrary) -> None:
    known = case(0, content_hash=f"{4:064x}")
    result, events = finish(start(library, [known, *cases(7)[1:]]))
    assert "1 of the 2 reference images of tiny are among these cases" in notes(events)
    assert "1 of 7 cases were used to train tiny before" in notes(
        events
    )  # or chosen its weights: no fair test
    assert len(result.report.at(REFERENCE)[0].cases) == 1
    assert len(result.report.evidence[0].cases) == 6
    assert result.report.passed


def in_another_project(pairs: list[TrainingPair]) -> list[TrainingPair]:
    """The same images: other ids and patients, for a project has a salt of its own."""
    return [replace(pair, id=f"other {pair.id}", patient=f"other {pair.patient}") for pair in pairs]


@pytest.mark.parametrize("lost", ["nothing", "the file", "the file and its memory"])
def test_cases_that_taught_in_one_project_test_nothing_in_another(library: ModelLibrary, lost: str) -> None:
    """By the file, where that is gone (saved again, resized), by the look, without the replay set too."""
    first = tuned(library, cases(4), name="first")
    again = in_another_project(cases(6))
    if lost != "nothing":
        again = [replace(pair, content_hash=f"{9000 + k:064x}") for k, pair in enumerate(again)]
    if "memory" in lost:
        card = first.card.model_copy(update={"memory": None})
        (first.folder / CARD_FILE).write_text(card.model_dump_json())
    result, events = finish(start(library, again, parent="first", name="second", same_protocol=True))
    assert "4 of 6 cases were used to train first before" in notes(events)
    assert {one.id for one in result.report.evidence[0].cases} == {"other case-4", "other case-5"}
    assert "earlier version" not in notes(events)


def test_the_card_says_nothing_but_hashes_of_what_taught_it(library: ModelLibrary) -> None:
    made = tuned(library, cases(4)).card
    assert [one.content_hash for one in made.trained_on] == [f"{1000 + k:064x}" for k in range(4)]
    assert all(len(one.looks) == 1 and int(one.looks[0], 16) < 2**256 for one in made.trained_on)


def test_an_older_card_goes_on_working_and_what_cannot_be_known_is_said(library: ModelLibrary) -> None:
    first = tuned(library, cases(4), name="first")
    old = tuple(one.model_copy(update={"content_hash": "", "looks": ()}) for one in first.card.trained_on)
    card = first.card.model_copy(update={"trained_on": old})
    (first.folder / CARD_FILE).write_text(card.model_dump_json(exclude={"trained_on": {"__all__": NEWER}}))
    result, events = finish(
        start(library, in_another_project(cases(6)), parent="first", name="second", same_protocol=True)
    )
    assert "4 of 6 cases were used to train first before" in notes(events)  # its replay set knows them
    (first.folder / CARD_FILE).write_text(card.model_copy(update={"memory": None}).model_dump_json())
    result, events = finish(
        start(library, in_another_project(cases(6)), parent="first", name="third", same_protocol=True)
    )
    assert "which did not record the files or appearance of 4 cases" in notes(events)
    assert len(result.report.evidence[0].cases) == 6


def test_a_second_round_begins_with_the_child_and_is_judged_by_what_is_new(library: ModelLibrary) -> None:
    """The child keeps some cases for its own acceptance tests: learned from again, they judge nothing."""
    tuned(library, name="first")
    result, events = finish(start(library, cases(6), parent="first", name="second", same_protocol=True))
    assert "4 of 6 cases were used to train first before" in notes(events)
    assert "begin with tiny" in notes(events)
    assert "reference images of first are among these cases" in notes(events)
    assert {one.id for one in result.report.evidence[0].cases} == {"case-4", "case-5"}
    assert len(result.report.at(REFERENCE)[0].cases) == 2


def test_stop_in_a_fold_keeps_the_best_and_later_parts_take_as_long(library: ModelLibrary) -> None:
    def stop(event: Any) -> str | None:
        return STOP if isinstance(event, StepsDone) and (event.part, event.step) == (1, 5) else None

    result, events = finish(start(library), stop)
    assert [event.steps for event in events if isinstance(event, PartBegun)] == [8, 4, 4]
    assert result.card.training["steps"] == 4
    assert len(result.report.evidence[0].cases) == 4


def test_stop_between_two_parts_cuts_nothing_short(library: ModelLibrary) -> None:
    def stop(event: Any) -> str | None:
        return STOP if isinstance(event, CaseDone) and event.done == 1 else None

    config = replace(QUICK, steps=4, per_image=2.5)
    result, events = finish(start(library, config=config), stop)
    assert [event.steps for event in events if isinstance(event, PartBegun)] == [5, 5, 5]
    assert result.card.training["steps"] == 5 and result.card.training["stopped"]
    assert result.card.chosen_by == "the number of steps, 5, was where the training was stopped"


def test_stop_in_the_last_part_keeps_what_is_there(library: ModelLibrary) -> None:
    def stop(event: Any) -> str | None:
        return STOP if isinstance(event, StepsDone) and (event.part, event.step) == (3, 2) else None

    result, events = finish(start(library), stop)
    assert max(event.step for event in events if isinstance(event, StepsDone) and event.part == 3) == 2
    assert result.card.training["steps"] == 2


def test_stop_before_the_first_score_waits_for_it(library: ModelLibrary) -> None:
    def stop(event: Any) -> str | None:
        return STOP if isinstance(event, PartBegun) and event.part == 1 else None

    _, events = finish(start(library), stop)
    assert [event.steps for event in events if isinstance(event, PartBegun)] == [8, 4, 4]


def test_more_images_get_more_steps_and_a_stop_bounds_them(library: ModelLibrary) -> None:
    """Four cases, of which two are learned from in each of two folds."""
    config = replace(QUICK, steps=2, per_image=2, most=7)

    def stop(event: Any) -> str | None:
        return STOP if isinstance(event, StepsDone) and (event.part, event.step) == (2, 4) else None

    result, events = finish(start(library, config=config))
    begun = [event for event in events if isinstance(event, PartBegun)]
    assert [(one.steps, one.later) for one in begun] == [(4, 11), (4, 7), (7, 0)]
    assert result.card.training["steps"] == 7
    result, events = finish(start(library, config=replace(config, check_every=2), name="stopped"), stop)
    assert [event.steps for event in events if isinstance(event, PartBegun)][:2] == [4, 4]


@pytest.mark.parametrize("at", [PartBegun, StepsDone, Preview, CaseDone])
def test_whoever_cancels_leaves_nothing(library: ModelLibrary, at: type) -> None:
    before, threads = files(library.own), torch.get_num_threads()
    steps = start(library, threads=2)
    while not isinstance(next(steps), at):
        pass
    steps.close()
    assert files(library.own) == before
    assert torch.get_num_threads() == threads


class Failing:
    """Passes calls on, and raises at the n-th."""

    def __init__(self, function: Any, calls: int, error: BaseException) -> None:
        self.function, self.left, self.error = function, calls, error

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        self.left -= 1
        if self.left < 0:
            raise self.error
        return self.function(*arguments, **options)


def test_memory_that_runs_out_leaves_nothing(library: ModelLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    before = files(library.own)
    error = RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes")
    monkeypatch.setitem(LOSSES, QUICK.loss, Failing(LOSSES[QUICK.loss], 12, error))
    with pytest.raises(UserError, match="Memory ran out"):
        finish(start(library))
    assert files(library.own) == before


def test_a_loss_that_is_no_number_from_the_start_is_an_error(
    library: ModelLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files(library.own)
    monkeypatch.setitem(LOSSES, QUICK.loss, lambda logits, *_: logits.sum() * nan)
    with pytest.raises(UserError, match="not a number"):
        finish(start(library))
    assert files(library.own) == before


def test_a_loss_that_is_no_number_later_keeps_the_best_and_says_so(
    library: ModelLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_unet.training import estimate

    whole, calls = LOSSES[QUICK.loss], 0

    def loss(logits: Any, *rest: Any) -> Any:
        nonlocal calls
        calls += 1
        return whole(logits, *rest) * (nan if calls == 6 else 1)

    monkeypatch.setattr(estimate, "_step_seconds", lambda *_: 0.1)
    monkeypatch.setitem(LOSSES, QUICK.loss, loss)
    result, events = finish(start(library))
    assert "not a number in step 6" in notes(events)
    assert [event.steps for event in events if isinstance(event, PartBegun)] == [8, 4, 4]
    library.find(result.card.name).verify()


@pytest.mark.parametrize("call", [0, 1])
def test_a_full_disk_while_saving_leaves_nothing(
    library: ModelLibrary, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    from napari_unet.models import checkpoint

    before = files(library.own)
    full = OSError(errno.ENOSPC, "No space left on device")
    for k, function in enumerate(("save_file", "write_replay_set")):
        broken = Failing(getattr(checkpoint, function), 0 if k == call else 9, full)
        monkeypatch.setattr(checkpoint, function, broken)
    with pytest.raises(UserError, match="No space left"):
        finish(start(library, name="ours"))
    assert files(library.own) == before
    assert not (library.own / "ours").exists()


def test_ctrl_c_while_saving_leaves_nothing(library: ModelLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    from napari_unet.models import checkpoint

    before = files(library.own)
    monkeypatch.setattr(checkpoint, "write_replay_set", Failing(None, 0, KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        finish(start(library))
    assert files(library.own) == before


def test_the_card_is_plain_json(library: ModelLibrary) -> None:
    result = tuned(library)
    words = json.loads((result.folder / "card.json").read_text())
    assert words["gate"]["parent"] == "tiny" and words["training"]["folds"] == 2
    assert str(library.own) not in json.dumps(words)


def test_a_case_that_is_gone_when_it_is_compared_is_left_out(
    library: ModelLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_unet.training import finetune

    gone = Failing(finetune.measure, 1, UserError("The image of case 7 is missing."))
    monkeypatch.setattr(finetune, "measure", gone)
    result, events = finish(start(library))
    assert len(result.report.evidence[0].cases) == 1
    assert [bool(event.error) for event in events if isinstance(event, CaseDone)] == [
        *(False, True, True, True),
        *(False, False),  # the reference set
        *(False,) * 12,  # under six machines
    ]


def test_a_model_for_teaching_is_fine_tuned_with_a_warning_and_its_child_is_one(
    library: ModelLibrary,
) -> None:
    made = parent(library, "shown", use="teaching: adults")
    result, events = finish(fine_tune(cases(), library=library, parent="shown", config=QUICK, device="cpu"))
    assert Note(made.card.warning) in events
    assert result.card.for_teaching
