"""What a model's network makes of each image: one row of numbers per case, by the model that saw it last."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, delete, insert, select

from napari_unet.review.schema import features

_STORED = np.dtype("<f2")  # half precision: 1 kB a case


@dataclass(frozen=True)
class Features:
    """numbers : float32 (D,), of length 1. model, version : which one it was; others cannot be compared."""

    numbers: np.ndarray
    model: str
    version: str


def store_features(connection: Connection, case: str, numbers: np.ndarray, model: str, version: str) -> None:
    """Keeps the features of a case in place of earlier ones."""
    drop_features(connection, case)
    row = {"case": case, "model": model, "version": version, "numbers": numbers.astype(_STORED).tobytes()}
    connection.execute(insert(features).values(**row))


def drop_features(connection: Connection, case: str) -> None:
    """The image of the case is another one now."""
    connection.execute(delete(features).where(features.c.case == case))


def all_features(connection: Connection) -> dict[str, Features]:
    """By case, of the cases that have some."""
    return {
        row.case: Features(np.frombuffer(row.numbers, _STORED).astype(np.float32), row.model, row.version)
        for row in connection.execute(select(features))
    }
