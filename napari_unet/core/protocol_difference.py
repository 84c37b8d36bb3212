"""Where corrected masks differ from those of a model: along the border, or in whole zones of the chest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from napari_unet.core.chest_zones import Zone, at_zone_size, chest_zones
from napari_unet.core.wording import counted, listed

SHARE = 0.01
"""Of the lungs' area: from this on, a zone can count as changed in a case."""

PARTS = {Zone.HEART: 0.25, Zone.DOME: 0.05, Zone.HILUM: 0.25, Zone.APEX: 0.25}
"""Zones that a protocol includes or leaves out, and which part of one must change to count in a case.

Of the dome little: lung hides behind its upper part only. In other zones a correction mends a mistake.
"""

CASES = 1 / 3
"""Share of the cases in which a zone must change for protocols to differ; at least two, where there are two.

All three were chosen on masks of cxr-lung against references: with `cxr/covid` adapt the heart changes in all
cases and the dome in 0.57; with `cxr/montgomery` val, also under the six simulated machines, and with borders
moved by up to 6 % of the chest's width, no zone changes in more than 0.1.
"""

_HARDLY = 0.005  # of the lungs' area


@dataclass(frozen=True)
class InZones:
    """How much of something lies in each Zone. areas : as share of the lungs' area. parts : of the zone."""

    areas: tuple[float, ...]
    parts: tuple[float, ...]

    def changed(self, zone: Zone) -> bool:
        """Whether that is more than a correction of the border."""
        return self.areas[zone] >= SHARE and self.parts[zone] >= PARTS.get(zone, 0.0)


@dataclass(frozen=True)
class CaseDifference:
    """One case: what the correction added to the model's mask, and what it removed."""

    added: InZones
    removed: InZones


@dataclass(frozen=True)
class ZoneDifference:
    """What the corrected masks do in one zone.

    adds : whether they add it; False if they leave it out. cases : in which they do, of all `of` measured
    ones. share : mean share of the lungs' area in those cases.
    """

    zone: Zone
    adds: bool
    cases: int
    of: int
    share: float

    @property
    def found(self) -> bool:
        """Whether this is a difference of protocols, and not of single cases."""
        enough = self.cases >= max(CASES * self.of, min(2, self.of))
        return self.zone in PARTS and self.cases > 0 and enough

    def words(self) -> str:
        """As in "add the lung behind the heart in 7 of 8 cases"."""
        verb = "add" if self.adds else "leave out"
        return f"{verb} the lung {self.zone.words} in {self.cases} of {counted(self.of, 'case')}"


@dataclass(frozen=True)
class ProtocolDifference:
    """Of some cases. zones : what happens in each zone, the most frequent first; without what never happens.

    border : mean share of the lungs' area that changes along the border. cases : that were measured.
    unmeasured : that have no two lungs in one of the masks.
    """

    zones: tuple[ZoneDifference, ...]
    border: float
    cases: int
    unmeasured: int = 0

    @property
    def found(self) -> tuple[ZoneDifference, ...]:
        """The zones in which the protocols differ."""
        return tuple(zone for zone in self.zones if zone.found)

    @property
    def differs(self) -> bool:
        """Whether the corrected masks follow another protocol, as far as masks can tell."""
        return bool(self.found)

    def sentence(self) -> str:
        """What was measured, for people."""
        if not self.cases:
            return "Where the masks differ was not measured: no case has two lungs in both masks."
        if self.found:
            parts = [f"{zone.words()} ({_percent(zone.share)} of the lungs' area)" for zone in self.found]
            return f"The corrected masks {listed(parts)}."
        cases = counted(self.cases, "case")
        if self.border < _HARDLY and not self.zones:
            return f"The corrected masks hardly differ from those of the model ({cases})."
        along = f"along the border ({_percent(self.border)} of the lungs' area, {cases})"
        if not self.zones:
            return f"The corrected masks differ from those of the model only {along}."
        return (
            f"The corrected masks differ from those of the model {along}; larger parts only in single cases."
        )


def case_difference(
    old: np.ndarray, corrected: np.ndarray, ignore: np.ndarray | None = None, aspect: float = 1.0
) -> CaseDifference | None:
    """Measure where two masks of a chest X-ray differ.

    Added pixels are looked up in the zones of the old mask, removed ones in those of the corrected mask: in
    both directions, these are the zones of the lungs without what was added or removed.

    Parameters
    ----------
    old, corrected : ndarray of bool, shape (Y, X)
        Of the model, and as corrected.
    ignore : ndarray of bool, shape (Y, X), optional
        What does not count.
    aspect : float
        Height of a pixel divided by its width.

    Returns
    -------
    CaseDifference or None
        None if one of the masks does not have two lungs.
    """
    if old.shape != corrected.shape:
        raise ValueError(f"masks differ in shape: {old.shape} and {corrected.shape}")
    old, corrected = at_zone_size(old), at_zone_size(corrected)
    counts = np.ones(old.shape, bool) if ignore is None else ~at_zone_size(ignore)
    around_old, around_corrected = chest_zones(old, aspect), chest_zones(corrected, aspect)
    if around_old is None or around_corrected is None:
        return None
    area = int(np.count_nonzero(old))
    return CaseDifference(
        _in_zones(around_old.zones, corrected & ~old & counts, area),
        _in_zones(around_corrected.zones, old & ~corrected & counts, area),
    )


def protocol_difference(cases: Iterable[CaseDifference | None]) -> ProtocolDifference:
    """Sum up what `case_difference` found in some cases."""
    cases = list(cases)
    known = [case for case in cases if case is not None]
    zones = [
        _in_zone(zone, adds, [case.added if adds else case.removed for case in known])
        for zone in Zone
        if zone not in (Zone.LUNG, Zone.BORDER)
        for adds in (True, False)
    ]
    zones.sort(key=lambda one: (-one.cases, -one.share))
    border = [case.added.areas[Zone.BORDER] + case.removed.areas[Zone.BORDER] for case in known]
    return ProtocolDifference(
        tuple(zone for zone in zones if zone.cases),
        float(np.mean(border)) if border else 0.0,
        len(known),
        len(cases) - len(known),
    )


def _in_zone(zone: Zone, adds: bool, cases: Sequence[InZones]) -> ZoneDifference:
    areas = [case.areas[zone] for case in cases if case.changed(zone)]
    return ZoneDifference(zone, adds, len(areas), len(cases), float(np.mean(areas)) if areas else 0.0)


def _in_zones(zones: np.ndarray, pixels: np.ndarray, area: int) -> InZones:
    sizes, counts = (np.bincount(part, minlength=len(Zone)) for part in (zones.ravel(), zones[pixels]))
    parts = counts / np.maximum(sizes, 1)
    return InZones(tuple(map(float, counts / area)), tuple(map(float, parts)))


def _percent(share: float) -> str:
    return f"{max(1, round(100 * share))} %"
