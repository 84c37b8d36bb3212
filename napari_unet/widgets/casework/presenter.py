"""The open case in the viewer: its layers, their recorder, and those of the cases before it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

from napari.layers import Labels, Layer
from qtpy.QtCore import QObject, Signal

from napari_unet.core.label_set import LabelSet
from napari_unet.review.types import Author
from napari_unet.widgets.casework.cache import CaseCache, CaseLayers
from napari_unet.widgets.casework.layers import Habits, context_of, image_layer, mask_layer
from napari_unet.widgets.casework.load import LoadedCase
from napari_unet.widgets.casework.stroke_log import StrokeLog
from napari_unet.widgets.casework.stroke_recorder import StrokeRecorder
from napari_unet.widgets.casework.warm_up import no_collection
from napari_unet.widgets.casework.worker_thread import WorkerThread
from napari_unet.widgets.common.colours import legend_of, mask_colormap
from napari_unet.widgets.common.mask_context import MaskContext
from napari_unet.widgets.napari_compat.scene import added_unselected
from napari_unet.widgets.napari_compat.window import canvas_of, is_closing

if TYPE_CHECKING:
    from napari_unet.review.saving.saver import Saver


class CasePresenter(QObject):
    """Presents one case in a viewer and takes it away again.

    painted : the mask of the case was changed. used : labels that a stroke painted, a tuple. asked : a change
    of it waits, see StrokeRecorder. failed : a UserError. taken_away : the user removed the mask from the
    layer list; the case is no longer open. marked : the slices of the open case that are marked as right now.
    """

    painted = Signal()
    used = Signal(tuple)
    asked = Signal()
    failed = Signal(object)
    taken_away = Signal(str)
    marked = Signal(tuple)

    def __init__(
        self,
        viewer: Any,
        keep_context: Callable[[Labels, MaskContext], None],
        author: Callable[[], Author],
        is_protected: Callable[[str], bool] = lambda _: False,
    ) -> None:
        """is_protected : whether the mask of the case of this id is not to be changed without a question."""
        super().__init__()
        self._is_protected = is_protected
        self._viewer = viewer
        self._keep_context = keep_context
        self._author = author
        self._cache = CaseCache()
        self._habits = Habits.at_first()
        self._moving = False
        self._extra: list[Layer] = []
        self.layers: CaseLayers | None = None
        self.recorder: StrokeRecorder | None = None
        self._viewer.layers.events.removed.connect(self._on_removed)

    def close(self) -> None:
        """The last dock is closed: release the viewer."""
        self.lay_away()
        self._cache.clear()
        self._viewer.layers.events.removed.disconnect(self._on_removed)

    def forget_all(self) -> None:
        """Another project: no case of the old one comes back."""
        self._cache.clear()

    def has(self, id: str) -> bool:
        """Whether the layers of a case are kept."""
        return id in self._cache

    def forget(self, id: str) -> None:
        """Read the case again when it is opened next."""
        self._cache.take(id)

    def take(self, id: str) -> CaseLayers | None:
        """Hand out the kept layers of a case: what is kept after them does not push them out any more."""
        return self._cache.take(id)

    def kept(self, id: str) -> CaseLayers | None:
        """The layers of a case that was open before, if they are kept."""
        return self._cache.look(id)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Take one case away and lay another one out in it: napari then brings its scene up to date once."""
        with no_collection(), self._viewer.layers.batched_update():
            yield

    def lay_out(self, loaded: LoadedCase, worker: WorkerThread, saver: Saver) -> CaseLayers:
        """Show a case that was read from disk, and record its strokes."""
        stroke_log = StrokeLog(saver, loaded.case.id, loaded.recorded, loaded.hounsfield)
        worker.post(partial(stroke_log.open, loaded.revision))
        image = image_layer(loaded, self._habits)
        mask = mask_layer(loaded, image)
        return self._show(CaseLayers(loaded, image, mask, stroke_log, loaded.revision), worker)

    def lay_out_kept(self, layers: CaseLayers, worker: WorkerThread) -> CaseLayers:
        """Show a case whose layers were kept (see `take`)."""
        worker.post(partial(layers.stroke_log.open, layers.head))
        return self._show(layers, worker)

    def lay_away(self) -> None:
        """Take the open case out of the viewer and keep its layers."""
        layers, recorder = self.layers, self.recorder
        if layers is None:
            return
        self.layers = self.recorder = None
        if recorder is not None:
            recorder.stop()
        layers.slice = tuple(self._viewer.dims.current_step)
        self._remove(*self._extra, layers.mask, layers.image)  # a tool of another dock ends with it
        self._habits.learn(layers.image, layers.mask, layers.loaded, layers.hidden_tool)
        self._extra.clear()
        self._cache.keep(layers)

    def show_labels(self, labels: LabelSet) -> None:
        """The numbers in the mask of the open case mean something else from now on."""
        layers = self.layers
        if layers is not None:
            layers.loaded.label_set = labels
            layers.mask.colormap = mask_colormap(legend_of(labels))
            self._habits.use_tool(layers.mask, labels)
            self._keep_context(layers.mask, context_of(layers.loaded, layers.image, self.marked.emit))

    def consented(self) -> AbstractContextManager[None]:
        """What is changed in the open case in it is recorded without a question."""
        return nullcontext() if self.recorder is None else self.recorder.consented()

    def add(self, layer: Layer) -> Layer:
        """A layer that goes with the open case (a map, an older mask). The mask stays active."""
        self._viewer.add_layer(layer)
        self._extra.append(layer)
        self._activate()
        return layer

    def drop(self, layer: Layer) -> None:
        """Take one of these away."""
        self._remove(layer)
        if layer in self._extra:
            self._extra.remove(layer)

    def focus(self) -> None:
        """The keyboard belongs to the canvas."""
        canvas = canvas_of(self._viewer)
        if canvas is not None:
            canvas.setFocus()

    def _show(self, layers: CaseLayers, worker: WorkerThread) -> CaseLayers:
        viewer = self._viewer
        # before it is there: from then on its tool is other docks' too
        self._habits.use_tool(layers.mask, layers.loaded.label_set)
        if not layers.mask.visible:
            layers.hidden_tool = self._habits.mode
        self._keep_context(layers.mask, context_of(layers.loaded, layers.image, self.marked.emit))
        with added_unselected(viewer):
            viewer.add_layer(layers.image)
            viewer.add_layer(layers.mask)
        viewer.reset_view(layers=[layers.image])
        if layers.slice is not None and len(layers.slice) == viewer.dims.ndim:
            viewer.dims.current_step = layers.slice
        elif layers.image.ndim == 3:
            viewer.dims.set_current_step(viewer.dims.ndim - 3, layers.image.data.shape[0] // 2)
        self.layers = layers
        protected = partial(self._is_protected, layers.id)
        recorder = self.recorder = StrokeRecorder(
            layers.mask, layers.stroke_log, worker, self._author, protected
        )
        recorder.painted.connect(self.painted)
        recorder.used.connect(self.used)
        recorder.asked.connect(self.asked)
        recorder.failed.connect(self.failed)
        self._activate()
        self.focus()
        return layers

    def _activate(self) -> None:
        if self.layers is not None:
            self._viewer.layers.selection.active = self.layers.mask

    def _remove(self, *layers: Layer) -> None:
        if is_closing(self._viewer):  # its sliders are half gone: taking a stack out of it would crash
            return
        self._moving = True
        try:
            for layer in layers:
                if layer in self._viewer.layers:
                    self._viewer.layers.remove(layer)
        finally:
            self._moving = False

    def _on_removed(self, event: Any) -> None:
        if event.value in self._extra:
            self._extra.remove(event.value)
        if not self._moving and self.layers is not None and event.value is self.layers.mask:
            id = self.layers.id
            self.lay_away()
            self.taken_away.emit(id)
