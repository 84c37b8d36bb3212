"""AcceptanceReport: a new model against the one it was made from, and what the evidence means in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import isnan

from napari_unet.core.chest_zones import Zone
from napari_unet.core.drift import Drift
from napari_unet.core.evidence import Evidence, Movement
from napari_unet.core.evidence_metrics import DICE

_LEVEL = 0.05


@dataclass(frozen=True)
class AcceptanceReport:
    """A new model against its parent. evidence : at least one piece; the order has a meaning.

    The first piece names the place where the new model is to be better and the output that is to be: the
    user's cases, each scored by a model that was not trained on its patient, and the answer they use. At all
    other places what the parent could is to be kept. What judges:

    - At the first place the first output, by metrics that judge. It is to be better as a whole; where it has
      no whole (findings), in one of its parts, each tested at 0.05 / their number. No part may be harmed.
    - At the others every output that the parent has too: none may be harmed, as a whole or in a part.

    The rest informs.

    drift : where the new masks were compared with the parent's only, as no reference says which are right. It
    informs; a leak, and a check of the user's own images that newly fails, speak against the new model.
    asked : names of the zones in which the user's masks follow another protocol. difference : what was
    measured about that, as a sentence.
    """

    parent: str
    child: str
    evidence: tuple[Evidence, ...]
    drift: tuple[Drift, ...] = ()
    asked: tuple[str, ...] = ()
    difference: str = ""

    def __post_init__(self) -> None:
        if not self.evidence:
            raise ValueError("a report needs evidence")

    @property
    def places(self) -> tuple[str, ...]:
        """In the order of the evidence."""
        return tuple(dict.fromkeys(one.place for one in self.evidence))

    def at(self, place: str) -> tuple[Evidence, ...]:
        """All evidence of one place."""
        return tuple(one for one in self.evidence if one.place == place)

    @property
    def to_improve(self) -> tuple[Evidence, ...]:
        """What is to be better: the first output at the first place, as a whole or in its parts."""
        return _wholes(tuple(one for one in self._judging if one.place == self.places[0]))

    @property
    def kept(self) -> tuple[Evidence, ...]:
        """What is to be kept at the other places: each output as a whole, or its parts."""
        found: list[Evidence] = []
        for place in self.places[1:]:
            here = [one for one in self._judging if one.place == place]
            for output in dict.fromkeys(one.output for one in here):
                found += _wholes(tuple(one for one in here if one.output == output))
        return tuple(found)

    @property
    def harmed(self) -> tuple[Evidence, ...]:
        """What lost more than it may, tested or not: a loss is not excused by chance."""
        return tuple(one for one in self._judging if one.harmed)

    @property
    def forgets(self) -> bool:
        """Whether something is harmed that is to be kept."""
        return any(one.place != self.places[0] for one in self.harmed)

    @property
    def passed(self) -> bool:
        """Better at the first place and nothing harmed."""
        return Movement.BETTER in self._movements and not self.harmed and not self.objections

    @property
    def undecided(self) -> bool:
        """Nothing but chance stands between this model and `passed`."""
        spoken_against = self.harmed or self.objections
        return not self.passed and Movement.PERHAPS_BETTER in self._movements and not spoken_against

    @property
    def objections(self) -> tuple[str, ...]:
        """Damage where there is no reference, in words."""
        return tuple(objection for place in self.drift for objection in place.objections())

    @property
    def asked_zones(self) -> frozenset[Zone]:
        """As `asked`; a name from a newer version is ignored."""
        return frozenset(Zone[name] for name in self.asked if name in Zone.__members__)

    def judgement(self) -> str:
        """Plain sentences for people about quality, and about what speaks against the new model."""
        parts = [self._first(one, moved) for one, moved in zip(self.to_improve, self._movements, strict=True)]
        parts += [self._kept(one) for one in self.kept if one.tested]
        parts += [self._harm(one) for one in self.harmed if one not in (*self.to_improve, *self.kept)]
        sentences = [", ".join(parts) or "not tested"]
        if self.objections:
            sentences.append("found " + ", ".join(self.objections))
        return _as_sentences(sentences)

    def verdict(self) -> str:
        """The judgement, and a sentence about what else was looked at."""
        sentences = []
        if looked_at := [place for place in self.drift if not isnan(place.dice)]:
            alike = ", ".join(place.words() for place in looked_at)
            sentences.append(f"drift, as Dice against {self.parent}: {alike}")
        return f"{self.judgement()} {_as_sentences(sentences)}".rstrip()

    def remarks(self) -> tuple[str, ...]:
        """Sentences about outputs that the parent has not, and evidence that has cases and no answer."""
        new = {one.output: one.against for one in self.evidence if one.against}
        said = [
            f"{self.parent} has no answer {output}: its answer {against} was compared."
            for output, against in new.items()
        ]
        said += [self.difference] if self.difference else []
        return tuple(dict.fromkeys((*said, *(one.missing for one in self.evidence if one.missing))))

    @property
    def _movements(self) -> tuple[Movement, ...]:
        to_improve = self.to_improve
        return tuple(one.moved(_LEVEL / len(to_improve)) for one in to_improve)

    @property
    def _judging(self) -> tuple[Evidence, ...]:
        first = self.evidence[0]
        return tuple(
            one
            for one in self.evidence
            if one.judges and (one.output == first.output if one.place == first.place else not one.against)
        )

    def _first(self, one: Evidence, moved: Movement) -> str:
        if not one.tested:
            return f"not tested{self._what(one)} on {one.place}"
        of = f"{len(one.compared)} case" + "s" * (len(one.compared) != 1)
        if one.patients < len(one.compared):
            of += f" of {one.patients} patient" + "s" * (one.patients != 1)
        figures = f"{one.old:.2f} → {one.new:.2f}, {one.wins} of {of}"
        return f"{moved}{self._what(one)} on {one.place} ({figures})"

    def _kept(self, one: Evidence) -> str:
        if one.harmed:
            return self._harm(one)
        change = one.change.replace("worse", "slightly worse")  # a loss that matters is reported elsewhere
        return f"{change}{self._what(one)} on {one.place} ({_signed(one)})"

    def _harm(self, one: Evidence) -> str:
        return f"worse{self._what(one)} on {one.place} ({_signed(one)})"

    def _what(self, one: Evidence) -> str:
        """Which part of the model, where there are several."""
        metric = "" if one.metric == DICE.name else f" by {one.rules.title}"
        label = f" for {one.label}" if one.label else ""
        several = len({other.output for other in self.evidence}) > 1
        return label + (f" in answer {one.output}" if several else "") + metric


def _wholes(evidence: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
    return tuple(one for one in evidence if not one.label) or evidence


def _as_sentences(texts: Iterable[str]) -> str:
    return " ".join(f"{text[:1].upper()}{text[1:]}." for text in texts)


def _signed(one: Evidence) -> str:
    return f"{one.new - one.old:+.3f}".replace("-", "−")
