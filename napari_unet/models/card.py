"""ModelCard: everything about a trained network but its weights. Needs no torch."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from napari_unet.core.errors import UserError
from napari_unet.core.gate import LARGEST, Likeness
from napari_unet.core.gate_report import GateReport
from napari_unet.core.intensity import IntensityRule
from napari_unet.core.masks import MaskRule

FORMAT_VERSION = 1
_FINEST, _COARSEST = 0.005, 50.0  # mm of a pixel
_LARGEST_CARD = 16 * 2**20  # bytes
CARD_FILE = "card.json"
WEIGHTS_FILE = "weights.safetensors"
MEMORY_FILE = "memory.safetensors"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


class NetSpec(_Part):
    """Which network, by name (nets/registry.py has them), and its arguments."""

    kind: str = "unet"
    arguments: dict[str, Any] = Field(default_factory=dict)


class InputSpec(_Part):
    """How an image becomes an input: the whole field at a fixed size, at a spacing, or as it is.

    size : (Y, X), the whole image is resized to it. spacing_mm : (Y, X), resampled to it and tiled. Neither:
    native pixels, tiled. At most one of the two is set.
    """

    size: tuple[int, int] | None = None
    spacing_mm: tuple[float, float] | None = None

    @model_validator(mode="after")
    def _one_rule(self) -> InputSpec:
        if self.size is not None and self.spacing_mm is not None:
            raise ValueError("an input has a size or a spacing, not both")
        if self.size is not None and not all(1 <= n <= LARGEST for n in self.size):
            raise ValueError(f"a size has 1 to {LARGEST} pixels a side")
        if self.spacing_mm is not None and not all(_FINEST <= n <= _COARSEST for n in self.spacing_mm):
            raise ValueError(f"a spacing is {_FINEST} to {_COARSEST} mm")
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


class MemorySpec(_Part):
    """The file with what a model remembers: its SHA-256, images for replay, and images for the gate."""

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

    protocol : what its masks include, in words. modalities, views, body_parts : what it may be
    given ("CR"; "PA"; "CHEST"), () is anything.
    flips : whether the mirrored image is predicted too and averaged. likeness : how its masks look, for the
    input gate. chosen_by : what the weights were selected on. training : the settings, for the record.
    sha256 : of the weights file. Of a fine-tuned model: trained_on : the exact masks, gate : how it compares
    with its parent. memory : the images it keeps, None without.
    """

    format_version: int = FORMAT_VERSION
    name: str
    version: str = "1"
    parent: str | None = None
    title: str = ""
    use: str = ""
    protocol: str = ""
    modalities: tuple[str, ...] = ()
    views: tuple[str, ...] = ()
    body_parts: tuple[str, ...] = ()
    classes: tuple[str, ...] = Field(default=("lung",), min_length=1)
    net: NetSpec = NetSpec()
    input: InputSpec = InputSpec()
    intensity: IntensityRule = IntensityRule("percentiles", 0.5, 99.5)
    threshold: float = Field(default=0.5, gt=0, lt=1)
    mask_rule: MaskRule = MaskRule()
    flips: bool = False
    likeness: Likeness | None = None
    data: tuple[DataSource, ...] = ()
    chosen_by: str = ""
    scores: tuple[ScoreRow, ...] = ()
    limits: tuple[str, ...] = ()
    training: dict[str, Any] = Field(default_factory=dict)
    created: str = ""
    sha256: str = ""
    memory: MemorySpec | None = None
    trained_on: tuple[TrainedCase, ...] = ()
    gate: GateReport | None = None

    @field_validator("name")
    @classmethod
    def _plain_name(cls, name: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
            raise ValueError("a model's name has letters, digits, '.', '_' and '-' only")
        return name

    @field_validator("gate", mode="before")
    @classmethod
    def _present_gate(cls, gate: Any) -> Any:
        """Cards of earlier days have a list in their gate that was always empty."""
        return {key: gate[key] for key in gate if key != "leaks"} if isinstance(gate, dict) else gate


def read_card(folder: Path) -> ModelCard:
    """The card in a model folder. Raises UserError if it is missing, damaged, or from a newer version."""
    path = folder / CARD_FILE
    try:
        if path.stat().st_size > _LARGEST_CARD:
            raise UserError(f"The model card {path} is larger than any card.", "Install the model again.")
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(
            f"{folder} is not a model: it has no {CARD_FILE}.", "Choose a model folder."
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(
            f"The model card {path} cannot be read ({error}).", "Install the model again."
        ) from error
    version = data.get("format_version") if isinstance(data, dict) else None
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise UserError(
            f"The model {folder.name} was made by a newer version of U-Net Lung (card format {version}).",
            "Update the plugin: pip install -U napari-unet-lung.",
        )
    try:
        return ModelCard.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "card"
        raise UserError(
            f"The model card {path} is damaged ({where}: {first['msg'].removeprefix('Value error, ')}).",
            "Install the model again.",
        ) from error
