"""The Segment dock: a lung mask from one click, and what can be done with it."""

from napari_unet.widgets.segment.dock import SegmentWidget

__all__ = ["SegmentWidget"]
