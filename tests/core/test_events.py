from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError

import pytest

from napari_unet.core.events import CaseDone, EpochEnded, Note, TileDone

EVENTS = [TileDone(1, 4), Note("slow"), CaseDone("a", 1, 2), EpochEnded(1, 9, 0.3, 0.9, 0.8, True)]


@pytest.mark.parametrize("event", EVENTS)
def test_events_are_plain_data_that_travels_between_processes(event: object) -> None:
    assert pickle.loads(pickle.dumps(event)) == event
    with pytest.raises(FrozenInstanceError):
        event.done = 2  # type: ignore[attr-defined]
    assert CaseDone("a", 1, 2).error == ""
