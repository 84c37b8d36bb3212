"""The question before a fine-tune: do the masks follow the model's protocol, or another one?"""

from __future__ import annotations

from html import escape

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_unet.core.protocol import ProtocolQuestion
from napari_unet.widgets.common.forms import WrappedLabel

_TALL = 36  # pixels: of a button that decides something
_SAME = "Only the images differ: another scanner or hospital. The model's answer is adapted to your images."
_OTHER = (
    "Your masks include or leave out something that the model's do not. The new model gets an additional "
    "answer that follows your masks; the current answer stays exactly as it is."
)


class ProtocolChoice(QWidget):
    """Hidden until it asks. Neither answer is the default. decided : True for the same protocol."""

    decided = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self.known = WrappedLabel(name="protocols")
        self.same = QPushButton("The same protocol")
        self.other = QPushButton("Another protocol")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(WrappedLabel("<b>Do your masks follow the model's protocol?</b>"))
        column.addWidget(self.known)
        for button, means, same in ((self.same, _SAME, True), (self.other, _OTHER, False)):
            button.setMinimumHeight(_TALL)
            button.setAutoDefault(False)
            button.clicked.connect(lambda _=False, same=same: self._on_decided(same))
            column.addWidget(button)
            column.addWidget(WrappedLabel(means))
        self.hide()

    def ask(self, question: ProtocolQuestion) -> None:
        """Show what is known, and wait for a click."""
        self.known.say("<br>".join(map(escape, question.in_lines())))
        self.show()

    def _on_decided(self, same: bool) -> None:
        self.hide()
        self.decided.emit(same)
