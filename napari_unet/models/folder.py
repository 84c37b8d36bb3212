"""The folder of a model: the names of its files, and its card as it is read from there. Needs no torch."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

from pydantic import ValidationError

from napari_unet.core.errors import UserError
from napari_unet.models.card import FORMAT_VERSION, ModelCard

CARD_FILE = "card.json"
WEIGHTS_FILE = "weights.safetensors"
MEMORY_FILE = "memory.safetensors"
_LARGEST_CARD = 16 * 2**20  # bytes


def read_card(folder: Path) -> ModelCard:
    """The card in a model folder. Raises UserError if it is missing, damaged, or from a newer version."""
    path = folder / CARD_FILE
    try:
        if path.stat().st_size > _LARGEST_CARD:
            raise UserError(f"The model card {path} is larger than any card.", "Install the model again.")
        return _card_of(path.read_text(encoding="utf-8"), path)
    except FileNotFoundError:
        raise UserError(
            f"{folder} is not a model: it has no {CARD_FILE}.", "Choose a model folder."
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(
            f"The model card {path} cannot be read ({error}).", "Install the model again."
        ) from error


@lru_cache(maxsize=64)
def _card_of(text: str, path: Path) -> ModelCard:
    """`read_card` of what its file says; kept, as a library reads all its cards for each image."""
    data = json.loads(text)
    version = data.get("format_version") if isinstance(data, dict) else None
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise UserError(
            f"The model {path.parent.name} was made by a newer version of U-Net Lung "
            f"(card format {version}).",
            "Update the plugin: pip install -U napari-unet-lung.",
        )
    try:
        return ModelCard.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "card"
        if not (isinstance(data, dict) and "outputs" in data):
            where = where.removeprefix("outputs.0.")
        raise UserError(
            f"The model card {path} is damaged ({where}: {first['msg'].removeprefix('Value error, ')}).",
            "Install the model again.",
        ) from error
