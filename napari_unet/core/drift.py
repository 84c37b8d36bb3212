"""Drift: how far a new model's masks are from its parent's, where no reference says which are right."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import isnan

import numpy as np

from napari_unet.core.chest_zones import ChestZones, Zone, at_zone_size, chest_zones
from napari_unet.core.mask_leaks import mask_leaks
from napari_unet.core.wording import counted

_HARDLY = 0.005  # of the lungs' area: a change that needs no reason


@dataclass(frozen=True)
class DriftCase:
    """One image by both models.

    Parameters
    ----------
    id : str
        Id of the case, or the name of an image that ships with the package.
    dice : float
        Of the new mask against the parent's.
    zones : tuple of (str, float)
        What changed in each zone of the chest, by the zone's name, as share of the lungs' area in the
        parent's mask. Empty where the parent's mask does not have two lungs.
    leaks : tuple of float
        Shares of the lungs' area; see `core.mask_leaks`.
    checks : tuple of str
        Codes of the anatomy checks that fail for the new mask and did not for the parent's.
    """

    id: str
    dice: float
    zones: tuple[tuple[str, float], ...] = ()
    leaks: tuple[float, ...] = ()
    checks: tuple[str, ...] = ()

    def reason(self, asked: Collection[Zone] = ()) -> str:
        """Why the masks differ, in words. asked : the zones in which the user's protocol differs."""
        said = [f"a new part outside the lungs ({share:.0%} of their area): leak" for share in self.leaks]
        if self.checks:
            said.append(f"newly fails the check{'s' * (len(self.checks) > 1)} {', '.join(self.checks)}")
        changed = dict(self.zones)
        total = sum(changed.values())
        if total >= _HARDLY:
            name = max(changed, key=lambda zone: changed[zone])
            zone = Zone[name]
            own = ": your protocol" if zone in asked else ""
            said.append(f"{changed[name] / total:.0%} of the change lies {zone.words}{own}")
        return "; ".join(said).replace("%", " %")


@dataclass(frozen=True)
class Drift:
    """The images of one place. place : as in "on your untouched images". cases : in any order."""

    place: str
    cases: tuple[DriftCase, ...]

    @property
    def dice(self) -> float:
        """The mean over the images in which a model found something; nan if there are none."""
        known = [case.dice for case in self.cases if not isnan(case.dice)]
        return float(np.mean(known)) if known else float("nan")

    def most_changed_first(self) -> tuple[DriftCase, ...]:
        """The cases, those with a leak first, then by how much they changed."""
        return tuple(sorted(self.cases, key=lambda case: (-len(case.leaks), _or_last(case.dice))))

    def objections(self) -> tuple[str, ...]:
        """What speaks against the new model, as in "1 of 16 travel images has a leak"; () if nothing does."""
        leaking = sum(bool(case.leaks) for case in self.cases)
        failing = sum(bool(case.checks) for case in self.cases)
        of = f"of {len(self.cases)} on {self.place}"
        found = []
        if leaking:
            found.append(f"a leak in {leaking} {of}")
        if failing:
            found.append(f"checks newly fail in {failing} {of}")
        return tuple(found)

    def words(self) -> str:
        """As in "0.93 on the travel set (16 images)"."""
        return f"{self.dice:.2f} on {self.place} ({counted(len(self.cases), 'image')})"


def drift_case(
    id: str,
    old: np.ndarray,
    new: np.ndarray,
    *,
    in_zones: bool = True,
    aspect: float = 1.0,
    checks: Sequence[str] = (),
) -> DriftCase:
    """Compare two masks of one image, bool (Y, X) or (Z, Y, X).

    in_zones : whether they are the lungs of a chest X-ray; of others, and of stacks, only the Dice is
    measured. aspect : height of a pixel divided by its width. checks : as in DriftCase.
    """
    from napari_unet.core.metrics import dice  # scipy.spatial, which no card needs in order to be read

    share = dice(new, old)
    chest = None
    if in_zones and old.ndim == 2:
        old, new = at_zone_size(old), at_zone_size(new)
        chest = chest_zones(old, aspect)
    if chest is None:
        return DriftCase(id, share, checks=tuple(checks))
    around = chest_zones(new, aspect)
    added = np.bincount(chest.zones[new & ~old], minlength=len(Zone))
    lost = _lost(old & ~new, around)
    changed = (added + lost) / int(chest.lungs.sum())
    zones = tuple((zone.name, round(float(changed[zone]), 4)) for zone in Zone if zone is not Zone.LUNG)
    leaks = tuple(round(leak.share, 4) for leak in mask_leaks(chest, new))
    return DriftCase(id, share, zones, leaks, tuple(checks))


def _lost(pixels: np.ndarray, around: ChestZones | None) -> np.ndarray:
    """Lost pixels in each zone of the new mask; in the lung field, if that has no two lungs."""
    zones = np.full(pixels.shape, Zone.FIELD, np.uint8) if around is None else around.zones
    return np.bincount(zones[pixels], minlength=len(Zone))


def _or_last(value: float) -> float:
    return float("inf") if isnan(value) else value
