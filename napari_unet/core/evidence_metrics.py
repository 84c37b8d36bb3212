"""The metrics of the acceptance test: what each is called, which way is better, how a case gets its value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isnan, nan

import numpy as np

NOTICEABLE = 0.005
"""A mean Dice or an AUC must change by more than this to be called better or worse."""

HARM = 0.012
"""What a model is to keep must not fall by more than this."""

Truths = Sequence[bool | None]
OfMask = Callable[[np.ndarray, np.ndarray, np.ndarray, tuple[float, ...]], float]
"""(mask, reference, what counts nowhere, size of a pixel along each axis) → the value of a case."""


@dataclass(frozen=True)
class Metric:
    """One row of the table.

    name : on disk. title : for people. unit : "" for a number without one; "px" is a distance, which is shown
    in mm where every case has a spacing. digits : that are shown. of_mask : measures a mask; None where the
    value of a case is a score of the model, as for an AUC. noticeable : a change up to this is ignored.
    harm : a loss over this is one, by chance or not; None if the metric informs and judges nothing.
    """

    name: str
    title: str
    up_is_better: bool
    unit: str = ""
    digits: int = 3
    of_mask: OfMask | None = None
    noticeable: float = 0.0
    harm: float | None = None

    @property
    def ranks_scores(self) -> bool:
        """Whether its figure tells how the cases' scores are ordered, and is not a mean of their values."""
        return self.name == AUC.name

    def added(self, values: np.ndarray, truths: Truths) -> np.ndarray:
        """What each case adds to the figure, which is the mean of that."""
        return placements(values, truths) if self.ranks_scores else values


def placements(scores: np.ndarray, truths: Truths) -> np.ndarray:
    """Of each case the share of cases of the other kind that it stands on the right side of, equal ones half.

    Its mean over the cases is the area under the ROC curve (DeLong 1988). nan without both kinds.
    """
    truth = np.array([bool(one) for one in truths], bool)
    if truth.all() or not truth.any():
        return np.full(len(scores), nan)
    higher = 0.5 * (np.sign(scores[truth][:, None] - scores[~truth][None]) + 1)
    found = np.empty(len(scores))
    found[truth], found[~truth] = higher.mean(axis=1), higher.mean(axis=0)
    return found


def _dice(mask: np.ndarray, reference: np.ndarray, ignore: np.ndarray, _: tuple[float, ...]) -> float:
    from napari_unet.core.metrics import dice  # scipy.spatial, which no card needs in order to be read

    return dice(mask, reference, ignore)


def _hd95(mask: np.ndarray, reference: np.ndarray, ignore: np.ndarray, steps: tuple[float, ...]) -> float:
    """In plane; of a stack the mean over the slices that have an answer."""
    from napari_unet.core.metrics import hd95

    if mask.ndim == 2:
        return hd95(mask, reference, steps, ignore)
    slices = zip(mask, reference, ignore, strict=True)
    known = [value for part in slices if not isnan(value := _hd95(*part, steps))]
    return float(np.mean(known)) if known else nan


DICE = Metric("dice", "Dice", True, of_mask=_dice, noticeable=NOTICEABLE, harm=HARM)
HD95 = Metric("hd95", "HD95", False, unit="px", digits=1, of_mask=_hd95)
AUC = Metric("auc", "AUC", True, noticeable=NOTICEABLE, harm=HARM)

METRICS = {metric.name: metric for metric in (DICE, HD95, AUC)}
OF_MASKS = (DICE, HD95)
OF_SCORES = (AUC,)
