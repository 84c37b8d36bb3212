"""One question to the engine at a time: the last one counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from napari.layers import Image
from qtpy.QtCore import QObject, Signal

from napari_unet.core.inside import slab
from napari_unet.core.padding import box_of_slices
from napari_unet.core.raster import Raster
from napari_unet.io.arriving import settled
from napari_unet.models.library import ModelEntry
from napari_unet.widgets.common.jobs import Job, in_words, run_on_engine
from napari_unet.widgets.common.layers import raster_source
from napari_unet.widgets.common.preferences import preferences
from napari_unet.widgets.session import Session


@dataclass(frozen=True)
class Sight:
    """What is looked at by which model: made at the click, before anything changes.

    index : of the slice in view on the layer's leading axes; () for an image of its own.
    """

    image: Image
    index: tuple[int, ...]
    entry: ModelEntry
    data: Any
    source: Callable[[], Raster]

    @classmethod
    def of(cls, image: Image, index: tuple[int, ...], entry: ModelEntry) -> Sight:
        """Copies nothing yet."""
        single = image.ndim != 3  # a stack is read whole: the model may see the slices beside
        source = raster_source(image, index if single and index else None)
        return cls(image, index, entry, image.data, source)

    def arguments(self) -> dict[str, Any]:
        """For the engine's "inside"; copies the pixels, in the job's thread."""
        raster, card = self.source(), self.entry.card
        given: dict[str, Any] = {"model": str(self.entry.folder), "device": preferences().device}
        if raster.pixels.ndim == 2:
            return given | {"raster": raster}
        box = None
        if not card.output.mask_rule.per_slice:
            box = box_of_slices(raster.pixels, raster.padding)
        part, at = slab(raster, self.index[0], card.input.neighbours)
        return given | {"raster": part, "index": at, "box": box}

    def image_only(self) -> dict[str, Any]:
        """The image or the slice by itself, for jobs that choose their models."""
        raster = self.source()
        single = raster if raster.pixels.ndim == 2 else raster.slice(self.index[0])
        return {"raster": single, "device": preferences().device}

    def still_there(self, layers: Any) -> bool:
        """Whether the layer is in the viewer and holds what it held."""
        return self.image in layers and settled(self.image.data) is settled(self.data)


class Asker(QObject):
    """Sends questions to the session's engine. busy_changed : whether one is open. failed : a UserError."""

    busy_changed = Signal(bool)
    failed = Signal(object)
    cancelled = Signal()

    def __init__(self, session: Session, owner: QObject) -> None:
        super().__init__(owner)
        self._session = session
        self._job: Job | None = None

    @property
    def is_busy(self) -> bool:
        """Whether a question is open."""
        return self._job is not None

    def ask(
        self,
        kind: str,
        arguments: Callable[[], dict[str, Any]],
        answered: Callable[[Any], None],
        progressed: Callable[[Any], None] | None = None,
        finish: Callable[[Any], Any] | None = None,
    ) -> None:
        """Ask; a question that is open is given up. arguments, finish : run in the job's thread.

        answered, progressed : run on the GUI thread; if one of them fails, that is said, and the next
        question can be asked.
        """
        self.give_up()
        library = self._session.library()
        job = run_on_engine(
            self._session.engine, kind, lambda: {"library": library, **arguments()}, finish, owner=self
        )
        self._job = job
        job.succeeded.connect(lambda result: self._guarded(answered, result))
        if progressed is not None:
            job.progressed.connect(lambda event: self._guarded(progressed, event))
        job.failed.connect(self.failed)
        job.cancelled.connect(self.cancelled)
        job.ended.connect(lambda: self._end(job))
        self.busy_changed.emit(True)

    def cancel(self) -> None:
        """Ask the open question to end; it says when it has."""
        if self._job is not None:
            self._job.cancel()

    def give_up(self) -> None:
        """Hear nothing more of the open question."""
        job, self._job = self._job, None
        if job is not None:
            job.abandon()
            self.busy_changed.emit(False)

    def _guarded(self, step: Callable[[Any], None], value: Any) -> None:
        try:
            step(value)
        except Exception as error:
            self.failed.emit(in_words(error))

    def _end(self, job: Job) -> None:
        if self._job is job:
            self._job = None
            self.busy_changed.emit(False)
