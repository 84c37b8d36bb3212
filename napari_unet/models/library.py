"""The models on this computer: those in the package and those the user made. Needs no torch."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_data_path

from napari_unet.core.errors import UserError
from napari_unet.core.files import checksum
from napari_unet.io.atomic import atomic_write
from napari_unet.io.names import as_stored
from napari_unet.models.card import CARD_FILE, MEMORY_FILE, WEIGHTS_FILE, ModelCard, read_card
from napari_unet.resources_path import resource

SHIPPED = "cxr-lung"
"""The model that is used where nobody has chosen one."""

_CURRENT = "current.json"
_MOST_DIGITS = 20  # of a part of a version; Python refuses to read thousands


@dataclass(frozen=True)
class ModelEntry:
    """One model folder. shipped : it came with the package."""

    card: ModelCard
    folder: Path
    shipped: bool = False

    @property
    def weights(self) -> Path:
        """The file with the weights."""
        return self.folder / WEIGHTS_FILE

    @property
    def replay_file(self) -> Path:
        """The file with its replay set; it is there if the card says so."""
        return self.folder / MEMORY_FILE

    def verify(self) -> None:
        """Raises UserError if a file is missing or is not the one the card describes."""
        self.verify_weights()
        self.verify_replay_set()

    def verify_replay_set(self) -> None:
        """As `verify`, of the replay set only."""
        if self.card.memory is None:
            return
        if not self.replay_file.is_file():
            raise UserError(
                f"The replay set of the model {self.card.name} is missing ({self.replay_file}).",
                "Install the model again.",
            )
        if checksum(self.replay_file) != self.card.memory.sha256:
            raise UserError(
                f"The replay set of the model {self.card.name} is damaged or was replaced (wrong checksum).",
                "Install the model again.",
            )

    def verify_weights(self) -> None:
        """As `verify`, of the weights only: a model segments without its replay set."""
        if not self.weights.is_file():
            raise UserError(
                f"The model {self.card.name} has no weights ({self.weights}).", "Install the model again."
            )
        if checksum(self.weights) != self.card.sha256:
            raise UserError(
                f"The weights of the model {self.card.name} are damaged or were replaced (wrong checksum).",
                "Do not use it; install the model again.",
            )


@dataclass(frozen=True)
class Unreadable:
    """A folder in the library that is not a usable model, and why."""

    folder: Path
    error: UserError


class ModelLibrary:
    """Models by name. `shipped` folders are only read; new models go to `own`.

    A model lies in `<folder>/<name>/` or, where there are several versions, in `<folder>/<name>/<version>/`.
    Which one is current, and which were before, is recorded in `own`.
    """

    def __init__(self, own: Path, shipped: Sequence[Path] = ()) -> None:
        self.own = own
        self.shipped = tuple(shipped)

    def scan(self) -> tuple[list[ModelEntry], list[Unreadable]]:
        """All models, shipped ones first and then by name and version, and what could not be read."""
        entries: list[ModelEntry] = []
        broken: list[Unreadable] = []
        for root in (*self.shipped, self.own):
            for path in _cards(root):
                if path.parent.name.endswith(".partial"):
                    continue
                try:
                    entries.append(ModelEntry(read_card(path.parent), path.parent, root in self.shipped))
                except UserError as error:
                    broken.append(Unreadable(path.parent, error))
        return entries, broken

    def list(self) -> list[ModelEntry]:
        """All readable models."""
        return self.scan()[0]

    def find(self, name: str | Path) -> ModelEntry:
        """The newest model of that name, the user's before shipped ones; or the one in that folder.

        Raises UserError if there is none, or with its own reason if it cannot be read.
        """
        entries, broken = self.scan()
        named = choose(str(name), entries)
        if named is not None:
            return named
        for unreadable in broken:
            if str(name) in (unreadable.folder.name, unreadable.folder.parent.name):
                raise unreadable.error
        folder = as_stored(Path(name).expanduser())
        if (folder / CARD_FILE).is_file() or (len(folder.parts) > 1 and folder.is_dir()):
            return ModelEntry(read_card(folder), folder)
        known = ", ".join(sorted({entry.card.name for entry in entries})) or "none"
        raise UserError(f"There is no model named {name}.", f"Models on this computer: {known}.")

    def current(self) -> str | None:
        """The model to work with: the last one taken that is still there; None if there is none."""
        return next(reversed(self._there(self.history())), None)

    def history(self) -> tuple[str, ...]:
        """The names of all models that were taken, the current one last; () if the record cannot be read."""
        return self._recorded("history")

    def ahead(self) -> str | None:
        """The model that was gone back from last, None if it is not there or another was taken since."""
        return next(reversed(self._there(self._recorded("ahead"))), None)

    def _recorded(self, key: str) -> tuple[str, ...]:
        try:
            names = json.loads((self.own / _CURRENT).read_text(encoding="utf-8"))[key]
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return ()
        known = isinstance(names, list) and all(isinstance(name, str) for name in names)
        return tuple(names) if known else ()

    def use(self, name: str) -> None:
        """Makes a model the current one; the one before stays where it is, and can be gone back to.

        Raises UserError if there is no such model in the library, or if that cannot be recorded.
        """
        if not self._there([name]):
            self.find(name)
            raise UserError(f"{name} is not in the library.", "Import the model first.")
        if self.current() != name:
            ahead = [other for other in self._recorded("ahead") if other != name]
            self._record([*self.history(), name], ahead if name == self.ahead() else ())

    def roll_back(self) -> str | None:
        """Goes back to the model before the current one, and returns it; None if there is none.

        Deletes nothing; `ahead` names the one that was left. Raises UserError if that cannot be recorded.
        """
        names = list(self.history())
        there = self._there(names)
        current = self.current()
        while names and names[-1] not in there:
            names.pop()
        left = names[:-1]
        while names and left and (left[-1] == names[-1] or left[-1] not in there):
            left.pop()
        self._record(left, [*self._recorded("ahead"), *([] if current is None else [current])])
        return left[-1] if left else None

    def _there(self, names: Sequence[str]) -> tuple[str, ...]:
        known = {entry.card.name for entry in self.scan()[0]} if names else set()
        return tuple(name for name in names if name in known)

    def _record(self, names: Sequence[str], ahead: Sequence[str]) -> None:
        try:
            self.own.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"The folder of models {self.own} cannot be made ({error.strerror}).",
                "Choose another folder in the preferences.",
            ) from error
        with atomic_write(self.own / _CURRENT) as partial:
            words = {"history": list(names), "ahead": list(ahead)}
            partial.write_text(json.dumps(words, indent=2) + "\n", encoding="utf-8")


def default_library(own: Path | None = None) -> ModelLibrary:
    """The shipped models and the user's: `own`, else $NAPARI_UNET_MODELS, else the platform's data folder."""
    if own is None:
        own = Path(
            os.environ.get("NAPARI_UNET_MODELS") or user_data_path("napari-unet-lung", False) / "models"
        )
    return ModelLibrary(own, (resource("models"),))


def _cards(root: Path) -> list[Path]:
    """The cards in a folder of models; none in a folder that is not there or may not be read."""
    try:
        return sorted([*root.glob(f"*/{CARD_FILE}"), *root.glob(f"*/*/{CARD_FILE}")]) if root.is_dir() else []
    except OSError:
        return []


def choose(name: str, entries: Sequence[ModelEntry]) -> ModelEntry | None:
    """The one meant by a name: the user's before shipped ones, then the newest; None if there is none."""
    named = [entry for entry in entries if entry.card.name == name]
    return max(named, key=lambda one: (not one.shipped, _version_key(one.card.version)), default=None)


def _version_key(version: str) -> tuple[tuple[int, str], ...]:
    numbers = ((part, part.isdecimal() and len(part) < _MOST_DIGITS) for part in version.split("."))
    return tuple((int(part), "") if is_number else (0, part) for part, is_number in numbers)
