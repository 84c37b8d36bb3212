"""Numbers that follow the brush: agreement with the first mask, sizes, and what still looks wrong."""

from __future__ import annotations

from html import escape
from math import isnan
from typing import Any

import numpy as np
from napari.layers import Labels
from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_unet.core.correct import LiveNumbers, live_numbers
from napari_unet.core.errors import UserError
from napari_unet.core.labels import IGNORE, LEFT, RIGHT
from napari_unet.core.measure import IN_PIXELS
from napari_unet.core.orientation import SIDES_ASSUMED, SIDES_ASSUMED_IN_VOLUME
from napari_unet.core.raster import RADIOGRAPHS
from napari_unet.widgets.common.forms import WrappedLabel, check_list
from napari_unet.widgets.common.jobs import Job, run_in_thread
from napari_unet.widgets.common.strokes import StrokeFollower
from napari_unet.widgets.correct.edits import as_labels
from napari_unet.widgets.correct.target import Target

_CALM_MS = 250  # after the last stroke


class NumbersView(QWidget):
    """sides : whether the mask separates left and right, once it is known."""

    sides = Signal(bool)

    def __init__(self, target: Target) -> None:
        super().__init__()
        self._target = target
        self._layer: Labels | None = None
        self._job: Job | None = None
        self._stale = False
        self._calm = QTimer(self)
        self._calm.setSingleShot(True)
        self._calm.setInterval(_CALM_MS)
        self._calm.timeout.connect(self._count)
        self._strokes = StrokeFollower(self._calm.start)
        self._sizes = WrappedLabel(name="sizes")
        self._check_results = WrappedLabel(name="check_results")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._sizes)
        column.addWidget(self._check_results)

    @property
    def is_calm(self) -> bool:
        """Whether the numbers shown are those of the mask as it is."""
        return self._job is None and not self._calm.isActive()

    def follow(self, layer: Labels | None) -> None:
        """Show the numbers of `layer`, and follow its strokes, undo and redo."""
        if layer is not self._layer:
            self._sizes.say("")
            self._check_results.say("")
        self._layer = layer
        self._strokes.follow(layer)
        self._calm.start()

    def close_down(self) -> None:
        """Release the layer."""
        self._calm.stop()
        if self._job is not None:
            self._job.abandon()
        self._layer = None
        self._strokes.follow(None)

    def _count(self) -> None:
        """In a thread; what changes meanwhile is counted again afterwards."""
        layer, plane = self._layer, self._target.plane()
        if layer is None or plane is None or plane.layer is not layer:
            return  # once it is loaded, `follow` is called again
        if self._job is not None:
            self._stale = True
            return
        whole = self._target.is_volume and plane.modality not in RADIOGRAPHS
        lead = None if whole else plane.lead
        data, spacing = layer.data, (self._target.spacing if whole else plane.spacing)
        model = self._target.whole_model() if whole else plane.model
        part = "" if whole or self._target.slices == 1 else f"Slice {plane.lead[-1]}"
        if whole and spacing is not None and len(spacing) != layer.ndim:
            spacing = None
        volume = self._target.volume() if whole else None

        def work() -> tuple[LiveNumbers, int, bool, bool]:
            labels = np.array(data if lead is None else data[lead])
            fits = model is not None and model.shape == labels.shape
            theirs = as_labels(model) if model is not None and fits else None
            numbers = live_numbers(
                labels, theirs, spacing, plane.towards, plane.modality, plane.label_set, volume
            )
            ignored = int(np.count_nonzero(labels == IGNORE))
            return numbers, ignored, bool((labels == LEFT).any()), bool((labels == RIGHT).any())

        job = self._job = run_in_thread(work, self)
        job.succeeded.connect(lambda made: self._show(layer, part, *made))
        job.failed.connect(lambda error: self._say_why(layer, error))
        job.ended.connect(self._on_ended)

    def _on_ended(self) -> None:
        self._job = None
        if self._stale:
            self._stale = False
            self._calm.start()

    def _say_why(self, layer: Labels, error: UserError) -> None:
        if layer is self._layer:
            self._sizes.say("")
            self._check_results.say_plain(f"The numbers of this mask could not be computed. {error}")

    def _show(
        self, layer: Labels, part: str, numbers: LiveNumbers, ignored: int, two: bool, one: bool
    ) -> None:
        if layer is not self._layer or self._stale:
            return
        self._sizes.say(sizes_of(numbers, ignored, part))
        self._check_results.say(check_list(one.text for one in numbers.check_results))
        if two or one:
            self.sides.emit(two)


def sizes_of(numbers: LiveNumbers, ignored: int = 0, part: str = "") -> str:
    """The numbers as simple HTML; says so where there is no spacing, or nothing to compare with."""
    rows: list[tuple[str, str]] = []
    if numbers.dice is not None and numbers.changed_pixels is not None:
        agreement = "both empty" if isnan(numbers.dice) else f"Dice {numbers.dice:.3f}"
        rows.append(("Against first mask", agreement))
        rows.append(("Changed", numbers.size(numbers.changed_pixels)))
    lungs = numbers.lungs
    if lungs is not None and lungs.volume_ml is not None:
        volumes = (("Right lung", lungs.right_ml), ("Left lung", lungs.left_ml), ("Both", lungs.volume_ml))
        rows += [(name, f"{lungs.at_least}{millilitres:,.0f} mL") for name, millilitres in volumes]
    else:
        sides = (("right lung", numbers.right_pixels), ("left lung", numbers.left_pixels))
        for name, pixels in numbers.sizes or sides:
            rows.append((escape(name[:1].upper() + name[1:]), numbers.size(pixels)))
    if ignored:
        rows.append(("Not sure", numbers.size(ignored)))
    cells = "".join(f"<tr><td>{name}</td>{_right(value)}</tr>" for name, value in rows)
    lines = [] if lungs is None else [escape(reason) for reason in lungs.incomplete]
    if numbers.element is None:
        lines.append(IN_PIXELS)
    if numbers.sides_assumed and (numbers.right_pixels or numbers.left_pixels):
        lines.append(SIDES_ASSUMED if lungs is None else SIDES_ASSUMED_IN_VOLUME)
    paragraphs = "".join(f"<p style='margin: 4px 0 0 0'>{line}</p>" for line in lines)
    heading = f"<p style='margin: 0'><b>{escape(part)}</b></p>" if part else ""
    return f"{heading}<table cellspacing=2>{cells}</table>{paragraphs}"


def _right(text: Any) -> str:
    return f"<td align=right>&nbsp;&nbsp;{escape(str(text))}</td>"
