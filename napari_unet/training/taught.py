"""What has taught a model: cases it was fitted to, known again in any project, and images it remembers.

A case's id and its patient's hash are salted by each project; what tells a case in another one is its file's
SHA-256 and its look (core/leaks.py). Neither says whose image it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from napari_unet.core.leaks import Known, find_leaks
from napari_unet.models.card import ModelCard
from napari_unet.models.memory import Memory


@dataclass(frozen=True)
class Taught:
    """known : what is known of each image that has taught a model. name : the model's.

    unknown : cases of which an earlier version kept neither file nor look; in another project than their own
    they are not found again.
    """

    name: str
    known: tuple[Known, ...]
    unknown: int = 0

    def has(self, looks: Sequence[Known]) -> bool:
        """Whether a case, of one image or several slices, or another one of its patient, is among them."""
        ids = {known.id for known in self.known if known.id}
        return any(look.id in ids for look in looks) or bool(find_leaks(self.known, looks))

    def count(self, cases: Sequence[Sequence[Known]]) -> int:
        """How many cases are among them; one that stands beside them through a patient or a look counts."""
        return sum(self.has(looks) for looks in cases)

    def sentence(self) -> str:
        """What cannot be known, "" if all can."""
        if not self.unknown:
            return ""
        cases = f"{self.unknown} case" + "s" * (self.unknown != 1)
        return (
            f"{self.name} was made by an earlier version, which kept neither file nor look of {cases} that "
            "have taught it: in another project than their own they are not recognised."
        )


def taught_by(card: ModelCard, memory: Memory | None) -> Taught:
    """What a model knows from its training, by its card and by what it remembers, if that is there."""
    items = () if memory is None else memory.items
    known = [Known("", item.patient, item.content_hash, item.phash or None) for item in items]
    for case in card.trained_on:
        known.append(Known(case.id, case.patient, case.content_hash))
        known += [Known("", phash=int(look, 16)) for look in case.looks]
    bare = Counter(case.patient for case in card.trained_on if not (case.content_hash or case.looks))
    kept = Counter(patient for patient, _ in {(item.patient, item.content_hash) for item in items})
    return Taught(card.name, tuple(known), sum((bare - kept).values()))
