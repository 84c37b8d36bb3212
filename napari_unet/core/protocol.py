"""What counts as lung: a model's protocol and a project's, in words and as their masks show it."""

from __future__ import annotations

from dataclasses import dataclass


def protocols_differ(one: str, other: str) -> bool:
    """Whether two protocols say different things; False where one of them is not known."""
    return bool(one.strip() and other.strip()) and _plain(one) != _plain(other)


@dataclass(frozen=True)
class ProtocolQuestion:
    """Whether corrected masks follow the protocol of the model whose masks they correct.

    Parameters
    ----------
    yours, theirs : str
        The protocols of the masks and of the model, in words. "" where nobody said.
    measured : str
        Where the masks differ, in a sentence.
    zones_differ : bool
        Whether they differ in whole zones of the chest, and not only along the border.
    """

    yours: str
    theirs: str
    measured: str = ""
    zones_differ: bool = False

    @property
    def open(self) -> bool:
        """Whether a person has to answer it: the words differ, or the masks do."""
        return self.zones_differ or protocols_differ(self.yours, self.theirs)

    def asked_of(self, model: str) -> str:
        """The question as a sentence; `model` is the one whose masks were corrected."""
        return f"Your masks may follow another protocol than the model {model}."

    def in_lines(self) -> tuple[str, ...]:
        """What is known, in sentences: each protocol, and what was measured."""
        told = (
            f"Protocol of your masks: {_quoted(self.yours)}",
            f"Protocol of the model: {_quoted(self.theirs)}",
            self.measured,
        )
        return tuple(filter(None, told))


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip(".")


def _quoted(text: str) -> str:
    return f"“{text.strip().rstrip('.')}”." if text.strip() else "not stated."
