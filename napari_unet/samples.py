"""The four chest X-rays that ship with the package; see `resources/samples/CREDITS.md` for their authors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from napari_unet.resources_path import resource


@dataclass(frozen=True)
class Sample:
    """One sample: `key` as it stands in the manifest, `title` for people, its image and its reference mask.

    The masks include the lung behind the heart; `protocol` says so in words.
    """

    key: str
    title: str
    image: Path
    mask: Path
    protocol: str = "includes the lung behind the heart"


def _sample(key: str, title: str) -> Sample:
    return Sample(key, title, resource("samples", f"{key}.png"), resource("samples", f"{key}_mask.png"))


SAMPLES: tuple[Sample, ...] = (
    _sample("hannover_0a7faa2a", "Chest X-ray 1 (PA)"),
    _sample("hannover_1052b0fe", "Chest X-ray 2 (PA)"),
    _sample("hannover_19abe1f3", "Chest X-ray 3 (PA)"),
    _sample("hannover_2168a917", "Chest X-ray 4 (PA)"),
)
