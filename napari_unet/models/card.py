"""ModelCard: everything about a trained network but its weights. Needs no torch."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, ValidationInfo, field_validator, model_validator

from napari_unet.core.acceptance_report import AcceptanceReport
from napari_unet.core.answered import with_answer
from napari_unet.core.errors import UserError
from napari_unet.core.header_facts import HeaderFact, header_facts
from napari_unet.core.input_rule import InputRule
from napari_unet.core.intensity import IntensityRule
from napari_unet.core.label_set import named_set
from napari_unet.core.lung_frame import LungFrame
from napari_unet.core.network_facts import NetworkFacts
from napari_unet.models.acceptance_record import as_evidence, with_sides
from napari_unet.models.output import CardPart, Output
from napari_unet.nets.registry import NETS

FORMAT_VERSION = 2
_OF_THE_OUTPUT = ("protocol", "threshold", "mask_rule", "likeness", "labels", "swaps")


class NetSpec(CardPart):
    """Which network, by name (nets/registry.py has them), and its arguments."""

    kind: str = "unet"
    arguments: dict[str, Any] = Field(default_factory=dict)

    @field_validator("kind")
    @classmethod
    def _known(cls, kind: str) -> str:
        if kind not in NETS:
            raise ValueError(f"the network {kind!r} is none of {', '.join(NETS)}")
        return kind


class DataSource(CardPart):
    """What a model was trained on and under which licence."""

    name: str
    split: str = ""
    images: int = 0
    licence: str = ""
    attribution: str = ""


class ScoreRow(CardPart):
    """Dice on one set: how many images, mean, median, worst, and the share of images under 0.90."""

    set: str
    n: int
    mean: float
    median: float
    worst: float
    share_under_090: float
    note: str = ""


class FindingRow(CardPart):
    """How well a finding was told on one set of n pictures, `positives` of which have it.

    auc : area under the ROC curve. sensitivity, specificity : at the threshold on the card.
    """

    set: str
    finding: str
    n: int
    positives: int
    auc: float
    sensitivity: float
    specificity: float
    note: str = ""


class ReplaySpec(CardPart):
    """The file with the replay set: its SHA-256, images for replay, and images for acceptance tests."""

    sha256: str
    replay: int = Field(ge=0)
    gate: int = Field(ge=0)


class TrainedCase(CardPart):
    """A case the model was fine-tuned on: its id, the SHA-256 of its mask, its patient as a salted hash.

    content_hash : SHA-256 of the image file, "" for layers. looks : perceptual hashes of its images as
    hexadecimal numbers, see core.leaks. By these two the case is known in other projects, where it has
    another id; cards of earlier versions lack them.
    """

    id: str
    revision: str = ""
    patient: str = ""
    content_hash: str = ""
    looks: tuple[Annotated[str, Field(pattern=r"^[0-9a-f]{1,64}$")], ...] = ()


class ModelCard(CardPart):
    """The whole truth about a model: what it is for, how to make its input and read its output, its scores.

    use : what it is for, in words; one that begins with the word "teaching" is offered nowhere and runs only
    where it is named. outputs : its answers; the channels of the network are theirs, one output after the
    other. modalities, views, body_parts : what it may be given ("CR"; "PA"; "CHEST"), () is anything. flips :
    whether the mirrored image is predicted too and averaged. frame : images are cut to the lungs, which
    another shipped model finds first; None: the whole image. chosen_by : what the weights were selected on.
    scores : of masks; finding_scores : of findings. facts : of the network, derived from it by `save_model`;
    None on cards of earlier versions. training : the settings, for the record. sha256 : of the weights file.
    memory : the images it keeps, None without. Of a fine-tuned model: trained_on : the exact masks, gate :
    how it compares with its parent.
    """

    format_version: int = FORMAT_VERSION
    name: str
    version: str = "1"
    parent: str | None = None
    title: str = ""
    use: str = ""
    outputs: tuple[Output, ...] = Field(default=(Output(),), min_length=1)
    modalities: tuple[str, ...] = ()
    views: tuple[str, ...] = ()
    body_parts: tuple[str, ...] = ()
    net: NetSpec = NetSpec()
    facts: NetworkFacts | None = None
    input: InputRule = InputRule()
    frame: LungFrame | None = None
    intensity: IntensityRule = IntensityRule("percentiles", 0.5, 99.5)
    flips: bool = False
    data: tuple[DataSource, ...] = ()
    chosen_by: str = ""
    scores: tuple[ScoreRow, ...] = ()
    finding_scores: tuple[FindingRow, ...] = ()
    limits: tuple[str, ...] = ()
    training: dict[str, Any] = Field(default_factory=dict)
    created: str = ""
    sha256: str = ""
    memory: ReplaySpec | None = None
    trained_on: tuple[TrainedCase, ...] = ()
    gate: AcceptanceReport | None = None

    @property
    def output(self) -> Output:
        """The answer that is given where none is named: the last one."""
        return self.outputs[-1]

    @property
    def for_teaching(self) -> bool:
        """Whether it is there to be looked at, not to work with: the first word of its `use` is teaching."""
        return re.match(r"teaching\b", self.use, re.IGNORECASE) is not None

    @property
    def warning(self) -> str:
        """For whoever names a model for teaching, as a sentence; "" for others."""
        if not self.for_teaching:
            return ""
        return f"The model {self.name} is for teaching: look at how it works, do not work with its results."

    @property
    def channels(self) -> tuple[str, ...]:
        """The names of the network's channels."""
        return tuple(name for output in self.outputs for name in output.channels)

    @property
    def drawing(self) -> tuple[Output, ...]:
        """The answers that are masks."""
        return tuple(output for output in self.outputs if output.task == "segmentation")

    @property
    def in_hounsfield(self) -> bool:
        """Whether the grey values of its inputs have a meaning: those of CT in a window."""
        return self.intensity.kind == "window" and "CT" in self.modalities

    def version_of(self, output: Output) -> str:
        """What stands beside the model's name where something is by one of its answers."""
        return self.version if len(self.outputs) == 1 else with_answer(self.version, output.id)

    def output_named(self, name: str | None = None) -> Output:
        """The answer with that id; "new" is the last one, as is None, and "old" the first.

        Raises UserError, which names the answers, if there is no such one.
        """
        named = {"old": self.outputs[0], "new": self.output} | {output.id: output for output in self.outputs}
        if name is None:
            return self.output
        if name not in named:
            known = ", ".join(output.id for output in self.outputs)
            raise UserError(
                f"The model {self.name} has no answer named {name}.", f"Its answers: {known}; or old and new."
            )
        return named[name]

    def channels_of(self, output: Output) -> slice:
        """Those of one of its outputs among the network's."""
        before = self.outputs[: self.outputs.index(output)]
        first = sum(len(earlier.channels) for earlier in before)
        return slice(first, first + len(output.channels))

    @property
    def mirrored_channels(self) -> list[int]:
        """For each channel of the network the one that has its place when the image is mirrored."""
        order = list(range(len(self.channels)))
        first = 0
        for output in self.outputs:
            for one, other in output.swaps:
                order[first + one], order[first + other] = first + other, first + one
            first += len(output.channels)
        return order

    def in_words(self) -> dict[str, Any]:
        """The card as JSON for other programs: with the fields of `output` on the card itself as well.

        There they have been since format 1: protocol, classes, threshold, mask_rule, likeness. And with the
        two sides of `gate` as they were there.
        """
        words: dict[str, Any] = json.loads(self.model_dump_json())  # which writes nan as JSON can
        words["gate"] = words["gate"] and with_sides(words["gate"])
        own = words["outputs"][-1]
        own |= {"classes": list(self.output.channels)}
        return words | {name: own[name] for name in ("classes", *_OF_THE_OUTPUT[:4])}

    def with_output(self, **fields: Any) -> ModelCard:
        """The same card with other fields of `output`."""
        changed = self.output.model_copy(update=fields)
        return self.model_copy(update={"outputs": (*self.outputs[:-1], changed)})

    @model_validator(mode="before")
    @classmethod
    def _one_output(cls, data: Any) -> Any:
        """Format 1, and whoever makes a card of one output: its fields are on the card itself."""
        if not isinstance(data, dict) or "outputs" in data:
            return data
        output = {name: data[name] for name in _OF_THE_OUTPUT if name in data}
        rest = {name: value for name, value in data.items() if name not in {*_OF_THE_OUTPUT, "classes"}}
        if rest.get("format_version") == 1:
            rest["format_version"] = FORMAT_VERSION
        if "classes" in data:
            output["labels"] = named_set(tuple(data["classes"]))
        return {**rest, "outputs": (output,)}

    @model_validator(mode="after")
    def _outputs_fit(self) -> ModelCard:
        ids = [output.id for output in self.outputs]
        if len(set(ids)) < len(ids):
            raise ValueError("two outputs have one id")
        if any(output.likeness for output in self.outputs) and self.input.axes != 2:
            raise ValueError("a likeness is that of images, and the model is for volumes")
        if any(output.task == "classification" for output in self.outputs) and self.input.size is None:
            raise ValueError("a classification sees the whole field: its input needs a size")
        return self

    def facts_against(self, header: Mapping[str, Any]) -> tuple[HeaderFact, ...]:
        """What an image's header (`Raster.header()`) says that this card does not expect."""
        names = ("age_years", "position", "view", "modality")
        known = {name: header[name] for name in names if name in header}
        return header_facts(self.use, self.views, self.modalities, **known)

    @field_validator("name")
    @classmethod
    def _plain_name(cls, name: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
            raise ValueError("a model's name has letters, digits, '.', '_' and '-' only")
        return name

    @field_validator("gate", mode="before")
    @classmethod
    def _present_report(cls, record: Any, card: ValidationInfo) -> Any:
        """Cards of earlier versions have two sides in their `gate`."""
        outputs = card.data.get("outputs")
        if not isinstance(record, dict) or not outputs:
            return record
        try:
            return as_evidence(record, outputs[-1].id)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("the comparison with its parent is not complete") from error
