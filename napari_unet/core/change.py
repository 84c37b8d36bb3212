"""Change: which pixels of a mask took which label. What a stroke does, small enough to be written at once."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from napari_unet.core.labels import as_bytes


@dataclass(frozen=True)
class Change:
    """Pixels and their new labels.

    shape : of the mask, (Y, X) or (Z, Y, X). flat : int64 (N,), indices into the mask in C order, each once.
    values : uint8 (N,), the new labels. Raises ValueError if they do not fit together.
    """

    shape: tuple[int, ...]
    flat: np.ndarray
    values: np.ndarray

    def __post_init__(self) -> None:
        if self.flat.shape != self.values.shape or self.flat.ndim != 1:
            raise ValueError(f"{self.flat.shape} indices and {self.values.shape} labels do not fit together")
        if len(self) and not 0 <= int(self.flat.min()) <= int(self.flat.max()) < prod(self.shape):
            raise ValueError(f"an index lies outside a mask of shape {self.shape}")

    def __len__(self) -> int:
        return len(self.flat)

    @classmethod
    def between(cls, old: np.ndarray, new: np.ndarray) -> Change:
        """What turns `old` into `new`: labels of one shape. Raises ValueError if the shapes differ.

        Raises UserError for a new label that no mask can hold (`as_bytes`).
        """
        if old.shape != new.shape:
            raise ValueError(f"masks differ in shape: {old.shape} and {new.shape}")
        flat = np.flatnonzero(old != new)
        return cls(old.shape, flat, as_bytes(new.reshape(-1)[flat]))

    def apply(self, labels: np.ndarray) -> None:
        """Make the change in `labels`, in place. Raises ValueError if the shape is another."""
        if labels.shape != self.shape:
            raise ValueError(f"the change is of a mask of shape {self.shape}, not {labels.shape}")
        np.put(labels, self.flat, self.values)  # also where `labels` is not contiguous

    def indices(self) -> tuple[np.ndarray, ...]:
        """One index array per axis, as napari's `data_setitem` takes them."""
        return np.unravel_index(self.flat, self.shape)
