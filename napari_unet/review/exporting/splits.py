"""Splits by patient: what belongs together is in one of them, and stays there when others come in later."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from napari_unet.core.errors import UserError

TRAIN, VAL, TEST = "train", "val", "test"
_NAMES = (TRAIN, VAL, TEST)


@dataclass(frozen=True)
class Member:
    """What a split needs to know of a case. patient : "" if unknown; split : what a manifest said, or "".

    group : the same for cases that must not be parted though no patient joins them; "" if there are none.
    """

    case: str
    patient: str = ""
    split: str = ""
    group: str = ""


@dataclass(frozen=True)
class Ratios:
    """Shares of the patients for training, validation and test; they add up to 1."""

    train: float = 0.7
    val: float = 0.15
    test: float = 0.15

    def __post_init__(self) -> None:
        if not all(0 <= share <= 1 for share in self.shares) or not math.isclose(sum(self.shares), 1.0):
            raise ValueError(f"shares must lie in 0..1 and add up to 1, got {self.shares}")

    @property
    def shares(self) -> tuple[float, float, float]:
        """In the order train, val, test."""
        return self.train, self.val, self.test

    @classmethod
    def parse(cls, text: str) -> Ratios:
        """ "0.7,0.15,0.15" or "70,15,15" as shares. Raises ValueError with a plain sentence.

        Two shares are those of train and val.
        """
        try:
            parts = [float(part) for part in text.split(",")]
        except ValueError:
            parts = []
        if not 2 <= len(parts) <= 3 or not all(0 <= part < math.inf for part in parts) or sum(parts) <= 0:
            raise ValueError(f"{text!r} is not a split; write three shares such as 0.7,0.15,0.15.")
        whole = sum(parts)
        if not math.isclose(whole, 1) and not math.isclose(whole, 100):
            raise ValueError(f"The shares {text!r} add up to {whole:g}; they must add up to 1 (or to 100).")
        train, val, test = (part / whole for part in (*parts, 0.0)[:3])
        return cls(train, val, test)


def split_by_patient(members: Iterable[Member], ratios: Ratios, seed: int = 0) -> dict[str, str]:
    """Case id to its split; every group's cases are together, else every patient's; others count as one each.

    Give all cases of the project in the order in which they were added, whatever is exported in the end: then
    a patient's split depends only on the patients before, and stays as it is when more are added or decided.
    A split from the manifest holds for all cases of that patient. The others are drawn by the seed and the
    salted patient hash so that the shares hold at every point to within one or two patients.
    Raises UserError if the manifest has a patient in two splits.
    """
    listed = list(members)
    given = _given(listed)
    counts = dict.fromkeys(_NAMES, 0)
    drawn: dict[str, str] = {}
    for member in listed:
        key = _patient(member)
        if key not in drawn:
            drawn[key] = given.get(key) or _draw(key, ratios.shares, list(counts.values()), seed)
            if key not in given:
                counts[drawn[key]] += 1
    return {member.case: drawn[_patient(member)] for member in listed}


def _patient(member: Member) -> str:
    if member.group:
        return f"patient {member.group}"
    return f"patient {member.patient}" if member.patient else f"case {member.case}"


def _given(members: Sequence[Member]) -> dict[str, str]:
    given: dict[str, str] = {}
    torn = set()
    for member in members:
        if member.split and given.setdefault(_patient(member), member.split) != member.split:
            torn.add(_patient(member))
    if torn:
        one = len(torn) == 1
        raise UserError(
            f"{'1 patient is' if one else f'{len(torn)} patients are'} in two splits of the manifest.",
            "Keep each patient's images in one split: correct the manifest and add the images again.",
        )
    return given


def _draw(key: str, shares: Sequence[float], counts: Sequence[int], seed: int) -> str:
    """One of the splits that lag behind their share, by chance in proportion to how far."""
    total = sum(counts) + 1
    lag = [max(0.0, share * total - count) for share, count in zip(shares, counts, strict=True)]
    digest = hashlib.sha256(f"{seed} {key}".encode()).digest()
    at = int.from_bytes(digest[:8], "big") / 2**64 * sum(lag)
    for name, width in zip(_NAMES, lag, strict=True):
        if at < width:
            return name
        at -= width
    return TRAIN  # only by rounding
