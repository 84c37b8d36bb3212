"""What a killed process, or a project that could not be written to, left behind in stroke journals.

A journal that a new one takes the place of is put aside under another name until a mask of its case is saved
or found equal; it is offered until then, and kept even later if what it holds was not saved.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from platformdirs import user_data_path

from napari_unet.core.errors import UserError
from napari_unet.review.durable import flush_folder, write_whole
from napari_unet.review.journal import Recovered, read_journal

if TYPE_CHECKING:
    from napari_unet.review.store import ReviewProject

_ASIDE, _KEPT = "aside", "kept"


def rescue_folder(project_id: str) -> Path:
    """Where strokes of a project are kept that cannot be written to; it need not exist."""
    return user_data_path("napari-unet-lung", appauthor=False) / "rescue" / project_id


def unsaved_work(project: ReviewProject, case_id: str, rescue: Path | None = None) -> np.ndarray | None:
    """uint8 labels of a case that were painted and never saved as a revision, or None. Changes nothing.

    rescue : see `rescue_folder`, the default. Not on the GUI thread. Raises UserError if the project cannot
    be read.
    """
    head = project.case(case_id).revision
    for found in _journals(project.journal_path(case_id), rescue or rescue_folder(project.id)):
        if found.is_saved:
            continue
        labels = found.labels()
        if not _is_head(project, head, labels):
            return labels
    return None


def unsaved_cases(project: ReviewProject, rescue: Path | None = None) -> list[str]:
    """Cases with unsaved work, in the order of the project. Not on the GUI thread."""
    rescue = rescue or rescue_folder(project.id)
    cases = project.cases()
    if not cases:
        return []
    folders = {project.journal_path(cases[0].id).parent, rescue}
    files = [path.name for folder in folders if folder.is_dir() for path in folder.iterdir()]
    begun = {name.split(".")[0] for name in files if not name.startswith(".")}
    return [one.id for one in cases if one.id in begun and unsaved_work(project, one.id, rescue) is not None]


def put_aside(path: Path, session: str) -> None:
    """Make room for a new journal at `path`: one of another session goes aside, unless all of it is saved.

    Raises OSError if the folder cannot be written to.
    """
    for partial in path.parent.glob(f".{glob.escape(path.name)}.*.partial"):
        partial.unlink(missing_ok=True)  # a process was killed while it wrote this
    if not path.exists():
        return
    found = read_journal(path)
    if found is not None and found.session == session:
        return
    if found is None or found.is_saved:
        path.unlink(missing_ok=True)
    else:
        path.rename(_free(path, _ASIDE))
    flush_folder(path.parent)


def adopt_rescued(path: Path, rescue: Path, session: str) -> None:
    """Bring strokes from the rescue folder `rescue` home: next to `path`, put aside. Raises OSError."""
    for outside in (*_asides(rescue / path.name), rescue / path.name):
        found = read_journal(outside)
        if found is None or found.session == session:
            continue
        inside = read_journal(path)
        if inside is None or inside.session != found.session or inside.number < found.number:
            write_whole(_free(path, _ASIDE), outside.read_bytes())
        outside.unlink(missing_ok=True)


def settle(path: Path, labels: np.ndarray) -> None:
    """A mask of this case was saved: what was put aside is offered no more, and deleted if it is `labels`."""
    for aside in _asides(path):
        with suppress(OSError):
            found = read_journal(aside)
            if found is None or np.array_equal(found.labels(), labels):
                aside.unlink(missing_ok=True)
            else:
                aside.rename(_free(path, _KEPT))


def _journals(path: Path, rescue: Path) -> Iterator[Recovered]:
    """The newest first."""
    inside, outside = read_journal(path), read_journal(rescue / path.name)
    if inside and outside and inside.session == outside.session:
        yield max(inside, outside, key=lambda found: found.number)
    else:
        yield from (found for found in (inside, outside) if found)
    for aside in (*reversed(_asides(rescue / path.name)), *reversed(_asides(path))):
        found = read_journal(aside)
        if found is not None:
            yield found


def _is_head(project: ReviewProject, head: str | None, labels: np.ndarray) -> bool:
    if head is None:
        return not labels.any()
    try:
        return np.array_equal(project.read_mask(head), labels)
    except UserError:  # a damaged revision: all the better that there is a journal
        return False


def _numbered(path: Path, kind: str) -> dict[int, Path]:
    """Files beside `path` with its name, a number and `kind`."""
    pattern = re.compile(re.escape(path.name) + rf"\.(\d+)\.{kind}")
    if not path.parent.is_dir():
        return {}
    found = ((pattern.fullmatch(other.name), other) for other in path.parent.iterdir())
    return {int(match[1]): other for match, other in found if match}


def _asides(path: Path) -> list[Path]:
    """The oldest first."""
    return [other for _, other in sorted(_numbered(path, _ASIDE).items())]


def _free(path: Path, kind: str) -> Path:
    return path.with_name(f"{path.name}.{max(_numbered(path, kind), default=0) + 1}.{kind}")
