"""A heat map by occlusion: where hiding a patch lowers a score (Zeiler and Fergus 2014, section 4.2)."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
import torch
from torch import Tensor

from napari_unet.core.events import TileDone
from napari_unet.core.raster import Raster
from napari_unet.inference.predictor import Predictor
from napari_unet.inference.prepare import field_at_size, network_input

_PATCH = 2  # cells of its side; it moves by one cell
_AT_ONCE = 16


def occlusion_steps(
    predictor: Predictor, raster: Raster, cell: int
) -> Generator[TileDone, str | None, np.ndarray]:
    """float32 (findings, *size): of each cell by how much the score falls, the mean over all patches on it.

    A patch has the mean grey of the input. Where a score rises instead, the map has 0. Yields TileDone after
    each batch of patches. raster : as the model sees it, with its polarity. cell : pixels of the network's
    input per side.
    """
    card = predictor.card
    field, _ = field_at_size(raster, card.input)
    image = torch.from_numpy(network_input(field, card.input, card.intensity, bool(raster.inverted)))
    rows, columns = (n // cell for n in image.shape[-2:])
    places = [(y, x) for y in range(rows - _PATCH + 1) for x in range(columns - _PATCH + 1)]
    whole = _scores(predictor, image[None])[0]
    fall = np.zeros((len(whole), rows, columns), np.float32)
    covered = np.zeros((rows, columns), np.float32)
    for first in range(0, len(places), _AT_ONCE):
        some = places[first : first + _AT_ONCE]
        hidden = image.repeat(len(some), 1, 1, 1)
        for one, (y, x) in zip(hidden, some, strict=True):
            one[:, y * cell : (y + _PATCH) * cell, x * cell : (x + _PATCH) * cell] = image.mean()
        for (y, x), scores in zip(some, _scores(predictor, hidden), strict=True):
            fall[:, y : y + _PATCH, x : x + _PATCH] += (whole - scores)[:, None, None]
            covered[y : y + _PATCH, x : x + _PATCH] += 1
        yield TileDone(min(first + _AT_ONCE, len(places)), len(places))
    cells = np.maximum(fall / covered, 0)
    return np.asarray(cells.repeat(cell, axis=1).repeat(cell, axis=2))


@torch.inference_mode()
def _scores(predictor: Predictor, images: Tensor) -> np.ndarray:
    """float32 (N, findings) of inputs (N, C, Y, X), without their mirror images."""
    net, own = predictor.network.net, predictor.card.channels_of(predictor.card.output)
    pooled = net.pool(net(images.to(predictor.network.device)))[:, own]  # type: ignore[operator]
    return np.asarray(torch.sigmoid(pooled.float()).cpu().numpy())
