"""The Segment dock: choose an image and a model, get a mask."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from napari.layers import Image
from napari.utils.notifications import show_error
from qtpy.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_unet.core.errors import UserError
from napari_unet.core.events import Note, SliceDone, TileDone
from napari_unet.core.image_kind import CT, Kind, kind_in
from napari_unet.core.raster import Modality
from napari_unet.core.steps import STOP
from napari_unet.core.window import sample_pixels
from napari_unet.core.wording import counted
from napari_unet.doctor import refuse_foreign_files
from napari_unet.io.arriving import ArrivingSeries, settled
from napari_unet.models.library import ModelEntry
from napari_unet.widgets.common.colours import legend_of, mask_colormap
from napari_unet.widgets.common.forms import Fields, Foldable, WrappedLabel, key_table, purpose_label
from napari_unet.widgets.common.jobs import Job, run_in_thread, run_on_engine
from napari_unet.widgets.common.layer_picker import LayerPicker
from napari_unet.widgets.common.layers import is_image, show_mask, slice_in_view
from napari_unet.widgets.common.preferences import preferences
from napari_unet.widgets.common.shortcuts import forward_undo
from napari_unet.widgets.common.sources import Source, adopt_header, look_at_source, open_again
from napari_unet.widgets.dock import Dock
from napari_unet.widgets.model_box import AnswerBox, ModelBox
from napari_unet.widgets.segment.device_box import DeviceBox
from napari_unet.widgets.segment.growing import GrowingMask
from napari_unet.widgets.segment.keep_box import KeepBox
from napari_unet.widgets.segment.request import Segmented, SegmentRequest
from napari_unet.widgets.segment.result_view import ResultView
from napari_unet.widgets.viewing import HINTS
from napari_unet.widgets.viewing.layers_in_view import header_of

_DEVICES = {"cpu": "the processor", "cuda": "the graphics card", "mps": "the Apple GPU"}
_BAR = 6  # pixels: height of the bar that shows how far a segmentation is
_OPACITY = 0.4  # of a new mask: the anatomy stays visible


class SegmentWidget(Dock):
    """Plugins ▸ U-Net Lung ▸ Segment."""

    TITLE = "Segment"

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self._job: Job | None = None
        self._growing: GrowingMask | None = None
        self._stopping = False  # Cancel was pressed when some slices were done
        self._opening: list[Job] = []
        self._usable = True
        self._build()
        forward_undo(self, lambda: self.result.picker.layer())
        self._on_model(self.model.entry())
        self._on_image(self.image.layer())
        self._check_installation()

    # -- the form --

    def _build(self) -> None:
        self.image = LayerPicker(self._viewer, is_image, "Open an image first")
        self.image.chosen.connect(self._on_image)
        self.image.chosen.connect(self._session.show_image)
        self.slices = QComboBox()
        self.slices.addItems(["This slice", "All slices"])
        self.model = ModelBox(self._session)
        self.answer = AnswerBox()
        self.model.chosen.connect(self._on_model)
        self.device = DeviceBox()
        self.run = QPushButton("Segment")
        self.run.clicked.connect(self._on_segment)
        self.cancel = QPushButton("Cancel")
        self.cancel.clicked.connect(self._on_cancel)
        self.keep = KeepBox()
        self.keep.wanted.connect(self._add)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(_BAR)
        room = self.bar.sizePolicy()
        room.setRetainSizeWhenHidden(True)  # what is below stays in its place
        self.bar.setSizePolicy(room)
        self.hint = WrappedLabel("X-rays and CT to try: File ▸ Open Sample ▸ U\u2011Net Lung.", name="hint")
        self.kind = WrappedLabel(name="kind")
        self.facts = WrappedLabel(name="facts")
        self.status = WrappedLabel(name="status")
        self.message = WrappedLabel(name="message")
        self.result = ResultView(self._session)
        self.result.failed.connect(self._on_failed)
        self.result.reported.connect(self._on_reported)
        fields = Fields()
        fields.add("Image", self.image)
        self._slices_label = fields.add("Slices", self.slices)
        fields.add("Model", self.model)
        fields.add_wide(self.kind)
        fields.add_wide(self.model.card)
        self._answer_label = fields.add("Answer", self.answer)
        fields.add("Device", self.device)
        buttons = QHBoxLayout()
        buttons.addWidget(self.run, stretch=2)
        buttons.addWidget(self.cancel, stretch=1)
        body = QWidget()
        column = QVBoxLayout(body)
        column.addLayout(fields)
        column.addLayout(buttons)
        for part in (self.keep, self.bar, self.hint, self.facts, self.result):
            column.addWidget(part)
        column.addWidget(Foldable("Mouse and keys", WrappedLabel(_hints(), name="hints")))
        column.addWidget(purpose_label())
        column.addStretch()
        self.fill(body, self.status, self.message)

    def close_down(self) -> None:
        """Release the viewer."""
        for job in (self._job, *self._opening):
            if job is not None:
                job.abandon()
        self._end_preview()
        self.keep.drop()
        self.image.disconnect_layers()
        self.result.close_down()

    # -- before the first click --

    def _check_installation(self) -> None:
        job = run_in_thread(_check_package, self)
        self._opening.append(job)
        job.succeeded.connect(self._warm)
        job.failed.connect(self._refuse)

    def _refuse(self, error: UserError) -> None:
        self._usable = False
        self._show_state()
        self._on_failed(error)

    def _warm(self) -> None:
        self.device.want(preferences().device)
        self._session.engine.warm()
        job = run_on_engine(self._session.engine, "devices", owner=self)
        self._opening.append(job)
        job.succeeded.connect(self.device.offer)
        job.failed.connect(lambda error: self._say_problem(str(error)))

    def _on_image(self, layer: Image | None) -> None:
        self.keep.drop()
        if self._usable and self._job is None:  # what was said is about another image
            self.status.say("")
            self.message.say("")
        stack = layer is not None and layer.ndim > 2
        self.slices.setVisible(stack)
        self._slices_label.setVisible(stack)
        kind = "" if layer is None else self._kind(layer).name
        if layer is not None:
            self.model.show_kind(kind)
        volume = layer is not None and layer.ndim == 3
        self.slices.model().item(1).setEnabled(volume)
        self.slices.setCurrentIndex(1 if volume and kind == CT else 0)  # both lungs, in millilitres
        self._show_state()

    def _on_model(self, entry: ModelEntry | None) -> None:
        several = self.answer.offer(() if entry is None else entry.card.drawing)
        self._answer_label.setVisible(several)
        self._show_state()

    def _show_state(self) -> None:
        self.hint.setVisible(self.image.layer() is None)
        self._show_facts()
        busy = self._job is not None
        ready = self._usable and self.image.layer() is not None and self.model.entry() is not None
        self.run.setEnabled(ready and not busy)
        self.cancel.setEnabled(busy)
        self.bar.setVisible(busy)

    def _show_facts(self) -> None:
        """What the header says that the model's card does not expect, before there is a mask."""
        layer, entry = self.image.layer(), self.model.entry()
        facts = () if layer is None or entry is None else entry.card.facts_against(header_of(layer))
        reported = " ".join(fact.text for fact in facts)
        self.facts.warn(reported) if reported else self.facts.say("")
        kind = None if layer is None else self._kind(layer)
        self.kind.say(kind.sentence() if kind is not None and kind.known else "")

    def _kind(self, layer: Image) -> Kind:
        """What kind of image a layer is, by what is known of its header or by some of its values."""
        header = header_of(layer)
        modality, padding = header.get("modality", Modality.UNKNOWN), header.get("padding")
        some = sample_pixels(layer.data, padding) if isinstance(layer.data, np.ndarray) else np.zeros(0)
        return kind_in(some, modality)

    # -- a segmentation --

    def _on_segment(self) -> None:
        """Segment the image: once it is read, and after a look at its file if its reader did not say all."""
        layer, entry = self.image.layer(), self.model.entry()
        if self._job is not None or layer is None or entry is None:
            return
        data, look = layer.data, look_at_source(layer)
        if isinstance(data, ArrivingSeries):
            waiting = Job(lambda job: data.result(job.check), self)
            self._begin(waiting, "Waiting until the series is read…")
            waiting.succeeded.connect(lambda _: self._go_on(layer, entry, data, Source()))
        elif look is not None:
            looking = run_in_thread(look, self)
            self._begin(looking, "Reading the file…")
            looking.succeeded.connect(lambda found: self._go_on(layer, entry, data, found))
        else:
            self._segment(layer, entry)

    def _go_on(self, layer: Image, entry: ModelEntry, data: Any, found: Source) -> None:
        """data : what the layer held at the click. found : what its file says."""
        self.status.say("")
        if layer not in self._viewer.layers or settled(layer.data) is not settled(data):
            self.status.say("The image was closed or replaced in the meantime. Press Segment again.")
        elif found.raster is not None:
            shown, hidden = open_again(self._viewer, layer, found)
            self.image.choose(shown)
            self._segment(shown, entry)
            if hidden:
                names = ", ".join(hidden)
                self.message.warn(
                    f"Drawn over the image as it was shown before, and hidden with it: {names}."
                )
        else:
            adopt_header(layer, found.header)
            self._segment(layer, entry)

    def _begin(self, job: Job, text: str) -> None:
        """`job` is what the dock does now."""
        self._job = job
        self.keep.drop()
        self.message.say("")
        self.status.say(text)
        self.bar.setRange(0, 0)
        job.failed.connect(self._on_failed)
        job.cancelled.connect(self._on_cancelled)
        job.ended.connect(lambda: self._on_ended(job))
        self._show_state()

    def _segment(self, layer: Image, entry: ModelEntry) -> None:
        one = layer.ndim > 2 and self.slices.currentIndex() == 0
        try:
            index = slice_in_view(self._viewer, layer) if one else None
        except UserError as error:
            self._on_failed(error)
            return
        left_right = self.result.left_right.isChecked()
        answer = self.answer.chosen()
        request = SegmentRequest(layer, index, entry, self.device.currentData(), left_right, answer)

        def arguments() -> dict[str, Any]:
            _check_package()
            return request.arguments()

        if index is None:
            colours = mask_colormap(legend_of(entry.card.output_named(answer).labels))
            before = [mask for mask in self._session.layers_of(layer, None) if mask.visible]
            self._growing = GrowingMask(self._viewer, layer, before, colormap=colours, opacity=_OPACITY)
        engine = self._session.engine
        job = run_on_engine(engine, "segment", arguments, request.finish, owner=self)
        job.progressed.connect(self._on_progress)
        job.succeeded.connect(lambda done: self._on_segmented(request, done))
        self._begin(job, "Getting ready…")

    def _on_cancel(self) -> None:
        """With slices that are done the job is stopped, and they are offered; otherwise it is cancelled."""
        if self._job is None:
            return
        if self._growing is not None and self._growing.done and not self._stopping:
            self._stopping = True
            self._growing.take_away()
            self.status.say("Stopping… Press Cancel again to stop at once.")
            self._job.ask(STOP)
            return
        self.status.say("Cancelling…")
        self.cancel.setEnabled(False)
        self._job.cancel()

    def _on_progress(self, event: object) -> None:
        if isinstance(event, TileDone):
            self.bar.setRange(0, event.total)
            self.bar.setValue(event.done)
        if self._stopping:
            return
        if isinstance(event, SliceDone) and self._growing is not None:
            self._growing.show(event)
            of = counted(event.total, "slice")
            self.status.say(f"Segmenting: {event.done:,} of {of}. The mask is a preview until all are done.")
        elif isinstance(event, TileDone):
            self.status.say("Segmenting…")
        elif isinstance(event, Note):
            self.status.say(event.text)

    def _on_segmented(self, request: SegmentRequest, done: Segmented) -> None:
        self._end_preview()
        if self._stopping:
            self.status.say(self.keep.offer(request, done))
        else:
            self._add(request, done)

    def _add(self, request: SegmentRequest, done: Segmented) -> None:
        """Show the mask of `request`, if its image is still what it was."""
        if request.layer not in self._viewer.layers:
            self.status.say("The image was closed in the meantime, so its mask was not added.")
            return
        if not request.still_fits():
            self.status.say("The image was replaced in the meantime. Press Segment again.")
            return
        prediction = done.result.prediction
        colours = mask_colormap(legend_of(done.result.labels, done.result.left_right))
        layer = show_mask(
            self._viewer,
            done.labels,
            request.layer,
            name=request.name(prediction.stopped_at),
            index=request.index,
            colormap=colours,
            opacity=_OPACITY,
        )
        for before in self._session.layers_of(request.layer, request.index):
            before.visible = False  # the eye in the layer list brings it back
        self._session.keep_result(layer, done.result)
        self.result.picker.choose(layer)
        device = _DEVICES.get(prediction.device.split(":")[0], prediction.device)
        if prediction.stopped_at is None:
            self.status.say(f"Done in {prediction.seconds:.1f} s on {device}.")
        else:
            of = counted(prediction.planes, "slice")
            self.status.say(f"Kept {prediction.stopped_at:,} of {of}; the others are empty.")

    def _end_preview(self) -> None:
        if self._growing is not None:
            self._growing.take_away()
            self._growing = None

    def _on_failed(self, error: UserError) -> None:
        self.status.say("")
        self._say_problem(str(error))
        show_error(str(error))

    def _on_reported(self, text: str) -> None:
        self.message.say("")
        self.status.say(text)

    def _on_cancelled(self) -> None:
        self.status.say("Cancelled.")

    def _on_ended(self, job: Job) -> None:
        if self._job is not job:  # it has brought the next one about
            return
        self._job = None
        self._stopping = False
        self._end_preview()
        self._show_state()

    def _say_problem(self, text: str) -> None:
        self.message.warn(text)


@cache
def _check_package() -> None:
    """Raises UserError if another distribution has files in ours. Once per process: it takes 0.1 s."""
    refuse_foreign_files()


def _hints() -> str:
    return key_table((hint.gesture, hint.does) for hint in HINTS)
