"""A project of three cases without images, and a saver with an ear on it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from napari_unet.core.change import Change
from napari_unet.review.saving.recovery import unsaved_work
from napari_unet.review.saving.save_state import Saved, SaveState
from napari_unet.review.saving.saver import Saver
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import Author, AuthorKind, FileFacts, FileState, NewCase

SHAPE = (60, 50)
ANN = Author(AuthorKind.PERSON, "Ann")


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    """Wait for it; the machine may be busy."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.002)


class Room:
    """One project, its saver, and the mask that the hand paints on. rescue : where strokes go in need."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.rescue = folder / "project", folder / "rescue"
        self.project = ReviewProject.create(self.folder)
        new = [NewCase(str(folder / f"{number}.png")) for number in range(3)]
        self.ids = [id_ for id_, _ in self.project.add(new, "Ann")]
        facts = FileFacts(FileState.PRESENT, shape=SHAPE)
        self.project.put_facts(dict.fromkeys(self.ids, facts), "Ann")
        self.rng = np.random.default_rng(0)
        self.start_saver()

    def start_saver(self) -> None:
        """A new window opens the project."""
        self.states: list[SaveState] = []
        self.saver = Saver(self.project, self.states.append, rescue=self.rescue, retry_seconds=0.02)
        self.masks: dict[str, np.ndarray] = {}

    def open(self, case: int = 0) -> str:
        """Show a case's current mask; returns the case's id."""
        id_ = self.ids[case]
        head = self.project.case(id_).revision
        self.masks[id_] = np.zeros(SHAPE, np.uint8) if head is None else self.project.read_mask(head)
        self.saver.open_case(id_, head, self.masks[id_].copy())
        return id_

    def paint(self, id_: str, new: np.ndarray | None = None) -> np.ndarray:
        """One stroke, any or to `new`; returns the mask then."""
        if new is None:
            new = self.masks[id_].copy()
            row, column = self.rng.integers(0, 40, 2)
            new[row : row + 12, column : column + 9] = self.rng.integers(0, 3)
            new[row, column] = 3 - new[row, column] % 3
        self.saver.stroke(id_, Change.between(self.masks[id_], new))
        self.masks[id_] = new
        return new

    def save(self, id_: str) -> None:
        """As the window does now and then."""
        self.saver.save(id_, self.masks[id_].copy(), ANN)

    def vanish(self) -> None:
        """The window ends without notice: its journals stay as they are, and nothing more is written."""
        assert self.saver.flush(20)
        self.saver.close(20)

    def unsaved(self, id_: str) -> np.ndarray | None:
        """What is offered to whoever opens the case."""
        return unsaved_work(self.project, id_, self.rescue)

    def head(self, id_: str) -> np.ndarray | None:
        """The current mask in the project."""
        revision = self.project.case(id_).revision
        return None if revision is None else self.project.read_mask(revision)

    def journals(self) -> list[str]:
        """Names of the files in the journal folder, without the case."""
        return sorted(path.name.split(".", 1)[1] for path in (self.folder / "journal").iterdir())

    def is_saved(self) -> bool:
        """The window says so."""
        return bool(self.states) and isinstance(self.states[-1], Saved)
