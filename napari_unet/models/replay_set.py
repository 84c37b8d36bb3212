"""The replay set of a model: a few images with their masks, so that a fine-tune can replay and test them.

They lie in `memory.safetensors` in the model folder, as the model sees them. Needs no torch.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from napari_unet.core.errors import UserError
from napari_unet.core.labels import IGNORE, RIGHT, values_in
from napari_unet.models.card import DataSource, ReplaySpec
from napari_unet.models.library import ModelEntry

Role = Literal["replay", "gate"]
_NAMES = {RIGHT: "lungs", IGNORE: "ignored"}  # of the planes of labels in the file; others are their value


@dataclass(frozen=True)
class ReplayItem:
    """Where an image comes from, without names.

    role : "replay" goes into training, "gate" only tests. patient : salted hash, "" if unknown.
    content_hash : SHA-256 of the image file, "" for layers. phash : see core.leaks. source : name of the
    DataSource. output : id of the model's answer whose protocol the mask follows, "" for the last one.
    """

    role: Role
    patient: str = ""
    content_hash: str = ""
    phash: int = 0
    source: str = ""
    output: str = ""

    def follows(self, output: str) -> bool:
        """Whether the mask follows the protocol of this output, if that may be the last one."""
        return self.output in ("", output)


@dataclass(frozen=True)
class ReplaySet:
    """Images uint8 (N, Y, X), 0..255 for the 0..1 of the card's IntensityRule, at the card's input size.

    Where the model sees neighbours of a slice, images are (N, K, Y, X). labels : uint8 (N, Y, X): 0, the
    values of the card's labels, IGNORE. items : one an image. sources : with licence and attribution.
    Raises ValueError if they do not fit together.
    """

    images: np.ndarray
    labels: np.ndarray
    items: tuple[ReplayItem, ...]
    sources: tuple[DataSource, ...] = ()

    def __post_init__(self) -> None:
        count, *size = self.labels.shape
        if self.images.ndim not in (3, 4) or self.images.shape != (count, *self.images.shape[1:-2], *size):
            raise ValueError(f"images {self.images.shape} and labels {self.labels.shape} do not fit")
        if 0 in self.images.shape[1:]:
            raise ValueError("images have no pixels")
        if len(self.items) != len(self.images):
            raise ValueError(f"there are {len(self.images)} images and {len(self.items)} items")
        if self.images.dtype != np.uint8 or self.labels.dtype != np.uint8:
            raise ValueError(f"images and labels are uint8, got {self.images.dtype}, {self.labels.dtype}")

    @classmethod
    def of(
        cls,
        images: np.ndarray,
        labels: np.ndarray,
        items: tuple[ReplayItem, ...],
        sources: tuple[DataSource, ...],
    ) -> ReplaySet:
        """Of inputs as a network sees them, float (N, K, Y, X) in 0..1."""
        stored = np.rint(images * 255).astype(np.uint8)
        return cls(stored if stored.shape[1] > 1 else stored[:, 0], labels, items, sources)

    def __len__(self) -> int:
        return len(self.items)

    def part(self, role: Role) -> ReplaySet:
        """What is replayed, or what tests; all sources stay."""
        return self.subset([k for k, item in enumerate(self.items) if item.role == role])

    def subset(self, chosen: list[int]) -> ReplaySet:
        """Some of it, in that order; all sources stay."""
        index = np.asarray(chosen, np.intp)
        items = tuple(self.items[k] for k in chosen)
        return replace(self, images=self.images[index], labels=self.labels[index], items=items)

    def answered(self, output: str) -> ReplaySet:
        """The same for a model that has one more answer: `output` was the last one before."""
        items = tuple(replace(item, output=item.output or output) for item in self.items)
        return replace(self, items=items)

    def joined(self, other: ReplaySet) -> ReplaySet:
        """This one followed by another of the same image size."""
        return ReplaySet(
            np.concatenate([self.images, other.images]),
            np.concatenate([self.labels, other.labels]),
            self.items + other.items,
            tuple(dict.fromkeys(self.sources + other.sources)),
        )

    def spec(self, sha256: str) -> ReplaySpec:
        """What the card says about it. sha256 : of the file."""
        roles = [item.role for item in self.items]
        return ReplaySpec(sha256=sha256, replay=roles.count("replay"), gate=roles.count("gate"))


def write_replay_set(replay_set: ReplaySet, path: Path) -> None:
    """Writes the file; each label takes a bit a pixel. Raises OSError or SafetensorError."""
    tensors = {"images": np.ascontiguousarray(replay_set.images)}
    for value in {*_NAMES, *values_in(replay_set.labels)} - {0}:
        tensors[_NAMES.get(value, str(value))] = np.packbits(replay_set.labels == value, axis=-1)
    words = {
        "items": [_words(item) for item in replay_set.items],
        "sources": [source.model_dump() for source in replay_set.sources],
    }
    save_file(tensors, path, metadata={"memory": json.dumps(words)})


def read_replay_set(entry: ModelEntry) -> ReplaySet | None:
    """The replay set of a model, None if it has none.

    Raises UserError if the file is missing, is not the one of the card, or holds no replay set.
    """
    if entry.card.memory is None:
        return None
    entry.verify_replay_set()
    try:
        replay_set = _read(entry.replay_file)
        if replay_set.spec(entry.card.memory.sha256) != entry.card.memory:
            raise ValueError("not as many images as the card says")
        if entry.card.input.size is not None and replay_set.labels.shape[1:] != entry.card.input.size:
            raise ValueError("not of the card's size")
        if (replay_set.images.shape[1] if replay_set.images.ndim == 4 else 1) != entry.card.input.channels:
            raise ValueError("not with the card's channels")
        if entry.card.output.labels.strays(replay_set.labels):
            raise ValueError("not with the card's labels")
        return replay_set
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, ValidationError) as error:
        raise UserError(
            f"The replay set of the model {entry.card.name} cannot be read.", "Install the model again."
        ) from error


def _read(path: Path) -> ReplaySet:
    with safe_open(path, framework="numpy") as file:
        words = json.loads(file.metadata()["memory"])
        images = file.get_tensor("images")
        planes = {name: file.get_tensor(name) for name in {*_NAMES.values(), *file.keys()} - {"images"}}
    height, width = images.shape[-2:]
    labels = np.zeros((len(images), height, width), np.uint8)
    for value in range(1, IGNORE + 1):
        part = planes.pop(_NAMES.get(value, str(value)), None)
        if part is None:
            continue
        if part.shape != (len(images), height, -(-width // 8)):
            raise ValueError("images and masks differ in size")
        labels[np.unpackbits(part, axis=-1, count=width) > 0] = value
    if planes:
        raise ValueError("planes of no label")
    items = tuple(_item(item) for item in words["items"])
    sources = tuple(DataSource.model_validate(source) for source in words["sources"])
    return ReplaySet(images, labels, items, sources)


def _words(item: ReplayItem) -> dict[str, Any]:
    """As JSON; without `output` where it is not stated, as in files of earlier versions."""
    words = asdict(item) | {"phash": f"{item.phash:x}"}
    return words if item.output else {name: value for name, value in words.items() if name != "output"}


def _item(words: dict[str, Any]) -> ReplayItem:
    return TypeAdapter(ReplayItem).validate_python(words | {"phash": int(words["phash"], 16)})
