"""The X-rays and CTs that ship with the package; `resources/samples/CREDITS.md` names their authors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from napari_unet.resources_path import resource


@dataclass(frozen=True)
class SampleImage:
    """One image: `key` as it is in the manifest, `title` for people."""

    key: str
    title: str
    image: Path


@dataclass(frozen=True)
class Sample(SampleImage):
    """An image with its reference mask; `protocol` says in words what that holds."""

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

CT = Sample(
    "lctsc_005_4mm",
    "Chest CT (4 mm) with lung mask",
    resource("samples", "lctsc_005_4mm.nii.gz"),
    resource("samples", "lctsc_005_4mm_mask.nii.gz"),
    protocol="both lungs as one",
)
"""A stack of 91 slices."""

CT_2 = SampleImage(
    "lidc_1011_4mm", "Chest CT LIDC-IDRI-1011 (4 mm)", resource("samples", "lidc_1011_4mm.nii.gz")
)
"""A stack of 84 slices, without a mask."""
