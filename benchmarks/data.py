"""Where the data of benchmarks lie."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.result import NotMeasured


def data_folder() -> Path:
    """The folder that NAPARI_UNET_DATA names. Raises NotMeasured if it names none."""
    root = os.environ.get("NAPARI_UNET_DATA")
    if not root:
        raise NotMeasured("the data folder is not there")
    return Path(root)
