"""Masks that are open, each with its image: what may be learned from without a review project."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.layers import Image, Labels
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QComboBox, QHeaderView, QTableWidget, QTableWidgetItem

from napari_unet.core.errors import UserError
from napari_unet.core.frames import Turned
from napari_unet.core.geometry import lie_together
from napari_unet.core.raster import Raster
from napari_unet.core.training_pair import TrainingPair
from napari_unet.io.names import composed
from napari_unet.io.upright import upright
from napari_unet.widgets.common.layers import geometry_of_layer, is_image, is_mask, own_raster_source
from napari_unet.widgets.common.results import made_labels
from napari_unet.widgets.common.sources import Source, look_at_source
from napari_unet.widgets.session import Session

_ROWS = 4  # that can be seen at once
_ID = 16  # letters of a hash
_OF_MODEL = "Of a mask that a model made in a CT, only slices that you changed or marked as key slices count."
_OF_OTHERS = "Of {which}, all slices with a mask count."


@dataclass
class _Row:
    mask: Labels
    image: Image | None
    chosen: bool
    by_user: bool = False  # whether the user has ticked it, or taken the tick away


@dataclass(frozen=True)
class Begun:
    """What a mask of a volume was before a person worked on it.

    first : what it began as, by how it is now; None if it was drawn from nothing. It may take long. marked :
    slices that a person marked as right.
    """

    first: Callable[[np.ndarray], np.ndarray | None]
    marked: tuple[int, ...]

    def touched(self, labels: np.ndarray) -> set[int]:
        """The slices of `labels`, (Z, Y, X), that a person changed or marked."""
        first = self.first(labels)
        before = np.zeros_like(labels) if first is None else first.reshape(labels.shape)
        return _slices(labels != before) | {z for z in self.marked if z < len(labels)}


class LayerPairs(QTableWidget):
    """One row for each mask layer: whether it is learned from, and which image of its size it belongs to.

    changed : what is chosen is another.
    """

    changed = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__(0, 2)
        self._session = session
        self._layers = session.viewer.layers
        self._rows: list[_Row] = []
        self._named: list[Any] = []
        self.setHorizontalHeaderLabels(["Mask", "Image"])
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.verticalHeader().hide()
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setTabKeyNavigation(False)
        row = self.verticalHeader().defaultSectionSize()
        self.setFixedHeight(self.horizontalHeader().sizeHint().height() + _ROWS * row)
        events = self._layers.events
        opened = session.casework.case_opened
        self._wires = (events.inserted, events.removed, events.reordered, session.results_changed, opened)
        for wire in self._wires:
            wire.connect(self.refresh)
        self.itemChanged.connect(self._on_checked)
        self.refresh()

    def close_down(self) -> None:
        """Release the viewer's layers."""
        for wire in self._wires:
            wire.disconnect(self.refresh)
        self._listen([])
        self._rows.clear()

    def chosen(self) -> list[tuple[Image, Labels]]:
        """(image, mask) of the rows that are ticked, of those whose sizes agree now."""
        return [
            (row.image, row.mask)
            for row in self._rows
            if row.chosen and row.image is not None and _shape(row.image) == row.mask.data.shape
        ]

    def slices_in_words(self) -> str:
        """Which slices of the chosen stacks are learned from; "" if there is no stack."""
        of_model = [self.begun(mask) is not None for _, mask in self.chosen() if mask.ndim == 3]
        said = [_OF_MODEL] if any(of_model) else []
        if not all(of_model):
            said.append(_OF_OTHERS.format(which="other stacks" if said else "a stack"))
        return " ".join(said)

    def begun(self, mask: Labels) -> Begun | None:
        """What a mask of a volume began with; None if that is not known, and for a stack of X-rays."""
        context, result = self._session.context_of(mask), self._session.result_of(mask)
        if context is None or context.per_slice:
            return None
        case = self._session.casework.current
        if case is not None and self._session.casework.current_layer is mask:
            return Begun(lambda _: context.model_mask(), case.marked)
        if result is None:
            return Begun(lambda _: context.model_mask(), context.marked)
        return Begun(lambda labels: made_labels(result, labels.reshape(result.shape)), context.marked)

    def refresh(self, _event: Any = None) -> None:
        """Offer what is in the layer list now; ticks and images that were chosen stay."""
        before = {row.mask: row for row in self._rows}
        masks = [layer for layer in reversed(self._layers) if is_mask(layer)]
        self._rows = []
        for mask in masks:
            fitting, known = self._fitting(mask), before.get(mask)
            if known is not None and known.image in fitting:
                image = known.image
            else:
                image = self._partner(mask, fitting)
            if known is not None and known.by_user:
                self._rows.append(_Row(mask, image, known.chosen, by_user=True))
            else:
                self._rows.append(_Row(mask, image, self._stands(mask)))
        self._listen([*masks, *(layer for layer in self._layers if is_image(layer))])
        self._fill()
        self.changed.emit()

    def _fill(self) -> None:
        self.blockSignals(True)
        self.setRowCount(len(self._rows))
        for number, row in enumerate(self._rows):
            item = QTableWidgetItem(row.mask.name)
            item.setToolTip(row.mask.name)
            usable = row.image is not None
            item.setFlags(
                Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsEnabled
                if usable
                else Qt.ItemFlag.NoItemFlags
            )
            item.setCheckState(Qt.CheckState.Checked if row.chosen and usable else Qt.CheckState.Unchecked)
            self.setItem(number, 0, item)
            self.setCellWidget(number, 1, self._box(row))
        self.blockSignals(False)

    def _box(self, row: _Row) -> QComboBox:
        fitting, box = self._fitting(row.mask), QComboBox()
        box.setPlaceholderText("no matching image")
        box.setToolTip("Images with the same size and the same position in the patient as the mask.")
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.addItems([image.name for image in fitting])
        box.setCurrentIndex(fitting.index(row.image) if row.image in fitting else -1)
        box.setEnabled(len(fitting) > 1)

        def choose(at: int) -> None:
            row.image = fitting[at]
            self.changed.emit()

        box.activated.connect(choose)
        return box

    def _fitting(self, mask: Labels) -> list[Image]:
        images = (layer for layer in reversed(self._layers) if is_image(layer))
        place = geometry_of_layer(mask)
        return [
            image
            for image in images
            if _shape(image) == mask.data.shape and lie_together(place, geometry_of_layer(image))
        ]

    def _partner(self, mask: Labels, fitting: list[Image]) -> Image | None:
        """The image that the mask is known to be of, else whose name its own begins with, as napari names new
        masks, else the nearest one below it, else any."""
        context = self._session.context_of(mask)
        known = None if context is None else context.image()
        if known in fitting:
            return known
        named = [image for image in fitting if composed(mask.name).startswith(composed(image.name))]
        if named:
            return max(named, key=lambda image: len(image.name))
        at = self._layers.index(mask)
        below = [image for image in fitting if self._layers.index(image) < at]
        return next(iter(below or fitting), None)

    def _stands(self, mask: Labels) -> bool:
        """Whether a mask is ticked unasked: not if it is empty, or that of a case, which is in review."""
        presenter = self._session.casework.presenter.layers
        return (presenter is None or presenter.mask is not mask) and bool(np.any(mask.data))

    def _on_checked(self, item: QTableWidgetItem) -> None:
        row = self._rows[item.row()]
        row.chosen, row.by_user = item.checkState() == Qt.CheckState.Checked, True
        self.changed.emit()

    def _listen(self, layers: list[Any]) -> None:
        for layer in self._named:
            layer.events.name.disconnect(self.refresh)
        self._named = layers
        for layer in layers:
            layer.events.name.connect(self.refresh)


def pairs_of(
    chosen: list[tuple[Image, Labels]], begun: Callable[[Labels], Begun | None] = lambda _mask: None
) -> Callable[[], list[tuple[TrainingPair, str]]]:
    """A function that copies the pixels of (image, mask) layers and makes pairs, each with the mask's name.

    The function may run in any thread. An open image counts as a patient of its own; of a stack, the slices
    count that a person touched since it was `begun`, or, if that is not known, all with a mask. Ids are
    hashes of the pixels: no name of a layer goes into a model.
    Where napari shows an image otherwise than its file is, image and mask are brought to how the file is; a
    UserError where that cannot be done, and for a stack of which no slice counts.
    """
    sources = [
        (look_at_source(image), own_raster_source(image), mask.data, mask.name, begun(mask))
        for image, mask in chosen
    ]

    def pairs() -> list[tuple[TrainingPair, str]]:
        made = []
        for look, own, data, name, before in sources:
            found, labels = Source() if look is None else look(), np.array(data)
            slices = _that_count(labels, before, name) if labels.ndim == 3 else None
            if found.raster is None:
                made.append((_pair(own(found.header), labels, slices), name))
            else:
                made.append((_pair(found.raster, _on_file(labels, found.raster, name), slices), name))
        return made

    return pairs


def _that_count(labels: np.ndarray, begun: Begun | None, name: str) -> tuple[int, ...]:
    """The slices of a stack that are learned from. Raises UserError if there is none."""
    found = _slices(labels != 0) if begun is None else begun.touched(labels)
    if found:
        return tuple(sorted(found))
    if begun is None:
        raise UserError(f"{name} is empty in all slices.", "Draw a mask in it, or untick it.")
    raise UserError(
        f"No slice of {name} was changed or marked as a key slice.",
        "Correct some slices, or mark those that are right in the Correct dock; or untick this mask.",
    )


def _slices(where: np.ndarray) -> set[int]:
    """The slices (first axis) in which anything is True."""
    return set(np.flatnonzero(where.any(axis=(1, 2))).tolist())


def _on_file(labels: np.ndarray, raster: Raster, name: str) -> np.ndarray:
    """A mask that was drawn over an image as napari shows it, as it lies on its file, `raster`."""
    if isinstance(raster.frame, Turned) and labels.shape == raster.frame.stored_shape:
        return upright(labels, raster.frame.orientation)
    if labels.shape == raster.shape and not isinstance(raster.frame, Turned):
        return labels
    raise UserError(
        f"napari shows the image of {name} differently from its file.",
        "Choose the image in the Segment dock and press Segment: it is opened again as it is. "
        "Then draw its mask.",
    )


def _pair(raster: Raster, labels: np.ndarray, slices: tuple[int, ...] | None) -> TrainingPair:
    image = hashlib.sha256(np.ascontiguousarray(raster.pixels).data)
    both = image.copy()
    both.update(np.ascontiguousarray(labels).data)
    header = raster.header() | {"source": ""}
    return TrainingPair(
        both.hexdigest()[:_ID],
        Raster(raster.pixels, **header),
        labels,
        patient=image.hexdigest()[:_ID],
        slices=slices,
    )


def _shape(image: Image) -> tuple[int, ...]:
    shape = image.data[0].shape if image.multiscale else image.data.shape
    return tuple(shape[:-1] if image.rgb else shape)
