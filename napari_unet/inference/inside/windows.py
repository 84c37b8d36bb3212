"""Cireşan's window, as it ran in 2012: one pixel after the other."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager

import numpy as np
import torch

from napari_unet.core.errors import UserError
from napari_unet.core.inside import WindowsDone
from napari_unet.inference.inside.anatomy import inner_of
from napari_unet.inference.inside.subject import Subject
from napari_unet.nets.ciresan import SlidingWindow
from napari_unet.nets.mirrored import MirroredBorders

_TOLD_S = 0.1  # between two events


def windows(
    subject: Subject, seconds: float | None = None, first_row: int = 0
) -> Generator[WindowsDone, None, WindowsDone]:
    """Classifies the window around every pixel by itself, row by row; returns how far it came.

    Every window goes through the network alone, so that the time is that of the method of 2012 on this
    machine. seconds : after which it stops; None goes on to the last window. first_row : to begin with.
    Yields WindowsDone about ten times a second. Raises UserError for other networks.
    """
    net, inner = subject.net, inner_of(subject.net)
    if not isinstance(inner, SlidingWindow) or not isinstance(net, MirroredBorders):
        raise UserError("This network has no sliding window.", "Choose lineage-ciresan.")
    rows, columns = subject.grid
    whole = net.with_border(subject.x)
    labels = np.zeros((rows, columns), np.uint8)
    total, done = rows * columns, 0
    threads = torch.get_num_threads()
    begun = told = time.perf_counter()
    place = subject.grid_place()
    side, least = inner.window, subject.output.threshold
    for row in (*range(first_row, rows), *range(first_row)):
        for column in range(columns):
            with _one_thread(threads), torch.inference_mode():
                logit = inner(whole[:, :, row : row + side, column : column + side])
                labels[row, column] = bool(torch.sigmoid(logit) >= least)
            done += 1
            now = time.perf_counter()
            if now - told >= _TOLD_S:
                told = now
                yield WindowsDone(done, total, now - begun, row, labels.copy(), place)
            if seconds is not None and now - begun >= seconds:
                return WindowsDone(done, total, now - begun, row, labels, place)
    return WindowsDone(done, total, time.perf_counter() - begun, rows - 1, labels, place)


@contextmanager
def _one_thread(threads: int) -> Iterator[None]:
    """A window is so small that a second thread would take longer to start than to help."""
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
