"""Probability maps: a cache at the model's own size, under a cap; the one not used for longest goes first."""

from __future__ import annotations

import io
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection, delete, func, insert, select, update

from napari_unet.core.prediction import Prediction
from napari_unet.core.volume_labels import any_label
from napari_unet.io.atomic import atomic_write
from napari_unet.review.schema import maps

MAPS = "maps"
DEFAULT_CAP_MB = 500


def encode_map(kept: Prediction) -> bytes:
    """The maps of a `Prediction.kept()` as a compressed npz file: that of any label, and the uncertainty.

    Raises ValueError for maps that are not of 8 bits, and for those of findings: nobody may see where a
    finding lies before their own call, so they are made when they are shown.
    """
    if kept.task != "segmentation":
        raise ValueError("maps of findings are not kept")
    arrays: dict[str, Any] = {"probability": any_label(kept.maps)}
    if kept.entropy is not None:
        arrays["uncertainty"] = kept.entropy
    if any(array.dtype != np.uint8 for array in arrays.values()):
        raise ValueError("a map is uint8")
    about = {"model": kept.model, "version": kept.version}
    file = io.BytesIO()
    np.savez_compressed(file, about=np.array(json.dumps(about)), **arrays)
    return file.getvalue()


def read_map(path: Path) -> Prediction | None:
    """What `encode_map` wrote, of the maps' own shape; None if gone or damaged: it can be made again."""
    try:
        with np.load(path, allow_pickle=False) as file:
            about = json.loads(str(file["about"]))
            entropy = file["uncertainty"] if "uncertainty" in file.files else None
            if about.get("task", "segmentation") != "segmentation":  # of findings, by an earlier version
                return None
            return Prediction(file["probability"][None], entropy=entropy, **about)
    except Exception:  # a damaged zip raises nearly anything
        return None


def store_map(connection: Connection, folder: Path, case: str, content: bytes, cap_bytes: int) -> None:
    """Writes the map of a case over an earlier one, and removes others until all fit under the cap."""
    path = folder / MAPS / f"{case}.npz"
    with atomic_write(path) as partial:
        partial.write_bytes(content)
    connection.execute(delete(maps).where(maps.c.case == case))
    newest = _newest(connection)
    file = path.relative_to(folder).as_posix()
    row = {"case": case, "file": file, "bytes": len(content), "used": newest + 1}
    connection.execute(insert(maps).values(**row))
    total = connection.execute(select(func.sum(maps.c.bytes))).scalar() or 0
    others = select(maps).where(maps.c.case != case).order_by(maps.c.used)
    for old in connection.execute(others).all() if total > cap_bytes else []:
        if total <= cap_bytes:
            break
        with suppress(OSError):
            os.unlink(folder / old.file)
        connection.execute(delete(maps).where(maps.c.case == old.case))
        total -= old.bytes


def touch(connection: Connection, case: str) -> None:
    """Notes that the map of `case` was used just now."""
    connection.execute(update(maps).where(maps.c.case == case).values(used=_newest(connection) + 1))


def is_newest(connection: Connection, case: str) -> bool:
    """True if no map was used after that of `case`."""
    used = connection.execute(select(maps.c.used).where(maps.c.case == case)).scalar()
    return used is not None and used == _newest(connection)


def _newest(connection: Connection) -> int:
    return int(connection.execute(select(func.max(maps.c.used))).scalar() or 0)
