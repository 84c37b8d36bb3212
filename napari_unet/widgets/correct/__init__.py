"""The Correct dock: tools that edit a mask."""

from napari_unet.widgets.correct.dock import KEYS, CorrectWidget

__all__ = ["KEYS", "CorrectWidget"]
