"""The sliding window pixel by pixel, and that it stops when it is told to."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from napari_unet.core.errors import UserError
from napari_unet.core.steps import run
from napari_unet.inference.inside.altered import logits_of
from napari_unet.inference.inside.subject import Subject
from napari_unet.inference.inside.windows import windows


def test_every_window_by_itself_gives_what_all_at_once_give(seen: Callable[..., Subject]) -> None:
    subject = seen("lineage-ciresan")
    object.__setattr__(subject, "grid", (6, 64))  # a few rows: each window takes its time
    found = run(windows(subject))
    assert (found.done, found.total) == (6 * 64, 6 * 64)
    together = torch.sigmoid(logits_of(subject))[0, 0, :6].numpy()
    sure = abs(together - 0.5) > 1e-4
    np.testing.assert_array_equal(found.labels[sure], (together >= 0.5)[sure])


def test_it_stops_in_time_and_when_nobody_listens(seen: Callable[..., Subject]) -> None:
    subject = seen("lineage-ciresan")
    found = run(windows(subject, seconds=0.3, first_row=10))
    assert 0 < found.done < found.total and found.row >= 10
    steps = windows(subject)
    first = next(steps)
    assert 0 < first.done < first.total
    steps.close()


def test_other_networks_have_none(seen: Callable[..., Subject]) -> None:
    with pytest.raises(UserError, match="no sliding window"):
        next(windows(seen("lineage-residual")))
