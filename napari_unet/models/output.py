"""Output: one answer of a model, a mask or scores, and how it is to be read."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from napari_unet.core.input_check import ShapePrior
from napari_unet.core.label_set import LUNGS, LabelSet
from napari_unet.core.masks import MaskRule


class CardPart(BaseModel):
    """A part of a card: it cannot be changed, and a field that it does not have is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


class FindingReference(CardPart):
    """Where the scores of a finding lie on validation images of which the truth is known.

    threshold : the highest score that at least the wanted share of the `positives` reach; it belongs to this
    version of the model. sensitivity, low, high : that share, with its 95 % interval (Wilson 1927).
    specificity : of the `negatives`. source : which images. normal : the scores of the normal images among
    them, in order; a score is said as its rank among these.
    """

    finding: str
    threshold: float = Field(ge=0, le=1)
    sensitivity: float
    low: float
    high: float
    specificity: float
    positives: int
    negatives: int
    source: str
    normal: tuple[float, ...] = ()

    def rank(self, score: float) -> int | None:
        """Of 100 normal images, how many have a lower score; None without any."""
        if not self.normal:
            return None
        return int(100 * sum(one < score for one in self.normal) / len(self.normal))


class Output(CardPart):
    """One answer of a model: a mask or scores.

    id : its name on the command line. task : what its channels are. labels : of a segmentation, one channel
    each, in that order. findings : of a classification, one channel each. protocol : what its masks include,
    in words. threshold : of the probability. mask_rule : what is done to a mask afterwards. likeness : how
    its masks look, for the input check (a ShapePrior). swaps : pairs of channels that change places when the
    image is mirrored (right and left). references : of findings, how their scores are to be read.
    """

    id: str = Field(default="lungs", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    task: Literal["segmentation", "classification"] = "segmentation"
    labels: LabelSet = LUNGS
    findings: tuple[str, ...] = ()
    protocol: str = ""
    threshold: float = Field(default=0.5, gt=0, lt=1)
    mask_rule: MaskRule = MaskRule()
    likeness: ShapePrior | None = None
    swaps: tuple[tuple[int, int], ...] = ()
    references: tuple[FindingReference, ...] = ()

    def reference(self, finding: str) -> FindingReference | None:
        """How the scores of a finding are to be read, if the card knows."""
        return next((one for one in self.references if one.finding == finding), None)

    @property
    def channels(self) -> tuple[str, ...]:
        """The names of its channels."""
        return self.labels.names if self.task == "segmentation" else self.findings

    @model_validator(mode="after")
    def _whole(self) -> Output:
        if not self.channels:
            raise ValueError("a classification needs findings")
        if any(not 0 <= k < len(self.channels) for pair in self.swaps for k in pair):
            raise ValueError("swaps name channels that are not there")
        if self.task == "classification" and self.likeness is not None:
            raise ValueError("a likeness is that of masks, and a classification makes none")
        return self
