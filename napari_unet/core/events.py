"""What long work tells while it runs: plain data, no callbacks, no Qt."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TileDone:
    """`done` of `total` pieces (tiles, slices) of one image are finished."""

    done: int
    total: int


@dataclass(frozen=True)
class Note:
    """Something the user should know but that stops nothing ("out of memory: went on on the CPU")."""

    text: str


@dataclass(frozen=True)
class CaseDone:
    """Case `name` is the `done`-th of `total` to finish; `error` is empty if all went well."""

    name: str
    done: int
    total: int
    error: str = ""


@dataclass(frozen=True)
class EpochEnded:
    """One epoch of training: mean loss, mean Dice on validation cases and under simulated shifts (0..1)."""

    epoch: int
    epochs: int
    loss: float
    val_dice: float
    shifted_dice: float
    best: bool
