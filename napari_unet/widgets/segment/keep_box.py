"""What is offered when somebody cancels a segmentation of which some slices are done."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QPushButton

from napari_unet.core.wording import counted
from napari_unet.widgets.segment.request import Segmented, SegmentRequest


class KeepBox(QPushButton):
    """A button that is there as long as something is offered. It is thrown away unless somebody wants it.

    wanted : the SegmentRequest and the Segmented that were offered.
    """

    wanted = Signal(object, object)

    def __init__(self) -> None:
        super().__init__()
        self._offered: tuple[SegmentRequest, Segmented] | None = None
        self.clicked.connect(self._on_clicked)
        self.hide()

    def offer(self, request: SegmentRequest, done: Segmented) -> str:
        """Offer what is done; returns what to say of it."""
        self._offered = request, done
        seen, slices = done.result.prediction.stopped_at, done.result.prediction.planes
        self.show()
        if seen is None:
            self.setText("Keep the mask")
            return "Cancelled when all slices were done."
        self.setText(f"Keep {counted(seen, 'slice')}")
        return (
            f"Cancelled after {seen:,} of {counted(slices, 'slice')}. A mask of these alone is incomplete: "
            "the others stay empty."
        )

    def drop(self) -> None:
        """Offer nothing any more."""
        self._offered = None
        self.hide()

    def _on_clicked(self) -> None:
        if self._offered is not None:
            request, done = self._offered
            self.drop()
            self.wanted.emit(request, done)
