"""Masks on disk: written once, whole, under a name that was never used; compared with the one before."""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection, func, insert, select, update

from napari_unet.core.agreement import mean_dice, worst_hd95
from napari_unet.core.errors import UserError
from napari_unet.core.files import checksum
from napari_unet.core.label_set import LUNGS, LabelSet
from napari_unet.core.labels import lung
from napari_unet.core.masks import bounding_box
from napari_unet.io.atomic import atomic_write, flush_folder
from napari_unet.review.cases import change
from napari_unet.review.database import on_failure
from napari_unet.review.mask_checks import image_codes
from napari_unet.review.record import Revision
from napari_unet.review.rows import case_row
from napari_unet.review.schema import revisions
from napari_unet.review.trail import note_event, now
from napari_unet.review.types import USABLE, Author, AuthorKind, Status

MASKS = "masks"


@dataclass(frozen=True)
class Encoded:
    """A mask ready to be written; suffix is ".png" or ".tif", pixels counts the foreground."""

    content: bytes
    suffix: str
    sha256: str
    labels_hash: str
    pixels: int


@dataclass(frozen=True)
class Comparison:
    """How a mask differs from another one; see `Revision`."""

    dice: float
    hd95: float
    changed_pixels: int
    changed_mm2: float | None


def labels_hash(labels: np.ndarray) -> str:
    """SHA-256 of shape and labels, the same however the mask is stored."""
    digest = hashlib.sha256(repr(tuple(labels.shape)).encode())
    digest.update(np.ascontiguousarray(labels).data)
    return digest.hexdigest()


def encode(labels: np.ndarray) -> Encoded:
    """A uint8 mask (Y, X) as PNG, (Z, Y, X) as compressed TIFF."""
    file = io.BytesIO()
    if labels.ndim == 2:
        from PIL import Image

        Image.fromarray(labels).save(file, format="PNG", compress_level=3)
    else:
        import tifffile

        tifffile.imwrite(file, labels, compression="zlib", photometric="minisblack")
    content = file.getvalue()
    return Encoded(
        content=content,
        suffix=".png" if labels.ndim == 2 else ".tif",
        sha256=hashlib.sha256(content).hexdigest(),
        labels_hash=labels_hash(labels),
        pixels=int(np.count_nonzero(lung(labels))),
    )


def is_intact(path: Path, sha256: str) -> bool:
    """True if the file is there and is what was written."""
    return path.exists() and checksum(path) == sha256


def read_labels(path: Path, sha256: str) -> np.ndarray:
    """The labels (uint8) in a mask file. Raises UserError if it is missing or not what was written."""
    if not path.exists() and path.parent.parent.exists():  # otherwise the whole project is out of reach
        raise UserError(f"The mask {_short(path)} is missing.", _ELSE)
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise UserError(f"The mask {_short(path)} is damaged or was changed by another program.", _ELSE)
    if path.suffix == ".png":
        from PIL import Image

        return np.array(Image.open(io.BytesIO(content)), np.uint8)
    import tifffile

    return np.asarray(tifffile.imread(io.BytesIO(content)), np.uint8)


def compare(
    mask: np.ndarray, parent: np.ndarray, spacing_mm: tuple[float, ...] | None, labels: LabelSet = LUNGS
) -> Comparison:
    """How `mask` differs from `parent`; both uint8 of one shape. Ignored pixels of either do not count.

    labels : what both hold; see core.agreement. changed_pixels counts every pixel whose label differs, also
    between lungs and where ignored was painted. In a stack changed_mm2 is summed over the slices.
    """
    box = bounding_box((mask != 0) | (parent != 0))
    if box is None:
        return Comparison(math.nan, math.nan, 0, None if spacing_mm is None else 0.0)
    mask, parent = mask[box], parent[box]
    changed = int(np.count_nonzero(mask != parent))
    return Comparison(
        dice=mean_dice(mask, parent, labels),
        hd95=worst_hd95(mask, parent, labels, spacing_mm),
        changed_pixels=changed,
        changed_mm2=None if spacing_mm is None else changed * prod(spacing_mm[-2:]),
    )


def store(
    connection: Connection,
    folder: Path,
    case: str,
    mask: Encoded,
    author: Author,
    note: str,
    parent: str | None,
    compared: Comparison | None,
    checks: Sequence[str],
    aside: bool = False,
    sides: bool = False,
) -> str:
    """Writes the file, then its row, as the case's current mask; returns the new revision's id.

    checks : codes of the anatomy checks that it fails; they become the case's, beside the input check's.
    aside : it becomes one of the case's masks, but not the current one. sides : see `Revision`.

    An accepted case is corrected when a person changes its mask, and needs a second look when a model or a
    file gives it another one. A file that a killed process left without a row is never written over: the
    new one gets another name. If the transaction fails, the file goes.
    """
    last = connection.execute(select(func.max(revisions.c.number)).where(revisions.c.case == case)).scalar()
    number = (last or 0) + 1
    path = folder / MASKS / case / f"{number}{mask.suffix}"
    again = 0
    while path.exists():
        again += 1
        path = path.with_name(f"{number}-{again}{mask.suffix}")
    if not path.parent.exists():
        path.parent.mkdir(exist_ok=True)
        flush_folder(path.parent.parent)
    with atomic_write(path) as partial:
        partial.write_bytes(mask.content)
    on_failure(connection, lambda: path.unlink(missing_ok=True))
    id_ = f"{case}-{number}"
    row: dict[str, Any] = {
        "id": id_,
        "case": case,
        "number": number,
        "file": path.relative_to(folder).as_posix(),
        "author_kind": author.kind.value,
        "author_name": author.name,
        "author_version": author.version,
        "parent": parent,
        "time": now(),
        "sha256": mask.sha256,
        "labels_hash": mask.labels_hash,
        "pixels": mask.pixels,
        "note": note,
        "checks": list(checks),
        "sides": sides,
    }
    if compared is not None:
        row |= {
            "dice": None if math.isnan(compared.dice) else compared.dice,
            "hd95": None if math.isnan(compared.hd95) else compared.hd95,
            "changed_pixels": compared.changed_pixels,
            "changed_mm2": compared.changed_mm2,
        }
    connection.execute(insert(revisions).values(**row))
    note_event(connection, case, author.name, "mask", revision=id_, sha256=mask.sha256, note=note)
    if not aside:
        change(connection, case, revision=id_, checks=_with_image_codes(connection, case, checks))
        _follow_mask(connection, case, id_, author)
    return id_


def put_checks(connection: Connection, revision: str, checks: Sequence[str]) -> None:
    """Keeps the checks of a mask that was made by a version that did not check it."""
    case = connection.execute(select(revisions.c.case).where(revisions.c.id == revision)).scalar_one()
    connection.execute(update(revisions).where(revisions.c.id == revision).values(checks=list(checks)))
    if case_row(connection, case).revision == revision:
        codes = _with_image_codes(connection, case, checks)
        change(connection, case, checks=codes)
        note_event(connection, case, "", "checked", checks=codes, revision=revision)


def follow_back(connection: Connection, case: str, revision: str | None) -> None:
    """Makes an earlier mask, or none, the current one again, with its checks."""
    query = select(revisions.c.checks).where(revisions.c.id == revision)
    checks = connection.execute(query).scalar() if revision is not None else None
    codes = None if checks is None else _with_image_codes(connection, case, checks)
    change(connection, case, revision=revision, checks=codes)


def _with_image_codes(connection: Connection, case: str, checks: Sequence[str]) -> list[str]:
    """Codes of a mask beside what the input check said about the image."""
    return [*image_codes(case_row(connection, case).checks), *checks]


def begun_with(masks: Sequence[Revision]) -> Revision | None:
    """The mask that people began with: the last one by a model or a file before the first by a person.

    masks : all of a case, by number. Where a person was first, the first one by a model or a file.
    """
    made = [mask for mask in masks if mask.author.kind != AuthorKind.PERSON]
    person = next((mask.number for mask in masks if mask.author.kind == AuthorKind.PERSON), math.inf)
    before = [mask for mask in made if mask.number < person]
    return before[-1] if before else next(iter(made), None)


def has_mark(connection: Connection, revision: str | None) -> bool:
    """True if there is this mask and it has any foreground."""
    pixels = connection.execute(select(revisions.c.pixels).where(revisions.c.id == revision)).scalar()
    return bool(pixels)


def corrected_by_person(connection: Connection, revision: str | None) -> bool:
    """True if a person's hand shows in a mask: it differs from the last one of a model or file before it."""
    columns = (revisions.c.author_kind, revisions.c.labels_hash, revisions.c.pixels, revisions.c.parent)
    mask = connection.execute(select(*columns).where(revisions.c.id == revision)).one_or_none()
    start = mask
    while start is not None and start.author_kind == AuthorKind.PERSON:
        start = connection.execute(select(*columns).where(revisions.c.id == start.parent)).one_or_none()
    if mask is None or start is mask:
        return False
    return bool(mask.pixels) if start is None else bool(mask.labels_hash != start.labels_hash)


def _follow_mask(connection: Connection, case: str, revision: str, author: Author) -> None:
    """The status of a case that was accepted before it got this mask."""
    before = Status(case_row(connection, case).status)
    if before not in USABLE:
        return
    if author.kind != AuthorKind.PERSON:
        after = Status.SECOND_LOOK
        change(connection, case, status=after.value, decided=None)
    else:
        after = Status.CORRECTED if corrected_by_person(connection, revision) else Status.ACCEPTED
        change(connection, case, status=after.value)
    if after != before:
        note_event(connection, case, author.name, "status", before=before.value, after=after.value)


_ELSE = "Look at an earlier mask of the case, or restore a copy of the project."


def _short(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"
