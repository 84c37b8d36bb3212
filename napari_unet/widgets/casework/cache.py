"""The layers of the cases that were open last: coming back, undo goes on."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from napari.layers import Image, Labels

from napari_unet.widgets.casework.load import LoadedCase
from napari_unet.widgets.casework.stroke_log import StrokeLog
from napari_unet.widgets.common.mouse_mode import has_our_tool
from napari_unet.widgets.napari_compat.history import redo_steps, undo_steps

CASES = 20
BYTES = 1_500_000_000


@dataclass
class CaseLayers:
    """One case in the viewer, or kept for coming back.

    loaded : what the layers were made of. stroke_log : what the journal knows of the mask. head : the case's
    current revision, as far as the window knows; head_unknown : one may be on its way to the disk.
    slice : where a stack was left, as the viewer's current step. hidden_tool : the mouse mode of the mask
    before it was hidden; napari forgets it then. explained : labels of which was said what they mean.
    """

    loaded: LoadedCase
    image: Image
    mask: Labels
    stroke_log: StrokeLog
    head: str | None
    head_unknown: bool = False
    slice: tuple[int, ...] | None = None
    hidden_tool: str | None = None
    explained: set[int] = field(default_factory=set)

    @property
    def id(self) -> str:
        """Of the case."""
        return self.loaded.case.id

    def set_visible(self, visible: bool) -> None:
        """Show or hide the mask; shown again, it has the tool that it had."""
        if visible == self.mask.visible:
            return
        tool = None if has_our_tool(self.mask) else str(self.mask.mode)  # ours comes back by itself
        self.mask.visible = visible
        if visible and self.hidden_tool is not None:
            self.mask.mode = self.hidden_tool
        self.hidden_tool = None if visible else tool

    @property
    def nbytes(self) -> int:
        """Memory of the pixels, of the log's copy of the mask, and of napari's history of it."""
        steps = (*undo_steps(self.mask), *redo_steps(self.mask))
        kept = sum(_bytes(part) for step in steps for atom in step for part in atom)
        return self.loaded.nbytes + self.mask.data.nbytes + kept


class CaseCache:
    """The last few cases, within bounds of number and memory."""

    def __init__(self, cases: int = CASES, nbytes: int = BYTES) -> None:
        self._cases = cases
        self._bytes = nbytes
        self._kept: OrderedDict[str, tuple[CaseLayers, int]] = OrderedDict()

    def __contains__(self, id: str) -> bool:
        return id in self._kept

    def look(self, id: str) -> CaseLayers | None:
        """The layers of a case; they stay."""
        found = self._kept.get(id)
        return None if found is None else found[0]

    def keep(self, layers: CaseLayers) -> list[CaseLayers]:
        """Keep `layers` as the newest; returns those that had to go."""
        self._kept.pop(layers.id, None)
        self._kept[layers.id] = (layers, layers.nbytes)
        gone = []
        while self._kept and (len(self._kept) > self._cases or self._total() > self._bytes):
            _, (oldest, _) = self._kept.popitem(last=False)
            gone.append(oldest)
        return gone

    def take(self, id: str) -> CaseLayers | None:
        """Hand the layers of a case out, if they are still there."""
        found = self._kept.pop(id, None)
        return None if found is None else found[0]

    def clear(self) -> list[CaseLayers]:
        """Let all go; returns them."""
        gone = [layers for layers, _ in self._kept.values()]
        self._kept.clear()
        return gone

    def _total(self) -> int:
        return sum(size for _, size in self._kept.values())


def _bytes(part: Any) -> int:
    if isinstance(part, np.ndarray):
        return part.nbytes
    if isinstance(part, tuple):
        return sum(_bytes(one) for one in part)
    return 0
