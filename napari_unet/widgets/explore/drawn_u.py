"""A network drawn as a U of buttons: every block and every skip connection can be reached by key."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from qtpy.QtCore import QPoint, QSize, Qt, Signal
from qtpy.QtGui import QKeyEvent, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QGridLayout, QPushButton, QSizePolicy, QWidget

from napari_unet.core.inside import Alteration, Anatomy
from napari_unet.core.network_facts import LEVEL_NAME, Stage, stage_words
from napari_unet.core.wording import counted

_LEFT, _SKIP, _UP, _RIGHT = range(4)  # columns
_SMALL = "padding: 1px 4px; min-height: 16px;"
_WAY = "The image goes down on the left (encoder), through the bottleneck, and up on the right (decoder)."
_PER_ROW = 3  # of what is no part of the U
_ARROWS = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
}


class _Block(QPushButton):
    """Leaves to the U what its keys do: Qt would go on to the next button, wherever that is."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in _ARROWS or event.key() == Qt.Key.Key_Delete:
            event.ignore()
        else:
            super().keyPressEvent(event)


class DrawnU(QWidget):
    """The stages of one network. Arrow keys go from block to block, Space chooses one, Delete silences it.

    chosen : a stage. silence : a stage is to be silenced, or to speak again. cut : a level whose skip
    connection is to be cut, or joined again.
    """

    chosen = Signal(str)
    silence = Signal(str)
    cut = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("drawn_u")
        self.setAccessibleName("The network")
        self.setToolTip(_WAY)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(4, 4, 4, 4)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(6)
        self._stages: dict[str, QPushButton] = {}
        self._skips: dict[int, QPushButton] = {}
        self._line: list[str] = []  # of the U, in the order in which its stages run
        self._current = ""

    @property
    def current(self) -> str:
        """The chosen stage; "" if none is."""
        return self._current

    def stage_button(self, name: str) -> QPushButton:
        """The button of a stage."""
        return self._stages[name]

    def skip_button(self, level: int) -> QPushButton:
        """The button of a skip connection."""
        return self._skips[level]

    def show_network(self, anatomy: Anatomy | None) -> None:
        """Draw another network; None draws nothing."""
        for button in (*self._stages.values(), *self._skips.values()):
            self._grid.removeWidget(button)
            button.setParent(None)
            button.deleteLater()
        self._stages, self._skips, self._line, self._current = {}, {}, [], ""
        if anatomy is not None:
            self._draw(anatomy)
        self.updateGeometry()
        self.update()

    def show_altered(self, alteration: Alteration) -> None:
        """Mark what is cut and silenced."""
        for name, button in self._stages.items():
            silenced = name in alteration.silenced
            font = button.font()
            font.setStrikeOut(silenced)
            button.setFont(font)
            described = str(button.property("described"))
            button.setAccessibleName(f"{described}, silenced" if silenced else described)
        for level, button in self._skips.items():
            is_cut = level in alteration.cut
            button.setChecked(is_cut)
            button.setText("✕" if is_cut else "→")
            button.setAccessibleName(f"Skip connection of level {level + 1}{', cut' if is_cut else ''}")

    def choose(self, name: str) -> None:
        """Choose a stage, as a click on it does."""
        self._current = name
        for other, button in self._stages.items():
            button.setChecked(other == name)
        self.chosen.emit(name)

    def _draw(self, anatomy: Anatomy) -> None:
        stages = {stage.name: stage for stage in anatomy.drawing.stages}
        found = {name: match for name in stages if (match := LEVEL_NAME.match(name))}
        bottoms = [name for name in stages if name.endswith("bottleneck")]
        is_u = bool(bottoms) and any(match["part"] == "decoder" for match in found.values())
        own = bottoms[0].removesuffix("bottleneck") if is_u else ""
        others: list[str] = []
        depth = 1 + max((int(m["level"]) for m in found.values() if m["of"] == own), default=-1)
        for name, stage in stages.items():
            match = found.get(name)
            if is_u and match is not None and match["of"] == own:
                column = {"encoder": _LEFT, "up": _UP, "decoder": _RIGHT}[match["part"]]
                self._add(stage, int(match["level"]) + 1, column)
            elif is_u and name == bottoms[0]:
                self._add(stage, depth + 1, _SKIP, 2)
            elif is_u and name == f"{own}head":
                self._add(stage, 0, _RIGHT)
            else:
                others.append(name)
                continue
            self._line.append(name)
        for number, name in enumerate(others):
            if is_u:
                row, column = divmod(number, _PER_ROW)
                self._add(stages[name], depth + 2 + row, (_LEFT, _UP, _RIGHT)[column])
            else:
                self._add(stages[name], number, _LEFT, 4)
                self._line.append(name)
        for level in anatomy.skips if is_u else ():
            self._add_skip(level)
        self._order()

    def _add(self, stage: Stage, row: int, column: int, columns: int = 1) -> None:
        size = " × ".join(map(str, reversed(stage.size)))
        maps = max(stage.size) > 1
        button = _Block(self)
        button.setCheckable(True)
        button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        button.setStyleSheet(_SMALL)
        button.setText(f"{stage.channels} · {stage.size[-1]}" if maps else counted(stage.channels, "number"))
        sees = "the whole image" if stage.field is None else f"{stage.field} pixels across"
        what = f"{counted(stage.channels, 'map')} of {size}" if maps else counted(stage.channels, "number")
        described = f"{stage_words(stage.name)}: {what}, sees {sees}, {stage.parameters:,} parameters"
        button.setProperty("described", described)
        button.setAccessibleName(described)
        button.setToolTip(described)
        button.setObjectName(f"stage {stage.name}")
        button.clicked.connect(lambda _=False, name=stage.name: self.choose(name))
        button.setEnabled(maps)
        self._stages[stage.name] = button
        self._grid.addWidget(button, row, column, 1, columns)

    def _add_skip(self, level: int) -> None:
        button = _Block(self)
        button.setCheckable(True)
        button.setStyleSheet(_SMALL)
        button.setText("→")
        button.setObjectName(f"skip {level}")
        button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        button.setMinimumSize(QSize(34, 0))
        button.setAccessibleName(f"Skip connection of level {level + 1}")
        button.setToolTip(f"Skip connection of level {level + 1}: cut it, or join it again")
        button.clicked.connect(lambda _=False: self.cut.emit(level))
        self._skips[level] = button
        self._grid.addWidget(button, level + 1, _SKIP)

    def _order(self) -> None:
        """The Tab key goes through the network as the image does, then through the skip connections."""
        buttons = [*(self._stages[name] for name in self._stages), *self._skips.values()]
        for before, after in pairwise(buttons):
            QWidget.setTabOrder(before, after)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrow keys go to the next block in their direction; Delete silences the one that has the focus."""
        here = self.focusWidget()
        if event.key() in _ARROWS and isinstance(here, QPushButton):
            there = self._next(here, *_ARROWS[Qt.Key(event.key())])
            if there is not None:
                there.setFocus(Qt.FocusReason.TabFocusReason)
            return
        if event.key() == Qt.Key.Key_Delete:
            name = next((name for name, button in self._stages.items() if button is here), "")
            if name:
                self.silence.emit(name)
                return
        super().keyPressEvent(event)

    def _next(self, here: QPushButton, down: int, right: int) -> QPushButton | None:
        """The nearest button in a direction."""
        start = here.geometry().center()

        def away(button: QPushButton) -> tuple[int, int] | None:
            step = button.geometry().center() - start
            ahead = step.y() * down + step.x() * right
            aside = abs(step.x() * down) + abs(step.y() * right)
            return (ahead + 3 * aside, aside) if ahead > 4 else None

        reachable = [
            (distance, number, button)
            for number, button in enumerate(self._all())
            if button.isEnabled() and button is not here and (distance := away(button)) is not None
        ]
        return min(reachable)[2] if reachable else None

    def _all(self) -> Iterable[QPushButton]:
        return (*self._stages.values(), *self._skips.values())

    def paintEvent(self, event: QPaintEvent) -> None:
        """The way of the image behind the buttons."""
        super().paintEvent(event)
        places = [self._stages[name].geometry().center() for name in self._line]
        if len(places) < 2:
            return
        painter = QPainter(self)
        colour = self.palette().color(self.foregroundRole())
        colour.setAlpha(110)
        painter.setPen(QPen(colour, 2))
        for start, end in pairwise(places):
            corner = QPoint(start.x(), end.y()) if end.y() >= start.y() else QPoint(end.x(), start.y())
            painter.drawLine(start, corner)
            painter.drawLine(corner, end)
        for level, button in self._skips.items():
            y = button.geometry().center().y()
            row = [b for b in self._stages.values() if abs(b.geometry().center().y() - y) < 3]
            if row and level >= 0:
                painter.drawLine(
                    QPoint(min(b.geometry().right() for b in row), y), QPoint(button.geometry().left(), y)
                )
                painter.drawLine(QPoint(button.geometry().right(), y), QPoint(self._right_of(button, row), y))
        painter.end()

    @staticmethod
    def _right_of(button: QPushButton, row: list[QPushButton]) -> int:
        right = [b.geometry().left() for b in row if b.geometry().left() > button.geometry().right()]
        return min(right, default=button.geometry().right())
