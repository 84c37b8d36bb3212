"""The lower half of the Segment dock: what can be done with a mask that a model made."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal
from weakref import WeakKeyDictionary, ref

import numpy as np
from napari.layers import Image, Labels
from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_unet.core.errors import UserError
from napari_unet.widgets.common import results
from napari_unet.widgets.common.colours import legend_of, mask_colormap
from napari_unet.widgets.common.forms import Fields, WrappedLabel
from napari_unet.widgets.common.jobs import Job, in_words, run_in_thread
from napari_unet.widgets.common.layer_picker import LayerPicker
from napari_unet.widgets.common.layers import show_map, slice_in_view
from napari_unet.widgets.common.results import Edit, MaskResult, Summary
from napari_unet.widgets.common.results_seg import SavedSeg, save_seg
from napari_unet.widgets.common.strokes import StrokeFollower
from napari_unet.widgets.common.threshold import ThresholdPreview, ThresholdSlider
from napari_unet.widgets.napari_compat.history import one_step
from napari_unet.widgets.segment.report_view import ReportView
from napari_unet.widgets.segment.save_mask import ask_where
from napari_unet.widgets.session import Session

_CALM_MS = 250  # numbers are made again this long after the last stroke or step to another slice
_LONG_MS = 700  # numbers that take longer are announced
_Work = Callable[[], Any]
_Then = Callable[[Any], None]


class ResultView(QWidget):
    """failed : a UserError to show. reported : a sentence to show."""

    failed = Signal(object)
    reported = Signal(str)

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._viewer = session.viewer
        self._layer: Labels | None = None
        self._preview = ThresholdPreview(session.viewer)
        self._maps: WeakKeyDictionary[Labels, dict[str, Callable[[], Image | None]]] = WeakKeyDictionary()
        self._jobs: dict[str, Job] = {}  # at most one of a kind
        self._waiting: dict[str, list[tuple[_Work, _Then]]] = {}
        self._calm = QTimer(self)
        self._calm.setSingleShot(True)
        self._calm.setInterval(_CALM_MS)
        self._calm.timeout.connect(self._summarise)
        self._strokes = StrokeFollower(self._calm.start)
        self._slow = QTimer(self)
        self._slow.setSingleShot(True)
        self._slow.setInterval(_LONG_MS)
        self._build()
        self._slow.timeout.connect(self.report.say_measuring)
        self._viewer.dims.events.current_step.connect(self._on_step)
        session.results_changed.connect(self.picker.refresh)
        self._on_chosen(self.picker.layer())

    def _build(self) -> None:
        is_result = self._session.result_of
        self.picker = LayerPicker(self._viewer, lambda layer: is_result(layer) is not None, "No mask")
        self.picker.chosen.connect(self._on_chosen)
        self.threshold = ThresholdSlider()
        self.threshold.moved.connect(self._on_moved)
        self.threshold.settled.connect(self._on_settled)
        self.left_right = QCheckBox("Separate left and right lung")
        self.left_right.toggled.connect(self._on_left_right)
        self.report = ReportView()
        self.notes = WrappedLabel(name="notes")
        self.probability = _button(
            "Probability", self._add_probability, "How sure the model is, 0 to 1. Click again to remove it."
        )
        self.uncertainty = _button(
            "Uncertainty", self._add_uncertainty, "Where the model is unsure. Click again to remove it."
        )
        kinds = "As PNG, TIFF or NIfTI, or for a DICOM image as a DICOM segmentation."
        self.save = _button("Save mask…", self._on_save, kinds)
        maps = QHBoxLayout()
        maps.addWidget(self.probability)
        maps.addWidget(self.uncertainty)
        fields = Fields()
        fields.add("Mask", self.picker)
        fields.add("Threshold", self.threshold)
        fields.add("Add layer", maps)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(fields)
        for part in (self.left_right, self.save, self.report, self.notes):  # buttons above what may grow
            column.addWidget(part)

    def close_down(self) -> None:
        """The dock is closed: leave nothing behind in the viewer."""
        self._calm.stop()
        self._slow.stop()
        self._waiting.clear()
        for job in list(self._jobs.values()):
            job.abandon()
        self._preview.hide()
        self._layer = None
        self._strokes.follow(None)
        self._session.results_changed.disconnect(self.picker.refresh)
        self._viewer.dims.events.current_step.disconnect(self._on_step)
        self.picker.disconnect_layers()

    def _on_chosen(self, layer: Labels | None) -> None:
        self._preview.hide()
        self._layer = layer
        self._strokes.follow(layer)
        self._slow.stop()
        self.report.clear()
        result = self._session.result_of(layer)
        self.setVisible(result is not None)
        if result is None:
            return
        self.left_right.setVisible(result.by_geometry)
        if result.by_geometry:  # the box says what is requested for the next one, too
            self._check_sides(result.left_right)
        self.threshold.set_value(result.threshold)
        self.notes.say("\n".join(result.prediction.notes))
        self._summarise()

    def _shown(self) -> tuple[Labels, MaskResult] | None:
        """The chosen mask and what belongs to it; None if there is none."""
        layer, result = self._layer, self._session.result_of(self._layer)
        return None if layer is None or result is None else (layer, result)

    def _run(self, kind: str, work: _Work, then: _Then) -> None:
        """`work` in a thread, one of a kind at a time, in their order."""
        if kind in self._jobs:
            self._waiting.setdefault(kind, []).append((work, then))
            return
        job = self._jobs[kind] = run_in_thread(work, self)
        job.succeeded.connect(lambda made: self._use(then, made))
        job.failed.connect(self.failed)
        job.ended.connect(lambda: self._on_ended(kind))

    def _use(self, then: _Then, made: Any) -> None:
        try:
            then(made)
        except Exception as error:
            self.failed.emit(in_words(error))

    def _on_ended(self, kind: str) -> None:
        self._jobs.pop(kind, None)
        if self._waiting.get(kind):
            self._run(kind, *self._waiting[kind].pop(0))
        elif kind == "edit":
            self._preview.hide()

    def _on_moved(self, threshold: float) -> None:
        if (shown := self._shown()) is not None:
            self._preview.show(*shown, threshold)

    def _on_settled(self, threshold: float) -> None:
        if (shown := self._shown()) is not None:
            layer, result = shown
            self._edit(layer, result, lambda: results.edit_to(result, layer.data, threshold))

    def _on_left_right(self, wanted: bool) -> None:
        if (shown := self._shown()) is not None:
            layer, result = shown
            self._edit(layer, result, lambda: results.relabel(result, layer.data, wanted))

    def _edit(self, layer: Labels, result: MaskResult, make: Callable[[], Edit]) -> None:
        def apply(edit: Edit) -> None:
            if self._session.result_of(layer) is result:  # still in the viewer
                with one_step(layer):
                    layer.data_setitem(edit.where, edit.values)
                layer.refresh(extent=False)  # the thumbnail does not follow by itself
                result.threshold = edit.threshold
                self._show_sides(layer, result, edit.left_right)

        self._run("edit", make, apply)

    def _show_sides(self, layer: Labels, result: MaskResult, left_right: bool) -> None:
        if result.left_right != left_right:
            result.left_right = left_right
            layer.colormap = mask_colormap(legend_of(result.labels, left_right))
        if self._layer is layer and result.by_geometry and not self._waiting.get("edit"):
            self._check_sides(left_right)

    def _check_sides(self, left_right: bool) -> None:
        self.left_right.blockSignals(True)
        self.left_right.setChecked(left_right)
        self.left_right.blockSignals(False)

    def _on_step(self) -> None:
        result = self._session.result_of(self._layer)
        if result is not None and result.slices > 1:
            self._calm.start()

    def _summarise(self) -> None:
        if (shown := self._shown()) is None:
            return
        layer, result = shown
        at = 0
        if result.slices > 1:
            with suppress(UserError):  # other axes are in view: the first slice then
                at = slice_in_view(self._viewer, layer)[-1]

        def show(summary: Summary) -> None:
            if self._calm.isActive() or self._waiting.get("summary"):
                return  # out of date: newer numbers are on their way
            self._slow.stop()
            if self._layer is layer and self._session.result_of(layer) is result:
                self.report.show_summary(summary)
                result.threshold = summary.threshold
                if "edit" not in self._jobs:
                    self.threshold.set_value(summary.threshold)  # it went back with undo
                    self._show_sides(layer, result, summary.left_right)

        self._slow.start()
        self._waiting.pop("summary", None)  # numbers that are old before they are made
        self._run("summary", lambda: results.summarise(result, layer.data, at), show)

    def _add_probability(self) -> None:
        self._add_map("probability", "magma", "translucent")

    def _add_uncertainty(self) -> None:
        # Additive: where nothing is uncertain the image stays as it is.
        self._add_map("uncertainty", "inferno", "additive")

    def _add_map(self, what: Literal["probability", "uncertainty"], colormap: str, blending: str) -> None:
        """Show a map over the mask's image, or take it away again. The mask stays the active layer."""
        if (chosen := self._shown()) is None:
            return
        layer, result = chosen
        maps = self._maps.setdefault(layer, {})
        options: dict[str, Any] = {"colormap": colormap, "blending": blending}
        options |= {"contrast_limits": (0.0, 1.0), "opacity": 0.6}

        def gone() -> bool:
            shown = maps.pop(what, _gone)()
            if shown is None or shown not in self._viewer.layers:
                return False
            self._viewer.layers.remove(shown)
            self._viewer.layers.selection.active = layer
            return True

        def show(values: np.ndarray) -> None:
            if gone() or self._session.result_of(layer) is not result:
                return  # pressed again meanwhile, or the mask has left the viewer
            shaped = values.reshape(layer.data.shape)
            shown = show_map(self._viewer, shaped, layer, name=f"{layer.name}: {what}", **options)
            maps[what] = ref(shown)
            self._viewer.layers.selection.active = layer

        if not gone():
            self._run("map", lambda: results.shown_map(result, what), show)

    def _on_save(self) -> None:
        if (shown := self._shown()) is None:
            return
        layer, result = shown
        try:
            where = ask_where(self, result)
        except UserError as error:
            self.failed.emit(error)
            return
        if where is None:
            return
        path, kind = where.path, where.seg
        if kind is None:
            self._run("save", lambda: results.save(result, layer.data, path), self._on_saved)
        else:
            self._run("save", lambda: save_seg(result, layer.data, path, kind), self._on_seg_saved)

    def _on_saved(self, path: Path) -> None:
        self.reported.emit(f"Saved {path.name} in {path.parent}.")

    def _on_seg_saved(self, saved: SavedSeg) -> None:
        self.reported.emit(saved.sentence())


def _gone() -> None:
    """As a reference to a layer that was deleted."""


def _button(text: str, on_click: Callable[[], None], tip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tip)
    button.clicked.connect(lambda: on_click())
    return button
