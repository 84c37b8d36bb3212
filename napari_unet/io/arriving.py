"""A series that is looked at while it is read: an array for the viewer, which nobody else gets half.

What is not read yet has one even grey, the middle of the window: no tissue looks like it, black would.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.raster import Raster
from napari_unet.core.source import Source
from napari_unet.core.window import display_window
from napari_unet.io.dicom_series import SeriesReading
from napari_unet.io.memory import memory_for

_LOOK_S = 0.1  # between two looks whether somebody who waits wants to go


@dataclass(frozen=True)
class SliceRead:
    """Slice `z` is there, the `done`-th of `total`."""

    z: int
    done: int
    total: int


class ArrivingSeries:
    """The voxels (Z, Y, X) of a series while they are read.

    In the main thread, where a viewer draws, indexing gives what is there, at once. `numpy.asarray`, and
    indexing in any other thread, wait until all is read and give the final values: what computes with them
    never sees a series that is half read. Both raise the UserError that ended the reading, if one did.
    preview : what the headers say, with the values of the middle slice in all slices; for the window.
    """

    ndim = 3

    def __init__(self, source: Source) -> None:
        """Reads the headers and the middle slice. Raises UserError as `read_series`."""
        self._path = source.path
        with memory_for(self._path):
            self._reading: SeriesReading | None = SeriesReading(source)
            self.preview = self._reading.preview(self._reading.total // 2)
            self._fill(self._reading)
        self._pixels = self._reading.pixels
        self._ended = threading.Event()
        self._whole: Raster | None = None
        self._error: Exception | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """(Z, Y, X)."""
        return self._pixels.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """int16, unless values that do not fit have come."""
        return self._pixels.dtype

    @property
    def size(self) -> int:
        """Number of voxels."""
        return self._pixels.size

    def __len__(self) -> int:
        return len(self._pixels)

    def __repr__(self) -> str:
        state = "read" if self._ended.is_set() else "being read"
        return f"<series {self.shape}, {state}: numpy.asarray gives all of it>"

    def __deepcopy__(self, memo: object) -> ArrivingSeries:
        """A second layer of the series shows the same: it is read once."""
        return self

    def __getitem__(self, key: Any) -> Any:
        if threading.current_thread() is not threading.main_thread():
            return self.result().pixels[key]
        return self._pixels[key]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        whole = np.asarray(self.result().pixels, dtype)
        return whole.copy() if copy else whole

    @property
    def whole(self) -> np.ndarray | None:
        """The final values; None while they are being read, or if that was given up."""
        return None if self._whole is None else self._whole.pixels

    def result(self, check: Callable[[], object] = lambda: None) -> Raster:
        """Wait until all is read. check : is called now and then; what it raises ends the waiting."""
        while not self._ended.wait(_LOOK_S):
            check()
        if self._error is not None:
            raise self._error
        assert self._whole is not None
        return self._whole

    def steps(self, in_view: Callable[[], int]) -> Generator[SliceRead, None, Raster]:
        """Read what is missing, always the slice next that is nearest to the one in view; return the series.

        Whoever runs these steps calls `give_up` if they do not come to their end.
        """
        reading = self._reading
        if reading is None:
            raise ValueError("the steps of a series are run once")
        try:
            while not reading.is_read.all():
                z = _nearest(reading.is_read, in_view())
                with memory_for(self._path):
                    reading.read(z)
                self._pixels = reading.pixels
                yield SliceRead(z, int(np.count_nonzero(reading.is_read)), reading.total)
            with memory_for(self._path):
                whole = reading.raster()
        except Exception as error:
            self._end(error=error)
            raise
        self._end(whole)
        return whole

    def give_up(self) -> None:
        """Nobody reads on: whoever waits hears so. Nothing once all is read."""
        if not self._ended.is_set():
            self._end(error=UserError("The series was closed before all of it was read.", "Open it again."))

    def _end(self, whole: Raster | None = None, error: Exception | None = None) -> None:
        self._reading = None
        self._whole, self._error = whole, error
        if whole is not None:
            self._pixels = whole.pixels
        self._ended.set()

    def _fill(self, reading: SeriesReading) -> None:
        """Give what is not read the grey."""
        limits = np.iinfo(reading.pixels.dtype) if reading.pixels.dtype.kind in "ui" else None
        level = display_window(self.preview).level
        if limits is not None:
            level = int(np.clip(round(level), limits.min, limits.max))
        reading.pixels[~reading.is_read] = level


def settled(data: Any) -> Any:
    """The data of a layer, or what they have become: those of a series that was being read."""
    return data if not isinstance(data, ArrivingSeries) or data.whole is None else data.whole


def _nearest(is_read: np.ndarray, z: int) -> int:
    missing = np.flatnonzero(~is_read)
    return int(missing[np.argmin(np.abs(missing - z))])
