"""How a mask came about, as a DICOM segmentation says it of itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from export_rooms import READER, Room, lungs

from napari_unet.core.errors import UserError
from napari_unet.core.mask_history import Made, MaskHistory
from napari_unet.review.history import history_of
from napari_unet.review.types import Author, AuthorKind, Status


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made = Room(tmp_path)
    made.image("a")
    yield made
    made.project.close()


def history(room: Room) -> MaskHistory:
    return history_of(room.project, room.project.case(room.ids["a"]))


def better() -> np.ndarray:
    mask = lungs()
    mask[50:55, 8:30] = 1
    return mask


def test_nothing_yet(room: Room) -> None:
    with pytest.raises(UserError, match="no mask"):
        history(room)


def test_by_a_model_and_then_accepted(room: Room) -> None:
    room.mask("a", lungs())
    assert history(room) == MaskHistory(Made.AUTOMATIC, "cxr-lung", "1.0")
    room.decide("a")
    assert history(room) == MaskHistory(Made.AUTOMATIC, "cxr-lung", "1.0", accepted=True, reader=READER)


def test_corrected(room: Room) -> None:
    room.mask("a", lungs())
    room.mask("a", better(), AuthorKind.PERSON)
    assert history(room) == MaskHistory(Made.SEMIAUTOMATIC, "cxr-lung", "1.0")
    room.decide("a")
    assert history(room).reader == READER and history(room).made is Made.SEMIAUTOMATIC


def test_brought_back_to_what_the_model_made(room: Room) -> None:
    room.mask("a", lungs())
    room.mask("a", better(), AuthorKind.PERSON)
    room.project.restore(room.project.revisions(room.ids["a"])[0].id, READER)
    assert history(room) == MaskHistory(Made.AUTOMATIC, "cxr-lung", "1.0")


def test_a_second_model_after_a_person_is_the_one_that_counts(room: Room) -> None:
    room.mask("a", lungs())
    room.project.add_revision(room.ids["a"], better(), Author(AuthorKind.MODEL, "child", "2"))
    assert history(room) == MaskHistory(Made.AUTOMATIC, "child", "2")
    painted = better()
    painted[:5, :5] = 1
    room.mask("a", painted, AuthorKind.PERSON)
    assert history(room) == MaskHistory(Made.SEMIAUTOMATIC, "child", "2")
    room.mask("a", lungs(), AuthorKind.PERSON)  # the very mask of the first model
    assert history(room) == MaskHistory(Made.AUTOMATIC, "cxr-lung", "1.0")


def test_drawn_by_hand_from_nothing(room: Room) -> None:
    room.mask("a", lungs(), AuthorKind.PERSON)
    room.mask("a", better(), AuthorKind.PERSON)
    assert history(room) == MaskHistory(Made.MANUAL)
    room.decide("a")
    assert history(room) == MaskHistory(Made.MANUAL, accepted=True, reader=READER)


def test_from_a_file_nobody_knows_what_made_it(room: Room) -> None:
    room.mask("a", lungs(), AuthorKind.FILE)
    assert history(room) == MaskHistory(Made.SEMIAUTOMATIC, from_file=True)
    room.mask("a", better(), AuthorKind.PERSON)
    assert history(room) == MaskHistory(Made.SEMIAUTOMATIC, from_file=True)


def test_a_rejected_mask_names_no_reader(room: Room) -> None:
    room.mask("a", lungs())
    room.decide("a", Status.SECOND_LOOK)
    assert history(room).reader == "" and not history(room).accepted
