"""The child's handlers that need torch: imported by server.py with the first such job."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from napari_unet.core.events import Note, TileDone
from napari_unet.core.prediction import Prediction
from napari_unet.inference.segment import PredictorCache, segment_steps

_cache = PredictorCache()


def warm() -> None:
    """Importing this module is all the warming there is."""


def segment(**arguments: Any) -> Generator[TileDone | Note, None, Prediction]:
    """`segment_steps` with networks kept from one job to the next."""
    return segment_steps(**arguments, cache=_cache)
