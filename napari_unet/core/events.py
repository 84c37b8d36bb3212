"""What long work reports while it runs: plain data, no callbacks, no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from napari_unet.core.errors import UserError
    from napari_unet.core.prediction import Prediction


@dataclass(frozen=True)
class TileDone:
    """`done` of `total` pieces (tiles, slices) of one image are finished."""

    done: int
    total: int


@dataclass(frozen=True)
class SliceDone(TileDone):
    """Slice `done` − 1 of a volume is finished, and looks like this until all of them are known.

    labels : uint8 (y, x) on the network's grid, the likeliest label at each pixel where any
    reaches the threshold; sides and parts are settled by the whole volume. box : rows and columns of the
    image that the grid covers.
    """

    labels: np.ndarray
    box: tuple[slice, slice]


@dataclass(frozen=True)
class Note:
    """Something the user should know but that stops nothing ("out of memory: went on on the CPU")."""

    text: str


@dataclass(frozen=True)
class CaseDone:
    """Case `name` is the `done`-th of `total` to finish; `error` is empty if all went well.

    notes : what was assumed about the case, one sentence each.
    """

    name: str
    done: int
    total: int
    error: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class FirstMaskMade:
    """The first mask of a case of a review, made elsewhere; or None, and why there is none."""

    case: str
    prediction: Prediction | None
    error: UserError | None = None


@dataclass(frozen=True)
class EpochEnded:
    """One epoch of training: mean loss, mean Dice on validation cases and under simulated shifts (0..1).

    label_dice : of each label on the validation cases; () where it was not measured. measure : what stands in
    the place of Dice where a network says findings and draws no masks: "AUC". gradients : of each stage of
    the network, in their order, its name and the mean norm of its gradient; () where it was not measured.
    """

    epoch: int
    epochs: int
    loss: float
    val_dice: float
    shifted_dice: float
    best: bool
    label_dice: tuple[float, ...] = ()
    measure: str = "Dice"
    gradients: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class PartBegun:
    """Part `part` of `parts` of a fine-tune begins: a fold, or the training on all cases (`held_out` = 0).

    steps, later : of this part, and of all that come after it. seconds : how long the whole will still take,
    measured by trial steps; nan where nobody knows yet.
    """

    part: int
    parts: int
    cases: int
    held_out: int
    steps: int
    later: int
    seconds: float


@dataclass(frozen=True)
class StepsDone:
    """Training came to step `step` of `steps` of a part.

    loss : mean since the last event. new_dice : on held-out cases of the user's (0..1), old_dice : on the
    parent's reference images; nan where there are none or they were not scored now. best : the highest
    new_dice of this part so far.
    """

    part: int
    step: int
    steps: int
    loss: float
    new_dice: float
    old_dice: float
    best: bool


@dataclass(frozen=True)
class Preview:
    """The mask of a held-out case as the model in training sees it. probability : uint8 (Y, X), 0..255."""

    case: str
    step: int
    probability: np.ndarray


@dataclass(frozen=True)
class Familiar:
    """What a model knows of the cases that it was compared on. cases : how many of `of` have taught it.

    unknown : a sentence if an earlier version has not kept what would tell, else "".
    """

    model: str
    cases: int
    of: int
    unknown: str = ""

    def sentence(self) -> str:
        """For people, "" if none has taught it."""
        if not self.cases:
            return ""
        return f"{self.model} was trained on {self.cases} of these {self.of} images: the test is biased."
