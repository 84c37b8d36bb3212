"""The box with the ruler, the cardiothoracic ratio and the scale bar."""

from __future__ import annotations

from functools import partial

from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_unet.core.ruler import cardiothoracic_ratio, length_text, line_length
from napari_unet.review.types import Case, Measurement
from napari_unet.widgets.common.forms import WrappedLabel
from napari_unet.widgets.common.ruler_tool import COLOURS, DrawnLines, Points, RulerTool
from napari_unet.widgets.session import Session

_TOOLS = {
    "distance": ("Distance", "Click on two points: their distance is kept with the case."),
    "heart": ("Heart", "For the cardiothoracic ratio: click on the heart's right and left border."),
    "chest": ("Chest", "For the cardiothoracic ratio: click on both inner borders of the ribs."),
}
_HINT = "Click on two points of the image."


class RulerBox(QWidget):
    """Measures the open case of a session; the lines are stored with it and come back with it."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._casework = session.casework
        self._viewer = session.viewer
        self._kind = ""
        self._is_open = True
        self._tool = RulerTool(self._viewer)
        self._tool.drawn.connect(self._on_drawn)
        self._tool.ended.connect(self._on_ended)
        self._lines = DrawnLines(self._viewer)
        self.buttons = {kind: QPushButton(name) for kind, (name, _) in _TOOLS.items()}
        row = QHBoxLayout()
        for kind, button in self.buttons.items():
            button.setCheckable(True)
            button.setToolTip(_TOOLS[kind][1])
            button.clicked.connect(partial(self._on_button, kind))
            button.setMinimumWidth(1)
            row.addWidget(button)
        self.clear = QPushButton("Clear")
        self.clear.setToolTip("Remove all lines of this case.")
        self.clear.clicked.connect(lambda: self._casework.decisions.set_measurements(()))
        row.addWidget(self.clear)
        self.text = WrappedLabel(name="measures")
        self.scale_bar = QCheckBox("Scale bar")
        self.scale_bar.toggled.connect(self._on_scale_bar)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row)
        column.addWidget(self.scale_bar)
        column.addWidget(self.text)
        self._casework.case_opened.connect(self._show)
        self._casework.case_closed.connect(self._show)
        self._casework.cases_changed.connect(self._on_cases)
        self._show()

    def close_down(self) -> None:
        """The dock is closed: leave nothing behind in the viewer. Once is enough; more does no harm."""
        if not self._is_open:
            return
        self._is_open = False
        self._tool.off()
        self._lines.close()
        self.scale_bar.setChecked(False)
        self._casework.case_opened.disconnect(self._show)
        self._casework.case_closed.disconnect(self._show)
        self._casework.cases_changed.disconnect(self._on_cases)

    def _on_button(self, kind: str) -> None:
        layers = self._casework.presenter.layers
        if self._tool.is_on and self._kind == kind:
            self._tool.off()
        elif layers is not None:
            self._tool.on(layers.image, COLOURS[kind])
            self._kind = kind
            self.text.say(_HINT)
        self._press_in()

    def _on_drawn(self, points: Points, index: int | None) -> None:
        case = self._casework.current
        if case is None:
            return
        in_mm = case.spacing_mm is not None
        line = Measurement(self._kind, points, line_length(*points, case.spacing_mm), in_mm, index)
        one_each = self._kind != "distance"  # one heart, one chest, any number of distances
        kept = tuple(old for old in case.measurements if not (one_each and old.kind == self._kind))
        self._casework.decisions.set_measurements((*kept, line))

    def _on_ended(self) -> None:
        self._show()

    def _on_cases(self, ids: list[str]) -> None:
        case = self._casework.current
        if case is not None and case.id in ids:
            self._show()

    def _show(self, *_: object) -> None:
        case, layers = self._casework.current, self._casework.presenter.layers
        if not self._tool.measures(None if layers is None else layers.image):
            self._tool.off()
        lines = () if case is None else case.measurements
        self._lines.show(None if layers is None else layers.image, lines)
        for button in self.buttons.values():
            button.setEnabled(case is not None)
        self.clear.setEnabled(bool(lines))
        if not self._tool.is_on:
            self.text.say("" if case is None else in_words(case))
        self._press_in()

    def _press_in(self) -> None:
        for kind, button in self.buttons.items():
            button.setChecked(self._tool.is_on and kind == self._kind)

    def _on_scale_bar(self, on: bool) -> None:
        self._viewer.canvas.overlays.scale_bar.visible = on


def in_words(case: Case) -> str:
    """What was measured in a case, a line each; the cardiothoracic ratio where both its lines are there."""
    texts = [
        f"{_TOOLS[line.kind][0]}: {length_text(line.length, line.in_mm)}"
        for line in case.measurements
        if line.kind in _TOOLS
    ]
    lengths = {line.kind: line.length for line in case.measurements}
    if "heart" in lengths and "chest" in lengths:
        ratio = cardiothoracic_ratio(lengths["heart"], lengths["chest"])
        if ratio is not None:
            texts.append(f"Cardiothoracic ratio: {ratio:.2f}")
    if texts and any(not line.in_mm for line in case.measurements):
        texts.append("The file does not say how large a pixel is, so lengths are in pixels.")
    return "\n".join(texts)
