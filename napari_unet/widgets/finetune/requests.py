"""What is asked of the engine in which models are trained and tested."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from napari_unet.core.training_pair import TrainingPair
from napari_unet.review.types import Case
from napari_unet.training.adapt_config import AdaptConfig
from napari_unet.widgets.common.preferences import chosen_library, preferences


@dataclass(frozen=True)
class TrainingRequest:
    """What is to be trained, as it was chosen.

    names : of the cases for people ("Case 7"), by the pair's id. parent : folder of the model to begin with,
    parent_name : what it is called. config : None for a preset. protocol : what counts as lung in the pairs'
    masks, "" if nobody said. same_protocol : whether that is the model's protocol too. untouched : images
    without a mask by a person, on which the new model is looked at.
    """

    pairs: Sequence[TrainingPair]
    names: Mapping[str, str]
    parent: Path
    parent_name: str
    name: str
    preset: str
    config: AdaptConfig | None = None
    protocol: str = ""
    same_protocol: bool = True
    untouched: Sequence[TrainingPair] = ()
    kind: ClassVar[str] = "finetune"

    @property
    def patients(self) -> int:
        """How many people the pairs are of, as far as that is known."""
        return len({pair.group for pair in self.pairs})

    def in_words(self, text: str) -> str:
        """`text` with the names of cases in place of their ids."""
        return _named(text, self.names)

    def arguments(self) -> dict[str, Any]:
        """For the engine."""
        return {
            "pairs": list(self.pairs),
            "parent": str(self.parent),
            "name": self.name,
            "preset": self.preset,
            "config": self.config,
            "protocol": self.protocol,
            "same_protocol": self.same_protocol,
            "untouched": list(self.untouched),
            **on_this_computer(),
        }


@dataclass(frozen=True)
class RetestRequest:
    """A fine-tuned model that is to be tested against its parent, as a new one is tested.

    model : its folder, name : what it is called, parent_name : what it was made from. names, untouched : as
    in `TrainingRequest`.
    """

    model: Path
    name: str
    parent_name: str
    names: Mapping[str, str]
    untouched: Sequence[TrainingPair] = ()
    pairs: ClassVar[Sequence[TrainingPair]] = ()
    kind: ClassVar[str] = "retest"

    def in_words(self, text: str) -> str:
        """`text` with the names of cases in place of their ids."""
        return _named(text, self.names)

    def arguments(self) -> dict[str, Any]:
        """For the engine."""
        return {
            "model": str(self.model),
            "untouched": list(self.untouched),
            **on_this_computer(),
        }


Request = TrainingRequest | RetestRequest


def on_this_computer() -> dict[str, Any]:
    """The arguments that follow from the preferences."""
    chosen = preferences()
    return {"device": chosen.device, "threads": chosen.threads, "library": chosen_library()}


def names_of(pairs: Iterable[TrainingPair], cases: Mapping[str, Case]) -> dict[str, str]:
    """What cases of a project are called for people, by the pair's id."""
    return {pair.id: f"Case {cases[pair.id].number}" if pair.id in cases else "A case" for pair in pairs}


def _named(text: str, names: Mapping[str, str]) -> str:
    for id, name in names.items():
        text = text.replace(f"Case {id}", name).replace(f"case {id}", name[:1].lower() + name[1:])
        text = text.replace(id, name)
    return text
