"""The dock *Finding*: scores of findings with a heat map, and a reader's calls before and after them."""

from __future__ import annotations

from napari_unet.widgets.finding.dock import FindingWidget

__all__ = ["FindingWidget"]
