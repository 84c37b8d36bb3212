"""What has taught a model: cases it was fitted to, known again in any project, and images of its replay set.

A case's id and its patient's hash are salted by each project; in another one a case is known by its file's
SHA-256 and its look (core/leaks.py). Neither says whose image it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from napari_unet.core.leaks import Fingerprint, find_leaks
from napari_unet.models.card import ModelCard, TrainedCase
from napari_unet.models.replay_set import ReplaySet


@dataclass(frozen=True)
class Taught:
    """fingerprints : of each image that has taught a model. name : the model's.

    unknown : cases of which an earlier version kept neither file nor look; in another project than their own
    they are not found again.
    """

    name: str
    fingerprints: tuple[Fingerprint, ...]
    unknown: int = 0

    def has(self, images: Sequence[Fingerprint]) -> bool:
        """Whether a case, of one image or several slices, or another one of its patient, is among them."""
        ids = {one.id for one in self.fingerprints if one.id}
        return any(image.id in ids for image in images) or bool(find_leaks(self.fingerprints, images))

    def count(self, cases: Sequence[Sequence[Fingerprint]]) -> int:
        """How many cases are among them; one that belongs to them through a patient or a look counts."""
        return sum(self.has(images) for images in cases)

    def sentence(self) -> str:
        """What cannot be known, "" if all can."""
        if not self.unknown:
            return ""
        cases = f"{self.unknown} case" + "s" * (self.unknown != 1)
        return (
            f"{self.name} was made by an earlier program version, which did not record the files or "
            f"appearance of {cases} used to train it: they are recognised only in their own project."
        )


def taught_by(card: ModelCard, replay_set: ReplaySet | None) -> Taught:
    """What a model knows from its training, by its card and by its replay set, if it has one."""
    items = () if replay_set is None else replay_set.items
    fingerprints = [Fingerprint("", item.patient, item.content_hash, item.phash or None) for item in items]
    fingerprints += _of_cases(card.trained_on)
    bare = Counter(case.patient for case in card.trained_on if not (case.content_hash or case.looks))
    kept = Counter(patient for patient, _ in {(item.patient, item.content_hash) for item in items})
    return Taught(card.name, tuple(fingerprints), sum((bare - kept).values()))


def taught_last(card: ModelCard) -> list[Fingerprint]:
    """The images that the last fine-tune of a model has learned from, by its card.

    A card names the cases of all fine-tunes, the last one's at the end; as its last source says, these are so
    many images, and so at most as many cases: of stacks some cases of earlier ones may be among them.
    """
    images = card.data[-1].images if card.data else 0
    return _of_cases(card.trained_on[-images:] if images else ())


def _of_cases(cases: Sequence[TrainedCase]) -> list[Fingerprint]:
    found = []
    for case in cases:
        found.append(Fingerprint(case.id, case.patient, case.content_hash))
        found += [Fingerprint("", phash=int(look, 16)) for look in case.looks]
    return found
