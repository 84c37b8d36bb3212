"""The Review dock: many cases, one after the other, by keyboard."""

from napari_unet.widgets.review.dock import ReviewWidget

__all__ = ["ReviewWidget"]
