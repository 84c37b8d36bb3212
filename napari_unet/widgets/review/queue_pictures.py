"""Thumbnails for the rows on the screen, the latest asked for first, two at a time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from qtpy.QtCore import QObject, Qt
from qtpy.QtGui import QImage, QPixmap

from napari_unet.widgets.common.jobs import Job
from napari_unet.widgets.review.queue_model import THUMBNAIL, QueueModel

_AT_ONCE = 2
_WAITING = 40  # more than a screen of rows: after scrolling on, the rest is not needed


class PictureFeed(QObject):
    """Has thumbnails made for a model. make : id of a case to a Job that gives the picture as an array."""

    def __init__(self, model: QueueModel, make: Callable[[str], Job | None], parent: QObject) -> None:
        super().__init__(parent)
        self._model = model
        self._make = make
        self._waiting: list[str] = []
        self._running: dict[str, Job] = {}
        model.picture_requested.connect(self._ask)

    def clear(self) -> None:
        """Another project, or none."""
        self._waiting.clear()
        for job in self._running.values():
            job.abandon()
        self._running.clear()

    def _ask(self, case_id: str) -> None:
        self._waiting.append(case_id)
        while len(self._waiting) > _WAITING:
            self._model.forget_picture(self._waiting.pop(0))
        self._go_on()

    def _go_on(self) -> None:
        while self._waiting and len(self._running) < _AT_ONCE:
            case_id = self._waiting.pop()
            job = None if case_id in self._running else self._make(case_id)
            if job is None:
                continue
            self._running[case_id] = job
            mask = self._model.mask_of(case_id)
            job.succeeded.connect(lambda picture, i=case_id, m=mask: self._show(i, picture, m))
            job.ended.connect(lambda i=case_id, j=job: self._end(i, j))

    def _show(self, case_id: str, picture: np.ndarray, mask: str | None) -> None:
        if mask != self._model.mask_of(case_id):  # corrected meanwhile
            self._model.forget_picture(case_id)
        else:
            self._model.show_picture(case_id, to_pixmap(picture), mask)

    def _end(self, case_id: str, job: Job) -> None:
        if self._running.get(case_id) is job:
            del self._running[case_id]
        self._go_on()


def to_pixmap(picture: np.ndarray) -> QPixmap:
    """A uint8 array (Y, X, 3), as large as a row is high."""
    pixels = np.ascontiguousarray(picture)
    height, width = pixels.shape[:2]
    image = QImage(pixels.data, width, height, pixels.strides[0], QImage.Format.Format_RGB888)
    fit, smooth = Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
    return QPixmap.fromImage(image.scaled(THUMBNAIL, THUMBNAIL, fit, smooth))
