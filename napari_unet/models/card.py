"""ModelCard: everything about a trained network but its weights. Needs no torch."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from napari_unet.core.acceptance_report import AcceptanceReport
from napari_unet.core.answered import with_answer
from napari_unet.core.errors import UserError
from napari_unet.core.header_facts import HeaderFact, header_facts
from napari_unet.core.input_check import ShapePrior
from napari_unet.core.input_rule import InputRule
from napari_unet.core.intensity import IntensityRule
from napari_unet.core.label_set import LUNGS, LabelSet, named_set
from napari_unet.core.lung_frame import LungFrame
from napari_unet.core.masks import MaskRule
from napari_unet.core.network_facts import NetworkFacts
from napari_unet.models.acceptance_record import as_evidence, with_sides
from napari_unet.nets.registry import NETS

FORMAT_VERSION = 2
_LARGEST_CARD = 16 * 2**20  # bytes
CARD_FILE = "card.json"
WEIGHTS_FILE = "weights.safetensors"
MEMORY_FILE = "memory.safetensors"
_OF_THE_OUTPUT = ("protocol", "threshold", "mask_rule", "likeness", "labels", "swaps")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


class NetSpec(_Part):
    """Which network, by name (nets/registry.py has them), and its arguments."""

    kind: str = "unet"
    arguments: dict[str, Any] = Field(default_factory=dict)

    @field_validator("kind")
    @classmethod
    def _known(cls, kind: str) -> str:
        if kind not in NETS:
            raise ValueError(f"the network {kind!r} is none of {', '.join(NETS)}")
        return kind


class FindingReference(_Part):
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


class Output(_Part):
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


class DataSource(_Part):
    """What a model was trained on and under which licence."""

    name: str
    split: str = ""
    images: int = 0
    licence: str = ""
    attribution: str = ""


class ScoreRow(_Part):
    """Dice on one set: how many images, mean, median, worst, and the share of images under 0.90."""

    set: str
    n: int
    mean: float
    median: float
    worst: float
    share_under_090: float
    note: str = ""


class FindingRow(_Part):
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


class ReplaySpec(_Part):
    """The file with the replay set: its SHA-256, images for replay, and images for acceptance tests."""

    sha256: str
    replay: int = Field(ge=0)
    gate: int = Field(ge=0)


class TrainedCase(_Part):
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


class ModelCard(_Part):
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


def read_card(folder: Path) -> ModelCard:
    """The card in a model folder. Raises UserError if it is missing, damaged, or from a newer version."""
    path = folder / CARD_FILE
    try:
        if path.stat().st_size > _LARGEST_CARD:
            raise UserError(f"The model card {path} is larger than any card.", "Install the model again.")
        return _card_of(path.read_text(encoding="utf-8"), path)
    except FileNotFoundError:
        raise UserError(
            f"{folder} is not a model: it has no {CARD_FILE}.", "Choose a model folder."
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(
            f"The model card {path} cannot be read ({error}).", "Install the model again."
        ) from error


@lru_cache(maxsize=64)
def _card_of(text: str, path: Path) -> ModelCard:
    """`read_card` of what its file says; kept, as a library reads all its cards for each image."""
    data = json.loads(text)
    version = data.get("format_version") if isinstance(data, dict) else None
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise UserError(
            f"The model {path.parent.name} was made by a newer version of U-Net Lung "
            f"(card format {version}).",
            "Update the plugin: pip install -U napari-unet-lung.",
        )
    try:
        return ModelCard.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "card"
        if not (isinstance(data, dict) and "outputs" in data):
            where = where.removeprefix("outputs.0.")
        raise UserError(
            f"The model card {path} is damaged ({where}: {first['msg'].removeprefix('Value error, ')}).",
            "Install the model again.",
        ) from error
