"""DeviceInfo: a processor that a network may run on, as the window shows it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DeviceInfo:
    """A device by the name to choose it with; title : in words; reason : why it is not usable, if so."""

    name: str
    title: str
    usable: bool
    reason: str = ""
