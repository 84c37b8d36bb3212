"""The Correct dock: tools that mend a mask."""

from napari_unet.widgets.correct.dock import KEYS, CorrectWidget

__all__ = ["KEYS", "CorrectWidget"]
