"""What a person sees of a dock: is a text cut off, are there two scroll bars, is a colour readable?"""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QApplication,
    QLabel,
    QScrollArea,
    QTabBar,
    QWidget,
)
from superqt import QElidingLabel

SCREEN = (1366, 768)


def on_small_screen(viewer: Any, qtbot: Any) -> None:
    """Make the window as large as a small screen."""
    window = viewer.window._qt_window
    window.setGeometry(0, 0, *SCREEN)
    qtbot.waitUntil(lambda: (window.width(), window.height()) == SCREEN)
    qtbot.wait(100)


def places(dock: QWidget) -> dict[str, QPoint]:
    """Where each button in sight is in the window, by its text."""
    return {
        button.text(): button.mapTo(dock.window(), QPoint(0, 0))
        for button in dock.findChildren(QAbstractButton)
        if button.isVisible() and button.text()
    }


def cut_texts(dock: QWidget) -> list[str]:
    """Texts of labels and buttons in sight for which there is no room."""
    cut = []
    for widget in dock.findChildren(QWidget):
        if not widget.isVisible() or widget.visibleRegion().isEmpty():
            continue
        if isinstance(widget, QElidingLabel):
            shown = QLabel.text(widget)
            if shown != widget.text():
                cut.append(widget.text())
        elif isinstance(widget, QLabel) and widget.text():
            high = widget.heightForWidth(widget.width()) if widget.wordWrap() else widget.sizeHint().height()
            wide = widget.minimumSizeHint().width()
            if high > widget.height() + 1 or wide > widget.width() + 1:
                cut.append(widget.text())
        elif isinstance(widget, QAbstractButton) and widget.text():
            text = widget.text().replace("&&", "&")
            if widget.fontMetrics().horizontalAdvance(text) > widget.width() - 4:
                cut.append(text)
    return cut


def scroll_bars(widget: QWidget) -> list[QAbstractScrollArea]:
    """Areas in a dock that have a scroll bar to be seen."""
    return [
        area
        for area in widget.findChildren(QAbstractScrollArea)
        if area.isVisible()
        and (area.verticalScrollBar().isVisible() or area.horizontalScrollBar().isVisible())
    ]


def nested(areas: list[QAbstractScrollArea]) -> list[QAbstractScrollArea]:
    """Those of the areas that lie within another one that scrolls."""
    outer = [area for area in areas if isinstance(area, QScrollArea)]
    return [area for area in areas if any(other is not area and other.isAncestorOf(area) for other in outer)]


def rows_in_sight(view: Any) -> int:
    """Rows of a table that can be seen whole."""
    port, count = view.viewport(), view.model().rowCount()
    window = view.window()
    bottom = view.parentWidget().window().height()
    whole = 0
    for row in range(count):
        rect = view.visualRect(view.model().index(row, 1))
        here = port.mapTo(window, rect.bottomLeft()).y()
        if rect.top() >= 0 and rect.bottom() < port.height() and here < bottom:
            whole += not port.visibleRegion().intersected(rect).isEmpty()
    return whole


def tab_texts(viewer: Any) -> list[str]:
    """What the tabs of docks say, cut as they are drawn."""
    QApplication.processEvents()
    texts = []
    for bar in viewer.window._qt_window.findChildren(QTabBar):
        if bar.isVisible() and bar.parent() is viewer.window._qt_window:
            for at in range(bar.count()):
                room = bar.tabRect(at).intersected(bar.rect()).width() - 8
                texts.append(bar.fontMetrics().elidedText(bar.tabText(at), Qt.TextElideMode.ElideRight, room))
    return texts


def contrast(colour: str | QColor, other: str | QColor) -> float:
    """By the rule of WCAG: from 4.5 on small letters can be read."""
    light, dark = sorted((_luminance(QColor(colour)), _luminance(QColor(other))), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: QColor) -> float:
    parts = (colour.redF(), colour.greenF(), colour.blueF())
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
