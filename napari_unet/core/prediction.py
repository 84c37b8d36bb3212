"""Prediction: the output of a model for one raster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, field, fields, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from napari_unet.core.clean_labels import clean_labels
from napari_unet.core.finding_reading import FindingReading
from napari_unet.core.label_set import LUNGS, LabelSet
from napari_unet.core.masks import MaskRule
from napari_unet.core.resize import resized
from napari_unet.core.uncertainty import entropy
from napari_unet.core.volume_labels import any_label, likeliest_labels, with_cleaned

Box = tuple[slice, slice]

_LONGEST = 1024  # longer side of kept maps


@dataclass(frozen=True)
class Prediction:
    """Maps on the network's own grid, scores, and what is needed to make full-size maps and masks from them.

    Parameters
    ----------
    maps : ndarray of shape (C, y, x) or (C, Z, y, x)
        For a segmentation the probability of each label (the background has none), for a classification the
        heat map of each finding. float32 from 0 to 1, or uint8 with 255 for 1 to save memory. The grid may be
        coarser or finer than the image.
    shape : tuple of int
        Shape of the image, (Y, X) or (Z, Y, X). () stands for that of the maps.
    boxes : tuple of (slice, slice)
        Which part of each plane (Y, X) its maps cover, with zeros around it. () if they cover every plane.
    entropy : ndarray of uint8 of shape (y, x) or (Z, y, x), optional
        Kept beside 8-bit maps, which are too coarse for it. None if it follows from the maps.
    model, version, output, task : str
        What made the prediction: model, version, id of the output, and "segmentation" or "classification".
    chosen : str
        Why this model was used, as a sentence, if it was chosen by the kind of the image. "" otherwise.
    label_set : LabelSet
        What the channels of a segmentation are, in order.
    scores : mapping of str to float
        From 0 to 1, one per finding. Empty for masks.
    device : str
        Device that made it.
    seconds : float
        Wall time of the whole call.
    spacing_mm, row_direction
        As in `Raster`.
    threshold, rule
        The card's defaults for `mask`.
    notes : tuple of str
        What the user should know, in words.
    inverted : bool
        Whether the image was treated as having dark bones.
    plausibility : tuple of float
        One value per image (`core.input_check`). Empty if the card has no reference for it.
    image_checks : tuple of str
        Codes of the input checks that the image failed (`core.checks.OF_IMAGE`).
    features : ndarray of float32 of shape (D,), optional
        The network's features of the image, of length 1 (`inference.features`).
    drawn : ndarray of uint8, optional
        Only for first masks in a project (`inference.first_mask`), like the fields below: the labels at
        `threshold`, of `shape`, made before the maps became 8-bit.
    checks : tuple of str
        Codes of the anatomy checks that the labels failed.
    boundary_uncertainty : float, optional
        Share of the labels' boundary along which the model is uncertain (`core.uncertainty`). None if there
        is not a boundary.
    stopped_at : int, optional
        Of a volume, how many slices the network has seen when somebody stopped it; in the others there is no
        label. None if it saw all.
    reading : FindingReading, optional
        Only of a chest X-ray whose findings were scored by `napari_unet.find`: zones, ranks, thresholds.
    refused : str
        Why the image is unsuitable for the model, in words; there are no maps then. "" otherwise.
    """

    maps: np.ndarray
    _: KW_ONLY
    shape: tuple[int, ...] = ()
    boxes: tuple[Box, ...] = ()
    entropy: np.ndarray | None = None
    model: str = ""
    version: str = ""
    output: str = ""
    task: Literal["segmentation", "classification"] = "segmentation"
    chosen: str = ""
    label_set: LabelSet = LUNGS
    scores: Mapping[str, float] = field(default_factory=dict)
    device: str = "cpu"
    seconds: float = 0.0
    spacing_mm: tuple[float, ...] | None = None
    row_direction: str | None = None
    threshold: float = 0.5
    rule: MaskRule = field(default_factory=MaskRule)
    notes: tuple[str, ...] = ()
    inverted: bool = False
    plausibility: tuple[float, ...] = ()
    image_checks: tuple[str, ...] = ()
    features: np.ndarray | None = None
    drawn: np.ndarray | None = None
    checks: tuple[str, ...] = ()
    boundary_uncertainty: float | None = None
    stopped_at: int | None = None
    reading: FindingReading | None = None
    refused: str = ""

    def __post_init__(self) -> None:
        if not self.shape:
            object.__setattr__(self, "shape", self.maps.shape[1:])
        if self.maps.ndim != len(self.shape) + 1 or self.maps.shape[1:-2] != self.shape[:-2]:
            raise ValueError(f"maps of shape {self.maps.shape} are not of an image of shape {self.shape}")
        if self.maps.dtype not in (np.float32, np.uint8):
            raise ValueError(f"maps are float32 or uint8, got {self.maps.dtype}")
        if self.boxes and len(self.boxes) != self.planes:
            raise ValueError(f"{len(self.boxes)} boxes for {self.planes} planes")

    def __getstate__(self) -> dict[str, Any]:
        """The fields only, without what was computed from the maps."""
        return {f.name: self.__dict__[f.name] for f in fields(self)}

    @property
    def planes(self) -> int:
        """Number of images (Y, X) in the shape: Z, or 1."""
        return self.shape[0] if len(self.shape) == 3 else 1

    @cached_property
    def probability(self) -> np.ndarray:
        """Full-size maps, float32 (C, *shape), 0 to 1.

        Computed when first used, and kept. For volumes, prefer the methods that work slice by slice.
        """
        if len(self.shape) == 2:
            return self._full(self._grid(0), 0)
        whole = np.empty((len(self.maps), *self.shape), np.float32)
        for z in range(self.planes):
            whole[:, z] = self._full(self._grid(z), z)
        return whole

    @cached_property
    def uncertainty(self) -> np.ndarray:
        """Full-size uncertainty, float32 of `shape`, 0 to 1.

        The entropy in bits (Shannon 1948) of the class that is closest to undecided. It is computed on the
        grid and enlarged like the maps. Computed when first used, and kept.
        """
        return self._whole(self.uncertainty_slab, np.float32)

    @property
    def foreground(self) -> np.ndarray:
        """Probability that a pixel has any label, float32 of `shape`. Computed each time.

        Of a classification the hottest of its findings.
        """
        return self._whole(self.foreground_slab, np.float32)

    def foreground_slab(self, z: int = 0) -> np.ndarray:
        """Return `foreground` of slice `z`, or of the only image: float32 (Y, X)."""
        full = self._full(self._grid(z), z)
        return any_label(full) if self.task == "segmentation" else np.asarray(full.max(axis=0))

    def foreground_slabs(self) -> Iterator[np.ndarray]:
        """Yield `foreground` slice by slice, float32 (Y, X), the only image too."""
        return map(self.foreground_slab, range(self.planes))

    def uncertainty_slab(self, z: int = 0) -> np.ndarray:
        """Return `uncertainty` of slice `z`, or of the only image: float32 (Y, X)."""
        return self._full(self._entropy(z), z)

    @property
    def grid_uncertainty(self) -> np.ndarray:
        """Uncertainty on the grid of the maps, (y, x) or (Z, y, x); uint8 with 255 for 1 if kept so."""
        if self.entropy is not None:
            return self.entropy
        flat = len(self.shape) == 2
        return self._entropy(0) if flat else np.stack([self._entropy(z) for z in range(self.planes)])

    def mask(self, threshold: float | None = None, cleaned: bool = True) -> np.ndarray:
        """Return where any label is, as a mask.

        Parameters
        ----------
        threshold : float, optional
            Between 0 and 1. By default the card's.
        cleaned : bool
            Whether to apply the `MaskRule`: holes, largest parts, smoothing. A stack of X-rays is cleaned
            slice by slice, a volume as a whole on the grid of its maps (`core.volume_labels`), and several
            labels one by one (`core.clean_labels`).

        Returns
        -------
        ndarray of bool
            Of `shape`. All False for a classification.
        """
        return np.asarray((self.labels(threshold) if cleaned else self._raw(threshold)) > 0)

    def labels(self, threshold: float | None = None) -> np.ndarray:
        """Return the cleaned mask with the value of the likeliest label at each pixel, and 0 elsewhere.

        Parameters
        ----------
        threshold : float, optional
            Between 0 and 1. By default the card's.

        Returns
        -------
        ndarray of uint8
            Of `shape`.
        """
        if self.drawn is not None and threshold in (None, self.threshold):
            return self.drawn
        return self._stacked(self.label_slabs(threshold), np.uint8)

    def label_slabs(self, threshold: float | None = None) -> Iterator[np.ndarray]:
        """Yield `labels` slice by slice, uint8 (Y, X), the only image too; for volumes that fill the memory.

        The parts of a volume are told by all slices together, which is done on the maps' own grid before the
        first slice comes.
        """
        at = self.threshold if threshold is None else threshold
        if self.drawn is not None and at == self.threshold:
            yield from self.drawn.reshape(self.planes, *self.shape[-2:])
        elif self.task != "segmentation":
            yield from (np.zeros(self.shape[-2:], np.uint8) for _ in range(self.planes))
        elif not self.is_volume:
            yield from (self._cleaned(self._raw_slab(z, threshold)) for z in range(self.planes))
        else:
            raw = np.stack(
                [likeliest_labels(self._grid(z), self.label_set.values, at) for z in range(self.planes)]
            )
            cleaned = clean_labels(raw, self.label_set.values, self.rule, self.grid_spacing)
            yield from (self._drawn_slab(z, raw[z], cleaned[z], at) for z in range(self.planes))

    def kept(self) -> Prediction:
        """Return the same prediction with small 8-bit maps, a few kB, to store.

        The maps are on one grid for all planes, not larger than the image. They differ from these maps by at
        most 1/510, provided that these are not larger than the image, cover it and have at most 1024 pixels a
        side.
        """
        shape = self.shape[-2:]
        size = [min(a, b) for a, b in zip(self.maps.shape[-2:], shape, strict=True)]
        shrink = min(1.0, _LONGEST / max(size))
        height, width = (max(1, round(n * shrink)) for n in size)

        def small(grid: np.ndarray, z: int) -> np.ndarray:
            if grid.dtype == np.uint8 and grid.shape[-2:] == (height, width) and not self.boxes:
                return grid
            covering = self._full(grid, z) if self.boxes else grid
            return in_bytes(resized(covering, (height, width)))

        maps = [small(self._grid(z), z) for z in range(self.planes)]
        entropy = [small(self._entropy(z), z) for z in range(self.planes)]
        flat = len(self.shape) == 2
        return replace(
            self,
            maps=maps[0] if flat else np.stack(maps, axis=1),
            entropy=entropy[0] if flat else np.stack(entropy),
            boxes=(),
        )

    @property
    def is_volume(self) -> bool:
        """Whether the slices are those of one volume, and not images of their own."""
        return len(self.shape) == 3 and not self.rule.per_slice

    def _grid(self, z: int) -> np.ndarray:
        """(C, y, x) of slice z, as kept."""
        return self.maps[:, z] if self.maps.ndim == 4 else self.maps

    def _entropy(self, z: int) -> np.ndarray:
        """(y, x) of slice z, as kept, or else as it follows from the maps."""
        if self.entropy is not None:
            return self.entropy[z] if self.entropy.ndim == 3 else self.entropy
        return np.asarray(entropy(self._grid(z)).max(axis=0))

    def _full(self, grid: np.ndarray, z: int) -> np.ndarray:
        """float32 (..., Y, X) of maps (..., y, x) of slice z."""
        if not self.boxes or self.boxes[z] == (slice(0, self.shape[-2]), slice(0, self.shape[-1])):
            return resized(grid, (self.shape[-2], self.shape[-1]))
        rows, columns = self.boxes[z]
        full = np.zeros((*grid.shape[:-2], *self.shape[-2:]), np.float32)
        full[..., rows, columns] = resized(grid, (rows.stop - rows.start, columns.stop - columns.start))
        return full

    def _whole(self, slab: Any, dtype: Any) -> np.ndarray:
        """Array of `shape` from its slabs (Y, X)."""
        return self._stacked(map(slab, range(self.planes)), dtype)

    def _stacked(self, slabs: Iterable[np.ndarray], dtype: Any) -> np.ndarray:
        """Array of `shape` from its slabs (Y, X) in turn."""
        whole = np.empty((self.planes, *self.shape[-2:]), dtype)
        for plane, slab in zip(whole, slabs, strict=True):
            plane[...] = slab
        return whole.reshape(self.shape)

    def _raw(self, threshold: float | None) -> np.ndarray:
        return self._whole(lambda z: self._raw_slab(z, threshold), np.uint8)

    def _raw_slab(self, z: int, threshold: float | None) -> np.ndarray:
        """uint8 (Y, X): the likeliest label where any reaches the threshold."""
        if self.task != "segmentation":
            return np.zeros(self.shape[-2:], np.uint8)
        at = self.threshold if threshold is None else threshold
        return likeliest_labels(self._full(self._grid(z), z), self.label_set.values, at)

    def _drawn_slab(self, z: int, raw: np.ndarray, cleaned: np.ndarray, threshold: float) -> np.ndarray:
        """uint8 (Y, X) of slice z of a volume, whose labels on the grid were `raw` and became `cleaned`."""
        if not cleaned.any():
            return np.zeros(self.shape[-2:], np.uint8)
        values = self.label_set.values
        maps = with_cleaned(self._grid(z), values, raw, cleaned)
        return likeliest_labels(self._full(maps, z), values, threshold)

    @property
    def grid_spacing(self) -> tuple[float, ...] | None:
        """In mm (Z, y, x), of the maps of a volume; where their boxes differ, that of the first."""
        if self.spacing_mm is None:
            return None
        rows, columns = self.boxes[0] if self.boxes else (slice(0, self.shape[1]), slice(0, self.shape[2]))
        covered = (rows.stop - rows.start, columns.stop - columns.start)
        steps = zip(covered, self.maps.shape[-2:], self.spacing_mm[1:], strict=True)
        return (self.spacing_mm[0], *(n / grid * mm for n, grid, mm in steps))

    def _cleaned(self, raw: np.ndarray) -> np.ndarray:
        spacing = self.spacing_mm if self.spacing_mm is None else self.spacing_mm[-raw.ndim :]
        return clean_labels(raw, self.label_set.values, self.rule, spacing)


def in_bytes(maps: np.ndarray) -> np.ndarray:
    """uint8 0..255 of floats 0..1, to the nearest."""
    return np.rint(maps * np.float32(255)).astype(np.uint8)
