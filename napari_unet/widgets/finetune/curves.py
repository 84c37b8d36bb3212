"""The live curves of a training: Dice above, the loss below, over the same steps."""

from __future__ import annotations

import threading
from functools import cache
from math import isnan
from typing import Any

from napari.utils.theme import get_theme
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QVBoxLayout, QWidget
from superqt.utils import qthrottled

from napari_unet.widgets.common.forms import WrappedLabel
from napari_unet.widgets.finetune.training_progress import Curve, Curves, TrainingProgress

_REDRAW_MS = 250
_HEIGHTS = (150, 84)  # pixels: of the plots of Dice and of the loss
_AXIS = 36  # pixels: room for numbers
_SYMBOL = 6  # pixels
_FEWEST = 4  # steps on the axis, so that it has no half ones
_DARK = {"new": "#56b4e9", "old": "#e69f00", "loss": "#cc79a7"}
_LIGHT = {"new": "#0072b2", "old": "#a85c00", "loss": "#a0417a"}
_NAMES = {"new": "Dice, your held-out cases", "old": "Dice, reference set", "loss": "loss"}


@cache
def warm_up() -> threading.Thread:
    """The thread that imports pyqtgraph, once: it takes 0.2 s, which the window should not wait for."""
    thread = threading.Thread(target=_wake, name="napari-unet plots", daemon=True)
    thread.start()
    return thread


def _wake() -> None:
    import pyqtgraph  # noqa: F401


class CurvesView(QWidget):
    """Shows a training's progress: redrawn four times a second at most, and only while it can be seen."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = viewer
        self._progress = TrainingProgress()
        self._drawn: dict[str, Any] = {}
        self._plots: list[Any] = []
        self._bounds: list[Any] = []
        self._colours = _DARK
        self.legend = WrappedLabel(name="legend")
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(2)
        self._column.addWidget(self.legend)
        self._redraw_soon = qthrottled(self._redraw, timeout=_REDRAW_MS, leading=False, parent=self)
        viewer.events.theme.connect(self._dress)
        warm_up()

    def close_down(self) -> None:
        """Release the viewer."""
        self._redraw_soon.cancel()
        self._viewer.events.theme.disconnect(self._dress)

    def show_progress(self, progress: TrainingProgress) -> None:
        """Show the progress of another training from now on."""
        self._progress = progress
        self.refresh()

    def refresh(self) -> None:
        """More is known of the progress."""
        self._redraw_soon()

    def showEvent(self, event: Any) -> None:
        """Draw what came in while nobody looked."""
        super().showEvent(event)
        self.refresh()

    def _redraw(self) -> None:
        if not self.isVisible() or warm_up().is_alive():
            if self.isVisible():
                self._redraw_soon()
            return
        if not self._plots:
            self._build()
        curves = self._progress.curves()
        for name, curve in _by_name(curves).items():
            self._drawn[name].setData(curve.step, curve.value)
        self._plots[0].setXRange(0, max(self._progress.whole, _FEWEST), padding=0)
        self._mark(curves)
        self._tell(curves)

    def _build(self) -> None:
        import pyqtgraph

        for height, names in zip(_HEIGHTS, (("new", "old"), ("loss",)), strict=True):
            plot = pyqtgraph.PlotWidget()
            plot.setFixedHeight(height)
            plot.setMouseEnabled(x=False, y=False)
            plot.setMenuEnabled(False)
            plot.hideButtons()
            plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            plot.getAxis("left").setWidth(_AXIS)
            plot.getAxis("left").enableAutoSIPrefix(False)
            # no numbers on each other, and none that are cut
            plot.getAxis("left").setStyle(maxTickLevel=0, hideOverlappingLabels=True)
            for name in names:
                marked = {} if name == "loss" else {"symbol": "o", "symbolSize": _SYMBOL}
                self._drawn[name] = plot.plot(connect="finite", **marked)
            self._plots.append(plot)
            self._column.addWidget(plot)
        dice, loss = self._plots
        loss.setXLink(dice)
        dice.getAxis("bottom").setStyle(showValues=False)
        loss.setLabel("bottom", "steps")
        self._dress()

    def _dress(self, _event: Any = None) -> None:
        """The colours of napari's theme."""
        theme = get_theme(self._viewer.theme)
        self._colours = _DARK if theme.type == "dark" else _LIGHT
        if not self._plots:
            return
        import pyqtgraph

        text = pyqtgraph.mkColor(theme.text.as_hex())
        for plot in self._plots:
            plot.setBackground(theme.background.as_hex())
            for side in ("left", "bottom"):
                plot.getAxis(side).setPen(theme.secondary.as_hex())
                plot.getAxis(side).setTextPen(text)
        for name, line in self._drawn.items():
            colour = self._colours[name]
            line.setPen(pyqtgraph.mkPen(colour, width=2))
            if name != "loss":
                line.setSymbolBrush(colour)
                line.setSymbolPen(None)
        for line in self._bounds:
            line.setPen(theme.secondary.as_hex())
        self._tell(self._progress.curves())

    def _mark(self, curves: Curves) -> None:
        """A line where one part ends and the next begins."""
        import pyqtgraph

        expected = len(curves.bounds) * len(self._plots)
        if len(self._bounds) > expected:  # another training
            for line in self._bounds:
                line.getViewBox().removeItem(line)
            self._bounds.clear()
        pen = get_theme(self._viewer.theme).secondary.as_hex()
        for bound in curves.bounds[len(self._bounds) // len(self._plots) :]:
            for plot in self._plots:
                line = pyqtgraph.InfiniteLine(bound, pen=pen)
                plot.addItem(line, ignoreBounds=True)
                self._bounds.append(line)

    def _tell(self, curves: Curves) -> None:
        """The legend, with the newest values."""
        parts = []
        for name, curve in _by_name(curves).items():
            value = "" if isnan(curve.last) else f" <b>{curve.last:.3f}</b>"
            title = f" {_NAMES[name]}{value}".replace(" ", "&nbsp;")
            parts.append(f"<span style='color: {self._colours[name]}'>●</span>{title}")
        self.legend.say("&nbsp;&nbsp; ".join(parts))


def _by_name(curves: Curves) -> dict[str, Curve]:
    return {"new": curves.new_dice, "old": curves.old_dice, "loss": curves.loss}
