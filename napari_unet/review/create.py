"""A new review project: there whole or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from sqlalchemy import insert

from napari_unet.core.errors import UserError
from napari_unet.core.label_set import LabelSet
from napari_unet.io.atomic import flush_folder
from napari_unet.review.database import Database
from napari_unet.review.faults import faults_explained
from napari_unet.review.network import is_network
from napari_unet.review.schema import project
from napari_unet.review.trail import note_event, now

DATABASE_NAME = "review.db"
_UNFINISHED = ".review-unfinished.db"


def make_project(folder: Path, protocol: str, labels: LabelSet) -> None:
    """Makes an empty project in a folder that is empty or does not exist. labels : what its masks will hold.

    The database gets its name when it is complete, so that a killed process leaves no half project.
    Raises UserError if the folder is a project, lies in one, or holds something else.
    """
    folder = Path(os.path.abspath(folder))
    if (folder / DATABASE_NAME).exists():
        raise UserError(f"{folder} is already a review project.", "Open it, or choose another folder.")
    if any((parent / DATABASE_NAME).exists() for parent in folder.parents):
        raise UserError(f"{folder} is inside another review project.", "Choose a folder outside of it.")
    if folder.exists() and (not folder.is_dir() or _holds_something(folder)):
        raise UserError(f"{folder} holds something else.", "Choose an empty folder, or type a new name.")
    with faults_explained():
        folder.mkdir(parents=True, exist_ok=True)
        _remove_unfinished(folder)
        (folder / _UNFINISHED).touch()
        database = Database(folder / _UNFINISHED, is_network(folder))
        try:
            database.build()
            with database.writing() as connection:
                about = {"id": secrets.token_hex(8), "salt": secrets.token_hex(32), "protocol": protocol}
                held = labels.to_json()
                connection.execute(insert(project).values(**about, created=now(), labels=held))
                note_event(connection, None, "", "created", protocol=protocol, labels=held)
        finally:
            database.close()
        os.replace(folder / _UNFINISHED, folder / DATABASE_NAME)
        flush_folder(folder)
        flush_folder(folder.parent)


def _holds_something(folder: Path) -> bool:
    return any(not name.startswith(_UNFINISHED) for name in os.listdir(folder))


def _remove_unfinished(folder: Path) -> None:
    for name in os.listdir(folder):
        if name.startswith(_UNFINISHED):
            (folder / name).unlink()
