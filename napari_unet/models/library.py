"""The models on this computer: those in the package and those the user made. Needs no torch."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_data_path

from napari_unet.core.errors import UserError
from napari_unet.models.card import CARD_FILE, WEIGHTS_FILE, ModelCard, checksum, read_card
from napari_unet.resources_path import resource


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

    def verify(self) -> None:
        """Raises UserError if the weights are missing or are not those the card describes."""
        if not self.weights.is_file():
            raise UserError(
                f"The model {self.card.name} has no weights ({self.weights}).", "Install the model again."
            )
        if checksum(self.weights) != self.card.sha256:
            raise UserError(
                f"The weights of the model {self.card.name} are damaged or were exchanged (wrong checksum).",
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
    """

    def __init__(self, own: Path, shipped: Sequence[Path] = ()) -> None:
        self.own = own
        self.shipped = tuple(shipped)

    def scan(self) -> tuple[list[ModelEntry], list[Unreadable]]:
        """All models, shipped ones first and then by name and version, and what could not be read."""
        entries: list[ModelEntry] = []
        broken: list[Unreadable] = []
        for root in (*self.shipped, self.own):
            cards = (
                sorted([*root.glob(f"*/{CARD_FILE}"), *root.glob(f"*/*/{CARD_FILE}")])
                if root.is_dir()
                else []
            )
            for path in cards:
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
        named = [entry for entry in entries if entry.card.name == str(name)]
        if named:
            return max(named, key=lambda entry: (not entry.shipped, _version_key(entry.card.version)))
        for unreadable in broken:
            if str(name) in (unreadable.folder.name, unreadable.folder.parent.name):
                raise unreadable.error
        folder = Path(name).expanduser()
        if (folder / CARD_FILE).is_file() or (len(folder.parts) > 1 and folder.is_dir()):
            return ModelEntry(read_card(folder), folder)
        known = ", ".join(sorted({entry.card.name for entry in entries})) or "none"
        raise UserError(f"There is no model named {name}.", f"Models on this computer: {known}.")


def default_library(own: Path | None = None) -> ModelLibrary:
    """The shipped models and the user's: `own`, else $NAPARI_UNET_MODELS, else the platform's data folder."""
    if own is None:
        own = Path(
            os.environ.get("NAPARI_UNET_MODELS") or user_data_path("napari-unet-lung", False) / "models"
        )
    return ModelLibrary(own, (resource("models"),))


def _version_key(version: str) -> tuple[tuple[int, str], ...]:
    return tuple((int(part), "") if part.isdigit() else (0, part) for part in version.split("."))
