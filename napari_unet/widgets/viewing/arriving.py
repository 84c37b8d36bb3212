"""A series on the canvas while its pixels are read: the slice in view comes first, then its neighbours."""

from __future__ import annotations

import warnings
from typing import Any

from napari.components.overlays import TextOverlay
from napari.layers import Image
from napari.utils import cancelable_progress
from napari.utils.notifications import show_error, show_info
from qtpy.QtCore import QObject, QTimer

from napari_unet.core.errors import UserError
from napari_unet.core.raster import Raster
from napari_unet.core.window import Window, display_window
from napari_unet.core.wording import counted
from napari_unet.io.arriving import ArrivingSeries, SliceRead
from napari_unet.io.layer_data import HEADER
from napari_unet.widgets.common.jobs import Job, exhaust
from napari_unet.widgets.napari_compat.window import window_of
from napari_unet.widgets.viewing.layers_in_view import Connections

_TICK_MS = 250  # what is read within one is not announced
_HOW_TO_CANCEL = "cancel: activity, bottom right"
_LONGEST = 26  # letters of a name beside the mark in the middle above
_BESIDE_BAR = "|{n_fmt}/{total_fmt} "  # napari shows what is after the stroke; its own hides Cancel
_arrivals: set[Arrival] = set()  # until all is read, or the layer is gone


def read_while_shown(viewer: Any, series: ArrivingSeries) -> None:
    """Read `series` in the background from the moment at which `viewer` shows a layer of it.

    The layer has plain pixels and its whole header in the end. If a file turns out to be damaged, or somebody
    cancels, it is taken away again, with a word.
    """
    _arrivals.add(Arrival(viewer, series))


class Arrival(QObject):
    """One series on its way into one layer."""

    def __init__(self, viewer: Any, series: ArrivingSeries) -> None:
        super().__init__(window_of(viewer))
        self._viewer = viewer
        self._series = series
        self._layer: Image | None = None
        self._job: Job | None = None
        self._limits: tuple[float, float] | None = None  # as the layer began; the user may change them
        self._in_view = series.shape[0] // 2
        self._done = 1  # the one in the middle
        self._bar: cancelable_progress | None = None
        self._text = TextOverlay(position="top_left", font_size=10)
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._tick.timeout.connect(self._show_progress)
        self._events = Connections()
        self._events.add(self._on_inserted, viewer.layers.events.inserted)
        self.destroyed.connect(series.give_up)

    def _on_inserted(self, event: Any) -> None:
        layer = event.value
        if not isinstance(layer, Image) or layer.data is not self._series:
            return
        self._events.close()
        self._layer = layer
        self._limits = tuple(layer.contrast_limits)
        self._events.add(self._on_removed, self._viewer.layers.events.removed)
        self._events.add(self._on_step, self._viewer.dims.events.current_step)
        self._on_step()
        self._job = job = Job(self._read, self)
        job.progressed.connect(self._on_read)
        job.succeeded.connect(lambda found: self._on_whole(*found))
        job.failed.connect(self._on_failed)
        job.cancelled.connect(self._on_cancelled)
        self._tick.start()

    def _read(self, job: Job) -> tuple[Raster, Window]:
        """In the job's thread."""
        try:
            whole = exhaust(self._series.steps(lambda: self._in_view), job)
            return whole, display_window(whole)
        finally:
            self._series.give_up()

    def _shows_slices(self) -> bool:
        """Whether one slice is in view, and not a cut through all of them."""
        dims, layer = self._viewer.dims, self._layer
        return layer is not None and dims.ndim - layer.ndim not in dims.displayed

    def _on_step(self, _event: object = None) -> None:
        if self._layer is not None and self._shows_slices():
            self._in_view = round(self._layer.world_to_data(self._viewer.dims.point)[0])

    def _on_read(self, event: SliceRead) -> None:
        self._done = event.done
        if self._layer is not None and event.z == self._in_view and self._shows_slices():
            self._layer.refresh(extent=False)

    def _show_progress(self) -> None:
        """How far it is, on the canvas and in napari's list of activities, which has a button to cancel."""
        layer = self._layer
        if layer is None or self._job is None:
            return
        if self._bar is None:
            self._announce(layer.name)
            return
        if self._bar.is_canceled:
            self._text.text = f"Cancelling {layer.name}…"
            self._job.cancel()
            return
        of = counted(self._series.shape[0], "slice")
        name = layer.name if len(layer.name) <= _LONGEST else f"{layer.name[: _LONGEST - 1]}…"
        self._text.text = f"Reading {name}\n{self._done:,} of {of}\n{_HOW_TO_CANCEL}"
        if self._viewer.dims.ndisplay == 2 and not self._shows_slices():
            layer.refresh(extent=False)
        self._bar.update(self._done - self._bar.n)  # lets events in: nothing comes after it

    def _announce(self, name: str) -> None:
        self._tick.stop()
        bar = cancelable_progress(
            total=self._series.shape[0], desc=f"Reading {name}", bar_format=_BESIDE_BAR
        )  # lets events in
        if self._layer is None:  # it has ended meanwhile
            bar.close()
            return
        self._bar = bar
        self._viewer.canvas.overlays[f"arriving_{id(self)}"] = self._text
        self._text.visible = True
        self._tick.start()

    def _on_whole(self, whole: Raster, window: Window) -> None:
        layer = self._layer
        known = len(self._series.preview.notes)
        self._finish()
        if layer is None or layer.data is not self._series:
            return
        if tuple(layer.contrast_limits) == self._limits:  # nobody has chosen others
            layer.contrast_limits_range = layer.contrast_limits = (window.low, window.high)
        layer.data = whole.pixels
        layer.metadata = {**layer.metadata, HEADER: whole.header()}  # last: what is said follows it
        for note in whole.notes[known:]:
            warnings.warn(f"{layer.name}: {note}", stacklevel=2)  # napari shows it

    def _on_failed(self, error: UserError) -> None:
        self._take_away()
        show_error(str(error))

    def _on_cancelled(self) -> None:
        layer, done, total = self._layer, self._done, self._series.shape[0]
        self._take_away()
        if layer is not None:
            show_info(
                f"{layer.name} was closed again: reading was cancelled after {done:,} of "
                f"{counted(total, 'slice')}."
            )

    def _on_removed(self, event: Any) -> None:
        if event.value is self._layer:
            self._finish()

    def _take_away(self) -> None:
        layer = self._layer
        self._finish()
        if layer in self._viewer.layers:
            self._viewer.layers.remove(layer)

    def _finish(self) -> None:
        """Stop whatever still goes on, and leave nothing on the canvas."""
        self._events.close()
        self._tick.stop()
        self._layer = None
        if self._job is not None:
            self._job.abandon()
            self._job = None
        self._series.give_up()
        self._viewer.canvas.overlays.pop(f"arriving_{id(self)}", None)
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        _arrivals.discard(self)
        self.deleteLater()
