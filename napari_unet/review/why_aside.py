"""Why a series was set aside, in words that the window may show: without names of files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from napari_unet.core.errors import UserError
from napari_unet.io.formats import read_raster

if TYPE_CHECKING:
    from napari_unet.core.source import Source
    from napari_unet.review.store import ReviewProject


def why_aside(project: ReviewProject, case: str) -> str:
    """What is wrong with the files of a series, without names; "" if nothing is, and for single files.

    Reads the series: not for the GUI thread.
    """
    source = project.source(case)
    if not source.is_series:
        return ""
    try:
        read_raster(source)
    except UserError as error:
        return _without_names(error.problem, source)
    return ""


def _without_names(text: str, source: Source) -> str:
    names = {source.name, *(file.name for file in source.files)}
    either = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.sub(rf"(?<![^\W_])(?:{either})(?![^\W_])", "…", text)
