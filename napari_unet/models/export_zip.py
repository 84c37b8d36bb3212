"""A model in its own format as one zip file, for `models import` on another computer."""

from __future__ import annotations

import zipfile
from pathlib import Path

from napari_unet.io.atomic import atomic_write
from napari_unet.models.card import ModelCard
from napari_unet.models.folder import CARD_FILE, MEMORY_FILE, WEIGHTS_FILE
from napari_unet.models.library import ModelEntry
from napari_unet.models.new_file import add_bytes, check_new_file


def export_zip(entry: ModelEntry, path: Path, with_memory: bool) -> ModelCard:
    """Writes card and weights into the zip file `path`, in a folder of the model's name; returns that card.

    with_memory : the model's replay set goes with it; its images may be of patients. Otherwise the card
    in the file says that it has none.
    Raises UserError if the model is damaged, or `path` exists or cannot be written.
    """
    check_new_file(path)
    entry.verify()
    card = entry.card if with_memory else entry.card.model_copy(update={"memory": None})
    files = {WEIGHTS_FILE: entry.weights} | ({MEMORY_FILE: entry.replay_file} if card.memory else {})
    with atomic_write(path) as partial, zipfile.ZipFile(partial, "w") as archive:
        add_bytes(archive, f"{card.name}/{CARD_FILE}", f"{card.model_dump_json(indent=2)}\n".encode())
        for name, file in files.items():
            add_bytes(archive, f"{card.name}/{name}", file.read_bytes())
    return card
