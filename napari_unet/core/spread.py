"""Some of many, evenly spread."""

from __future__ import annotations

import numpy as np


def spread(count: int, most: int) -> list[int]:
    """Indices of at most `most` of `count` things, evenly spread."""
    return sorted({round(k) for k in np.linspace(0, count - 1, min(count, most))}) if count else []
