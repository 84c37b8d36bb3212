"""The models on this computer: those in the package and those the user made. Needs no torch."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_data_path

from napari_unet.core.auto import AUTO
from napari_unet.core.errors import UserError
from napari_unet.core.files import checksum
from napari_unet.core.image_kind import CT, KINDS, XRAY, Kind, kind_of_model
from napari_unet.io.atomic import atomic_write
from napari_unet.io.names import as_stored
from napari_unet.models.card import ModelCard
from napari_unet.models.folder import CARD_FILE, MEMORY_FILE, WEIGHTS_FILE, read_card
from napari_unet.resources_path import resource

SHIPPED: Mapping[str, str] = {XRAY: "cxr-lung", CT: "ct-lung"}
"""The model of each kind of image that is used where nobody has chosen one."""

_CURRENT = "current.json"
_MOST_DIGITS = 20  # of a part of a version; Python refuses to read thousands


@dataclass(frozen=True)
class ModelEntry:
    """One model folder. shipped : it came with the package."""

    card: ModelCard
    folder: Path
    shipped: bool = False

    @property
    def kind(self) -> str:
        """The kind of image that it is for, see core.image_kind."""
        return kind_of_model(self.card.modalities)

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
    Which ones were made the current ones is recorded in `own`, in one list in the order of time; of each kind
    of image the last one counts. preferred : by kind, models that go before these, for now.
    """

    def __init__(
        self, own: Path, shipped: Sequence[Path] = (), preferred: Mapping[str, str] | None = None
    ) -> None:
        self.own = own
        self.shipped = tuple(shipped)
        self.preferred = dict(preferred or {})

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

    def offered(self, drawing: bool = False) -> tuple[list[ModelEntry], list[Unreadable]]:
        """As `scan`, of the models to work with: those for teaching are there for who names them.

        drawing : only those that draw masks.
        """
        entries, broken = self.scan()
        offered = [one for one in entries if not one.card.for_teaching]
        return [one for one in offered if one.card.drawing or not drawing], broken

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

    def find_shipped(self, name: str) -> ModelEntry:
        """The model of that name that came with the package, whatever the user has of the same name.

        Raises UserError if there is none.
        """
        for entry in self.scan()[0]:
            if entry.shipped and entry.card.name == name:
                return entry
        raise UserError(f"The shipped model {name} is missing.", "Install napari-unet-lung again.")

    def for_kind(self, kind: str = XRAY) -> ModelEntry:
        """The model that images of this kind get where nobody names one.

        The preferred or current one, else the shipped one, else any of the kind. Where there is none for the
        kind it is the one for X-rays, whose card refuses such images. Never one for teaching, nor one that
        draws no masks. Raises UserError if there is no model.
        """
        entries, _ = self.offered(drawing=True)
        named = (self.preferred.get(kind), self.current(kind), SHIPPED.get(kind))
        found = (choose(name, entries) for name in named if name is not None)
        entry = next((one for one in found if one is not None and one.kind == kind), None)
        entry = entry or next((one for one in entries if one.kind == kind), None)
        if entry is None:
            return self.for_kind() if kind != XRAY else self.find(SHIPPED[XRAY])
        return entry

    def for_image(self, name: str | Path, kind: Kind) -> tuple[ModelEntry, str]:
        """The model of that name, as in `find`, and ""; for "auto" the one in use, and why, as a sentence."""
        if str(name) != AUTO:
            return self.find(name), ""
        entry = self.for_kind(kind.name)
        return entry, f"{kind.sentence()} The model {entry.card.name} is used."

    def meant(self, name: str) -> tuple[ModelEntry, ...]:
        """The model of that name, as in `find`; for "auto" all that it may stand for."""
        return tuple(map(self.for_kind, KINDS)) if name == AUTO else (self.find(name),)

    def kind_of(self, name: str) -> str:
        """The kind of image that the model of that name is for; X-ray if it cannot be read."""
        try:
            return self.find(name).kind
        except UserError:
            return XRAY

    def current(self, kind: str = XRAY) -> str | None:
        """The model to work with: the last one of that kind taken that is still there; None without one."""
        return next(reversed(self.history(kind)), None)

    def history(self, kind: str = XRAY) -> tuple[str, ...]:
        """The models of that kind that were taken and are there, the current one last.

        () if the record cannot be read.
        """
        return self._there(self._recorded("history"), kind)

    def ahead(self, kind: str = XRAY) -> str | None:
        """The model that was gone back from last, None if it is not there or another was taken since."""
        return next(reversed(self._there(self._recorded("ahead"), kind)), None)

    def _recorded(self, key: str) -> tuple[str, ...]:
        try:
            names = json.loads((self.own / _CURRENT).read_text(encoding="utf-8"))[key]
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return ()
        known = isinstance(names, list) and all(isinstance(name, str) for name in names)
        return tuple(names) if known else ()

    def use(self, name: str) -> str:
        """Makes a model the current one of its kind, which is returned.

        The one before stays where it is, and can be gone back to. Raises UserError if there is no such model
        in the library, if it is for teaching, or if that cannot be recorded.
        """
        entry = choose(name, self.list())
        if entry is None:
            self.find(name)
            raise UserError(f"{name} is not in the library.", "Import the model first.")
        if entry.card.for_teaching:
            raise UserError(
                f"The model {name} is for teaching and is never the one in use.",
                "Name it where it is to run.",
            )
        if not entry.card.drawing:
            raise UserError(
                f"The model {name} gives scores and no masks, and is never the one in use.",
                "Name it where it is to run.",
            )
        kind, before, ahead = entry.kind, self._recorded("history"), self._recorded("ahead")
        if self.current(kind) != name:
            gone = {name} if name == self.ahead(kind) else set(self._there(ahead, kind))
            self._record([*before, name], [one for one in ahead if one not in gone])
        return kind

    def roll_back(self, kind: str = XRAY) -> str | None:
        """Goes back to the model before the current one of that kind; None if there is none.

        Deletes nothing; `ahead` names the one that was left. Raises UserError if that cannot be recorded.
        """
        names, ahead = self._recorded("history"), self._recorded("ahead")
        mine = self._there(names, kind)
        current = next(reversed(mine), None)
        before = next((one for one in reversed(mine) if one != current), None)
        end = 0 if before is None else len(names) - names[::-1].index(before)
        others = set(self._there(names)) - set(mine)  # what is not there any more goes too
        kept = [*names[:end], *(one for one in names[end:] if one in others)]
        self._record(kept, [*ahead, *([] if current is None else [current])])
        return before

    def _there(self, names: Sequence[str], kind: str | None = None) -> tuple[str, ...]:
        """Those of them that are in the library; with `kind`, that are for such images."""
        if not names:
            return ()
        entries, _ = self.offered(drawing=True)
        known = {name: choose(name, entries) for name in set(names)}
        return tuple(name for name in names if (it := known[name]) is not None and kind in (None, it.kind))

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
