"""The heat map of a finding: raw, on one fixed scale, from the network's own pooling."""

from __future__ import annotations

import numpy as np

from napari_unet.core.prediction import Prediction

_LEAST = 1e-4  # of a probability, so that its logit is a number

SHOWN_FROM = 0.15
"""Of the fixed scale of heat maps, from 0 to 1: what is less is not drawn."""

HEAT_COLOURS = ((SHOWN_FROM, "#ffeba0"), (0.5, "#fd8d3c"), (1.0, "#bd0026"))
"""Of the fixed scale, from yellow to dark red: the same for all images, in the window and in pictures."""


def heat_cells(prediction: Prediction, finding: str) -> np.ndarray:
    """float32 (y, x), 0 to 1: the map of a finding on the network's grid, on the one fixed scale.

    The network's own class activation map (Zhou 2016): by how much the logit of a cell is above their mean,
    scaled so that the hottest cell has the finding's score; that of an image with a low score is pale
    everywhere. Neither cut to the lungs nor smoothed.
    """
    channel = list(prediction.scores).index(finding)
    cells = np.clip(np.asarray(prediction.maps[channel], np.float32), _LEAST, 1 - _LEAST)
    logits = np.log(cells / (1 - cells))
    above: np.ndarray = np.maximum(logits - logits.mean(), 0)
    warm: np.ndarray = above * np.float32(prediction.scores[finding] / max(float(above.max()), 1e-6))
    return warm


def heat(prediction: Prediction, finding: str) -> np.ndarray:
    """float32 (Y, X), 0 to 1: `heat_cells` at the image's size, each cell as it is; 0 outside the frame."""
    cells = heat_cells(prediction, finding)
    full = np.zeros(prediction.shape, np.float32)
    rows, columns = prediction.boxes[0] if prediction.boxes else (slice(0, n) for n in prediction.shape)
    height, width = rows.stop - rows.start, columns.stop - columns.start
    y = (np.arange(height) + 0.5) * cells.shape[0] / height
    x = (np.arange(width) + 0.5) * cells.shape[1] / width
    full[rows, columns] = cells[y.astype(np.intp)[:, None], x.astype(np.intp)]
    return full


def hottest(prediction: Prediction, finding: str, cell_px: tuple[float, float]) -> tuple[slice, slice] | None:
    """Rows and columns of the hottest cell in the image; None if the heat stays under `SHOWN_FROM`."""
    found = heat(prediction, finding)
    if found.max() < SHOWN_FROM:
        return None
    hit = np.argwhere(found >= found.max())
    first, half = hit[0], [cell / 2 for cell in cell_px]
    centre = [first[axis] + half[axis] for axis in (0, 1)]
    rows, columns = (
        slice(max(0, round(middle - beside)), min(length, max(1, round(middle + beside))))
        for middle, beside, length in zip(centre, half, prediction.shape, strict=True)
    )
    return rows, columns
