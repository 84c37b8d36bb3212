"""The numbers of a convolution at the pixel under the mouse, as it moves."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import numpy as np
from qtpy.QtCore import QObject, Signal

from napari_unet.core.inside import AskLook, Look
from napari_unet.tour.picture import number_text
from napari_unet.widgets.explore.asking import Asker, Sight
from napari_unet.widgets.explore.clicks import Clicks
from napari_unet.widgets.session import Session

_WRITTEN = 3  # numbers of a side of a kernel that are written out


class UnderMouse(QObject):
    """Asks for one pixel at a time; of those that the mouse passes meanwhile the last one counts.

    found : the Look of a convolution. failed : a UserError.
    """

    found = Signal(object)
    failed = Signal(object)

    def __init__(
        self, session: Session, clicks: Clicks, sight: Callable[[], Sight | None], stage: Callable[[], str]
    ) -> None:
        """sight, stage : what is looked at now."""
        super().__init__()
        self._clicks, self._sight, self._stage = clicks, sight, stage
        self._wanted: tuple[int, int] | None = None
        self._asker = Asker(session, self)
        self._asker.failed.connect(self.failed)
        self._asker.busy_changed.connect(self._ask)
        clicks.moved.connect(self._on_moved)

    def switch(self, on: bool) -> None:
        """Follow the mouse, or no longer."""
        self._wanted = None
        self._clicks.follow(on)
        if not on:
            self._asker.give_up()

    def _on_moved(self, row: int, column: int) -> None:
        self._wanted = (row, column)
        self._ask()

    def _ask(self, *_: object) -> None:
        if self._wanted is None or self._asker.is_busy:
            return
        pixel, self._wanted = self._wanted, None
        sight = self._sight()
        if sight is not None:
            question = AskLook("convolution", self._stage(), pixel)
            self._asker.ask("inside", lambda: {"question": question, **sight.arguments()}, self.found.emit)


def in_numbers(look: Look) -> str:
    """Patch × kernel = products and their sum, as HTML; of a large kernel the sum alone."""
    facts = look.facts
    numbers = {panel.name: panel.numbers for panel in look.panels if panel.numbers is not None}
    of = "" if facts["inputs"] == 1 else f"all {facts['inputs']} maps that go in and "
    total = (
        f"Sum of the products {facts['part']:.3f}. With {of}the bias of {facts['bias']:.3f}: "
        f"{facts['sum']:.3f}."
    )
    if facts["folded"]:
        total += " Kernel and bias: with the batch normalisation multiplied in."
    head = f"{escape(str(facts['stage']).capitalize())}, map {facts['map']}, under the mouse"
    if facts["side"] > _WRITTEN:
        return f"<b>{head}</b><br>{total}"
    kernels = numbers["kernel_folded" if facts["folded"] else "kernel"]
    rows = "".join(
        f"<tr>{_cells(patch)}<td>{times}</td>{_cells(kernel)}<td>{equal}</td>{_cells(products)}</tr>"
        for number, (patch, kernel, products) in enumerate(
            zip(numbers["patch"], kernels, numbers["products"], strict=True)
        )
        for times, equal in [("×", "=") if number == facts["side"] // 2 else ("", "")]
    )
    return f"<b>{head}</b><table cellpadding='1' style='font-size: small'>{rows}</table>{total}"


def _cells(row: np.ndarray) -> str:
    cell = "<td align='right'><nobr>{}</nobr></td>"
    return "".join(cell.format(number_text(value)) for value in row.tolist())
