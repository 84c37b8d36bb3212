"""What a killed process, or a project that could not be written to, left behind in stroke journals.

Whoever opens the case replays what was found as one edit, and its journal has it then. A journal
of which that was not done is put aside when a new one needs its place, is offered again until a mask of its
case is saved, and even then it is kept.
"""

from __future__ import annotations

import glob
import logging
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from platformdirs import user_data_path

from napari_unet.core.errors import UserError
from napari_unet.io.atomic import flush_folder
from napari_unet.io.processes import runs
from napari_unet.review.faults import faults_explained
from napari_unet.review.saving.durable import write_whole
from napari_unet.review.saving.journal import Journal, Recovered, read_journal

if TYPE_CHECKING:
    from napari_unet.review.store import ReviewProject

_log = logging.getLogger(__name__)
_ASIDE, _KEPT = "aside", "kept"


def rescue_folder(project_id: str) -> Path:
    """Where strokes of a project are kept that cannot be written to; it need not exist."""
    return user_data_path("napari-unet-lung", appauthor=False) / "rescue" / project_id


def unsaved_work(project: ReviewProject, case_id: str, rescue: Path | None = None) -> np.ndarray | None:
    """uint8 labels of a case that were painted and never saved as a revision, or None. Changes nothing.

    rescue : see `rescue_folder`, the default. Not on the GUI thread. Raises UserError if the project cannot
    be read.
    """
    current = project.case(case_id).revision
    with faults_explained():
        for found in _journals(project.journal_path(case_id), rescue or rescue_folder(project.id)):
            if found.is_saved:
                continue
            labels = found.labels()
            if not _is_current(project, current, labels):
                return labels
    return None


def unsaved_cases(project: ReviewProject, rescue: Path | None = None) -> list[str]:
    """Cases with unsaved work that no window has open, in the order of the project. Not on the GUI thread."""
    rescue = rescue or rescue_folder(project.id)
    cases = project.cases()
    if not cases:
        return []
    folders = {project.journal_path(cases[0].id).parent, rescue}
    files = [path.name for folder in folders if folder.is_dir() for path in folder.iterdir()]
    begun = {name.split(".")[0] for name in files if not name.startswith(".")}
    free = (one.id for one in cases if one.id in begun and not project.is_elsewhere(one.id))
    return [id_ for id_ in free if unsaved_work(project, id_, rescue) is not None]


def drop_half_written(folder: Path) -> None:
    """What processes that have ended were writing into a folder when they were killed."""
    for partial in folder.glob(".*.partial"):
        process = partial.name.split(".")[-2]
        if process.isdecimal() and not runs(int(process)):
            with suppress(OSError):
                partial.unlink(missing_ok=True)


def make_room(journal: Journal, rescue: Path) -> None:
    """Before the first `sync` of a new journal: an older one in its place goes aside.

    It does not if all of it is saved, or painted again in the new one. Raises OSError.
    """
    path = journal.path
    for partial in path.parent.glob(f".{glob.escape(path.name)}.*.partial"):
        partial.unlink(missing_ok=True)  # a process was killed while it wrote this
    inside, outside = read_journal(path), _read_outside(rescue / path.name)
    if inside is None or inside.session == journal.session or inside.is_saved:
        return
    if outside is not None and outside.session == inside.session and outside.number >= inside.number:
        return  # the rescued one has all of it
    if not journal.recovered().has_been(inside.labels()):
        path.rename(_free(path, _ASIDE))
        flush_folder(path.parent)


def drop_taken_over(journal: Journal, rescue: Path) -> None:
    """After the first `sync`: older journals go whose strokes were painted again in the new one."""
    found = {older: read_journal(older) for older in _older(journal.path, rescue)}
    if found:
        ours = journal.recovered()
        for path, older in found.items():
            if older is None or (older.session != ours.session and ours.has_been(older.labels())):
                path.unlink(missing_ok=True)


def settle(journal: Journal, rescue: Path) -> None:
    """A mask of this case was saved: what older journals hold is offered no more, but kept."""
    for path in _older(journal.path, rescue):
        found = read_journal(path)
        if found is not None and found.session != journal.session:
            path.rename(_free(path.with_name(journal.path.name), _KEPT))


def needless(project: ReviewProject, case_id: str, rescue: Path) -> list[tuple[Path, str]]:
    """Journals of a case that hold nothing unsaved, each with its session. Raises OSError or UserError."""
    path = project.journal_path(case_id)
    current = project.case(case_id).revision
    found = ((older, read_journal(older)) for older in (path, *_older(path, rescue)))
    return [
        (older, one.session)
        for older, one in found
        if one is not None and (one.is_saved or _is_current(project, current, one.labels()))
    ]


def drop(needless: list[tuple[Path, str]]) -> None:
    """Delete journals, unless another session has written there since. Raises OSError."""
    for path, session in needless:
        found = read_journal(path)
        if found is not None and found.session == session:
            path.unlink(missing_ok=True)


def put_in_rescue(journal: Journal, rescue: Path) -> None:
    """Put all strokes that are not saved into the rescue folder as well. Raises OSError."""
    path = rescue / journal.path.name
    rescue.mkdir(parents=True, exist_ok=True)
    older = read_journal(path)
    if older is not None and older.session != journal.session:
        path.rename(_free(path, _ASIDE))
    write_whole(path, journal.contents())


def _journals(path: Path, rescue: Path) -> Iterator[Recovered]:
    """The newest first."""
    inside, outside = read_journal(path), _read_outside(rescue / path.name)
    if inside and outside and inside.session == outside.session:
        yield max(inside, outside, key=lambda found: found.number)
    else:
        yield from (found for found in (inside, outside) if found)
    for aside in reversed(_asides(rescue / path.name)):
        found = _read_outside(aside)
        if found is not None:
            yield found
    for aside in reversed(_asides(path)):
        found = read_journal(aside)
        if found is not None:
            yield found


def _read_outside(path: Path) -> Recovered | None:
    """A rescue folder that cannot be read keeps nobody from the project."""
    try:
        return read_journal(path)
    except OSError:
        _log.warning("the rescue folder cannot be read")
        return None


def _older(path: Path, rescue: Path) -> list[Path]:
    """Journals of the case at `path`, but for the one in use."""
    outside = rescue / path.name
    return [*_asides(path), *_asides(outside), *([outside] if outside.exists() else [])]


def _is_current(project: ReviewProject, current: str | None, labels: np.ndarray) -> bool:
    if current is None:
        return not labels.any()
    try:
        return np.array_equal(project.read_mask(current), labels)
    except UserError:  # a damaged revision: all the better that there is a journal
        return False


def _numbered(path: Path, kind: str) -> dict[int, Path]:
    """Files beside `path` with its name, a number and `kind`."""
    pattern = re.compile(re.escape(path.name) + rf"\.(\d+)\.{kind}")
    names = os.listdir(path.parent) if path.parent.is_dir() else []
    found = ((pattern.fullmatch(name), path.with_name(name)) for name in names)
    return {int(match[1]): other for match, other in found if match}


def _asides(path: Path) -> list[Path]:
    """The oldest first."""
    return [other for _, other in sorted(_numbered(path, _ASIDE).items())]


def _free(path: Path, kind: str) -> Path:
    return path.with_name(f"{path.name}.{max(_numbered(path, kind), default=0) + 1}.{kind}")
