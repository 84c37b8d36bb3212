"""Which slices of a volume a training gets where only those count that a person changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from export_rooms import READER, Room, lungs

from napari_unet.core.training_pair import TrainingPair
from napari_unet.review.record import CallKind
from napari_unet.review.types import AuthorKind, Reason, Status

DEPTH = 6


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made = Room(tmp_path)
    for name in ("a", "b"):
        made.image(name, patient=name, pixels=volume())
    made.image("flat")
    yield made
    made.project.close()


def volume() -> np.ndarray:
    return np.random.default_rng(1).integers(-1000, 400, (DEPTH, 60, 80)).astype(np.int16)


def masks() -> np.ndarray:
    return np.stack([lungs()] * DEPTH)


def better(*slices: int) -> np.ndarray:
    found = masks()
    for z in slices:
        found[z, 50:55, 8:30] = 1
    return found


def pairs(room: Room) -> dict[str, TrainingPair]:
    names = {id: name for name, id in room.ids.items()}
    return {names[pair.id]: pair for pair in room.project.training_pairs(corrected_slices=True)}


def test_only_the_slices_that_a_person_changed(room: Room) -> None:
    room.mask("a", masks())
    room.mask("a", better(1), AuthorKind.PERSON)
    room.mask("a", better(1, 4), AuthorKind.PERSON)
    room.decide("a")
    room.mask("b", masks())
    room.decide("b")  # accepted as it was: nothing was changed
    room.mask("flat", lungs())
    room.decide("flat")
    found = pairs(room)
    assert found.keys() == {"a", "flat"}
    assert found["a"].slices == (1, 4) and found["flat"].slices is None
    whole = room.project.training_pairs()
    assert len(whole) == 3 and all(pair.slices is None for pair in whole)


def test_a_volume_in_progress_counts_and_an_image_in_progress_does_not(room: Room) -> None:
    for name, first, changed in (("a", masks(), better(0)), ("flat", lungs(), 1 - lungs())):
        room.mask(name, first)
        room.project.begin(room.ids[name], READER)
        room.mask(name, changed, AuthorKind.PERSON)
        assert room.project.case(room.ids[name]).status is Status.IN_PROGRESS
    found = pairs(room)
    assert found.keys() == {"a"} and found["a"].slices == (0,)
    assert room.project.training_pairs() == []


def test_rejected_volumes_do_not_count(room: Room) -> None:
    room.mask("a", masks())
    room.mask("a", better(2), AuthorKind.PERSON)
    room.decide("a", Status.REJECTED, Reason.ROTATED)
    assert pairs(room) == {}


def test_a_slice_that_was_changed_back_does_not_count(room: Room) -> None:
    room.mask("a", masks())
    room.mask("a", better(2, 3), AuthorKind.PERSON)
    room.mask("a", better(3), AuthorKind.PERSON)
    room.decide("a")
    assert pairs(room)["a"].slices == (3,)


def test_of_a_mask_drawn_from_nothing_the_slices_with_labels_count(room: Room) -> None:
    drawn = np.zeros((DEPTH, 60, 80), np.uint8)
    drawn[2:4] = lungs()
    room.mask("a", drawn, AuthorKind.PERSON)
    room.decide("a")
    assert pairs(room)["a"].slices == (2, 3)


def test_a_mask_that_cannot_be_read_is_not_passed_over(room: Room) -> None:
    room.mask("a", masks())
    room.mask("a", better(2), AuthorKind.PERSON)
    room.decide("a")
    case = room.project.case(room.ids["a"])
    assert case.revision is not None
    (room.project.folder / room.project.revision(case.revision).file).write_bytes(b"")
    assert pairs(room)["a"].slices is None  # whoever reads the pair says that its mask is damaged


def test_slices_that_were_marked_as_right_count_although_nothing_was_changed(room: Room) -> None:
    id = room.ids["a"]
    room.mask("a", masks())
    room.project.begin(id, READER)
    assert pairs(room) == {}
    room.project.set_marked(id, (4, 2), READER)
    assert room.project.case(id).marked == (2, 4) and pairs(room)["a"].slices == (2, 4)
    room.mask("a", better(0, 4), AuthorKind.PERSON)
    assert pairs(room)["a"].slices == (0, 2, 4)
    room.project.set_marked(id, (4,), READER)
    assert pairs(room)["a"].slices == (0, 4)
    room.project.set_marked(id, (), READER)
    assert pairs(room)["a"].slices == (0, 4) and room.project.case(id).marked == ()
    kinds = [call.kind for call in room.project.calls(id)]
    assert kinds == [CallKind.SLICES] * 3, "nothing that was said is lost"
    assert [event.details for event in room.project.events(id) if event.kind == "marked"] == [
        {"slices": [2, 4]},
        {"slices": [4]},
        {"slices": []},
    ]


def test_a_mark_ends_where_another_mask_takes_the_place_of_the_one_that_was_right(room: Room) -> None:
    id = room.ids["a"]
    room.mask("a", masks())
    room.project.begin(id, READER)
    room.project.set_marked(id, (1, 2, DEPTH), READER)
    room.mask("a", better(2))  # of another model
    assert pairs(room)["a"].slices == (1,)
