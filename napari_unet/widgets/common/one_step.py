"""Edits of a mask that undo takes back at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from napari.layers import Labels

from napari_unet.widgets.napari_compat.history import end_failed_step


@contextmanager
def one_step(layer: Labels) -> Iterator[None]:
    """All edits in it are one step of undo, also where something fails: napari would carry it on then."""
    try:
        with layer.block_history():
            yield
    except Exception:
        end_failed_step(layer)
        raise
