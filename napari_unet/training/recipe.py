"""Recipes: what is trained, with which images, and what a card says of it; checked when they are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError

from napari_unet.core.errors import UserError
from napari_unet.core.input_rule import InputRule
from napari_unet.core.intensity import IntensityRule
from napari_unet.core.label_set import LUNGS, LabelSet
from napari_unet.core.lung_frame import LungFrame
from napari_unet.core.masks import MaskRule
from napari_unet.models.card import DataSource, ModelCard, NetSpec
from napari_unet.training.config import TrainingConfig

COLUMNS = ("file", "patient", "split")  # of a manifest
_STRICT = ConfigDict(extra="forbid")  # a setting that is misspelt must not be passed over
_WRITTEN_BY_PEOPLE = {
    *("version", "parent", "title", "use", "protocol", "modalities", "views", "body_parts", "threshold"),
    *("chosen_by", "limits"),
}


@dataclass(frozen=True)
class FindingConfig:
    """A finding of a picture, and where the manifest says it: a picture has it whose cell in `column`, or in
    one of them, holds one of `values`. column : in small letters; "" is the finding's own name.
    """

    __pydantic_config__ = _STRICT

    name: str
    column: str | tuple[str, ...] = ""
    values: tuple[str, ...] = ("1",)

    def __post_init__(self) -> None:
        if not self.name or not self.values or not self.where:
            raise ValueError("a finding needs a name, and values that stand for it")

    def told_by(self, row: Mapping[str, str]) -> bool | None:
        """What a row of the manifest says; None if a cell is empty and no other says that it is there."""
        cells = [row.get(name, "").strip() for name in self.where]
        if any(cell in self.values for cell in cells):
            return True
        return False if all(cells) else None

    @property
    def where(self) -> tuple[str, ...]:
        """Its columns."""
        columns = (self.column,) if isinstance(self.column, str) else self.column
        return tuple((name or self.name).casefold() for name in columns)


@dataclass(frozen=True)
class DataConfig:
    """A source of pairs: a folder with images and their masks, named as `io.pairs` says.

    images, masks : subfolders. manifest : CSV with the columns file, patient, split (relative to `folder`);
    without one, patients are taken from the file names and split by the seed. columns : what the manifest
    calls these columns, if not so. train, val, test : names in the split column. licence and attribution go
    into the card. `$NAPARI_UNET_DATA` in a path stands for that folder.
    per_epoch : how many training images an epoch sees, drawn again for each epoch; more than there are
    repeats them; 0: each once. val_patients : patients of the train split whose images are used for
    validation instead; their IDs, or how many, drawn by the seed. val_images : how many images of the
    val split are used, of whole patients drawn by the seed; 0: all. leave_out : files that are not used, each
    with the reason. prefix : is put before patient IDs, where another source uses the same IDs for other
    people. tells : of the recipe's findings those that this manifest says, and where; the others are unknown
    in its pictures. (): all of them, as the recipe says.
    """

    __pydantic_config__ = _STRICT

    folder: str
    name: str = ""
    images: str = "images"
    masks: str = "masks"
    manifest: str | None = "manifest.csv"
    columns: dict[str, str] = field(default_factory=dict)
    train: str = "train"
    val: str = "val"
    test: str = "test"
    per_epoch: int = 0
    val_patients: int | tuple[str, ...] = 0
    val_images: int = 0
    leave_out: dict[str, str] = field(default_factory=dict)
    prefix: str = ""
    tells: tuple[FindingConfig, ...] = ()
    licence: str = ""
    attribution: str = ""

    def __post_init__(self) -> None:
        for name in ("per_epoch", "val_patients", "val_images"):
            if isinstance(value := getattr(self, name), int) and value < 0:
                raise ValueError(f"{name} must not be negative, got {value}")
        if unknown := sorted(self.columns.keys() - set(COLUMNS)):
            raise ValueError(f"columns: {unknown[0]} is none of {', '.join(COLUMNS)}")


@dataclass(frozen=True)
class ScoreConfig:
    """A set that is scored once, after the model has been chosen, for the card."""

    __pydantic_config__ = _STRICT

    data: DataConfig
    split: str = "test"
    note: str = ""


@dataclass(frozen=True)
class ReferenceConfig:
    """On which validation images the scores of findings are read (see FindingReference).

    sources : by their names. normal : the finding that normal images do not have. sensitivity : that the
    thresholds are to keep.
    """

    __pydantic_config__ = _STRICT

    sources: tuple[str, ...]
    normal: str
    sensitivity: float = 0.9

    def __post_init__(self) -> None:
        if not 0 < self.sensitivity <= 1:
            raise ValueError(f"reference.sensitivity must lie between 0 and 1, got {self.sensitivity}")


@dataclass(frozen=True)
class ReplayConfig:
    """How many images of the train split a model keeps for replay, and of val for acceptance tests."""

    __pydantic_config__ = _STRICT

    replay: int = 0
    gate: int = 0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 0:
                raise ValueError(f"memory.{name} must not be negative, got {value}")


@dataclass(frozen=True)
class Recipe:
    """A whole `train` run, as its YAML file says it.

    input : how an image becomes an input, the whole field at a size; in the file `size: [Y, X]` is enough.
    data : the sources of its images; in the file one can be given without a list. labels : what the masks
    hold, a channel of the network each. findings : instead of masks, what pictures are to be called, a
    channel each. frame : pictures are cut to the lungs, which the model that it names finds. encoder : a
    shipped model with whose encoder the network begins; "" is from scratch. withheld : findings that
    are learned and that the model does not give, each with the reason, which goes among the card's limits.
    reference : of findings, on which images their scores are read. memory : what the model keeps of
    its images. card : the fields of ModelCard that people write.
    """

    __pydantic_config__ = _STRICT

    name: str
    data: tuple[DataConfig, ...]
    input: InputRule = field(default_factory=lambda: InputRule(size=(256, 256)))
    net: NetSpec = field(default_factory=lambda: NetSpec(arguments={"base": 16}))
    labels: LabelSet = LUNGS
    findings: tuple[FindingConfig, ...] = ()
    frame: LungFrame | None = None
    encoder: str = ""
    withheld: dict[str, str] = field(default_factory=dict)
    reference: ReferenceConfig | None = None
    intensity: IntensityRule = field(default_factory=lambda: IntensityRule("percentiles", 0.5, 99.5))
    mask_rule: MaskRule = field(default_factory=MaskRule)
    flips: bool = True
    training: TrainingConfig = field(default_factory=TrainingConfig)
    scores: tuple[ScoreConfig, ...] = ()
    memory: ReplayConfig = field(default_factory=ReplayConfig)
    card: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if made := sorted(self.card.keys() - _WRITTEN_BY_PEOPLE):
            raise ValueError(f"card.{made[0]} is unknown or made by the training itself")
        if self.input.size is None or self.input.axes != 2:
            raise ValueError("input: a network is trained with whole images at a size (Y, X)")
        if not self.data:
            raise ValueError("data: a recipe needs at least one source")
        if self.findings:
            self._check_findings()
        elif self.frame is not None:
            raise ValueError("frame: only pictures with findings are cut to the lungs")

    def _check_findings(self) -> None:
        """Raises ValueError for what only masks can have."""
        names = [finding.name.casefold() for finding in self.findings]
        if len(set(names)) < len(names):
            raise ValueError("findings: each needs a name of its own")
        if any(data.manifest is None for data in self.data):
            raise ValueError("findings: they are in a manifest, and a source has none")
        told = {one.name.casefold() for data in self.data for one in data.tells or self.findings}
        if odd := sorted(told ^ set(names)):
            raise ValueError(f"findings: {odd[0]} is told by no source, or is none of the recipe's findings")
        if odd := sorted(self.withheld.keys() - {finding.name for finding in self.findings}):
            raise ValueError(f"withheld: {odd[0]} is none of the recipe's findings")
        if len(self.withheld) == len(self.findings):
            raise ValueError("withheld: no finding is left")
        known = {data.name for data in self.data}
        if self.reference is not None and (
            self.reference.normal.casefold() not in names or not known.issuperset(self.reference.sources)
        ):
            raise ValueError("reference: it names a source or a finding that the recipe has not")
        if self.memory != ReplayConfig():
            raise ValueError("memory: a model for findings keeps no images")
        if self.training.border_weights is not None or self.training.balanced_pixels:
            raise ValueError("training: findings are of whole pictures, whose pixels have no weights")


def data_source(data: DataConfig, split: str, images: int) -> DataSource:
    """What a card says about a source of which so many images of a split are used."""
    return DataSource(
        name=data.name, split=split, images=images, licence=data.licence, attribution=data.attribution
    )


def read_recipe(path: Path) -> Recipe:
    """The recipe in a YAML file. Raises UserError that names the line or the setting that is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UserError(f"The recipe {path} does not exist.", "Check the name.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"The recipe {path} cannot be read ({error}).", "Check the file.") from error
    try:
        words = yaml.safe_load(text)
        recipe = TypeAdapter(Recipe).validate_python(_in_full(words))
        ModelCard.model_validate({**recipe.card, "name": recipe.name})
        return recipe
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark else ""
        raise UserError(f"The recipe {path} is not valid YAML{line}.", "Correct that line.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        if not isinstance(words["data"] if isinstance(words, dict) and "data" in words else [], list):
            where = where.replace("data.0", "data", 1)
        raise UserError(
            f"The recipe {path}: {where}: {first['msg'].removeprefix('Value error, ')}.",
            "Correct that setting.",
        ) from error


def _in_full(words: Any) -> Any:
    """A recipe with what most give in short: a size alone, and one source without a list."""
    if not isinstance(words, dict):
        return words
    full = dict(words)
    if "size" in full and "input" not in full:
        full["input"] = {"size": full.pop("size")}
    if isinstance(full.get("data"), dict):
        full["data"] = [full["data"]]
    return full
