"""Do heat maps point at what raised the score? Synthetic lesions in normal lungs, whose place is known."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from benchmarks.finding.measure import reader
from benchmarks.finding.sets import Picture, nih, shenzhen_val
from benchmarks.result import Column, NotMeasured, Result
from napari_unet.core.heat import heat
from napari_unet.core.prediction import Prediction
from napari_unet.core.raster import Raster
from napari_unet.core.steps import run
from napari_unet.inference.find import Method, NoScore, find_steps
from napari_unet.io.formats import read_raster

_IMAGES, _QUICK = 24, 3
_RADIUS = 0.07  # of the image's width
_STRENGTH = 0.35  # of the image's range of greys
_WIDER = 0.05  # of the width: how much the lungs are widened for the share of the heat inside

_FINDING = "abnormal"


@dataclass(frozen=True)
class Lesion:
    """An X-ray with a soft white disc in one lung; where it lies, and the lungs, bool (Y, X)."""

    raster: Raster
    place: np.ndarray
    lungs: np.ndarray


def measure(quick: bool) -> Result:
    """Both methods, a random place in the lungs, and the middle of the larger lung."""
    result = Result(
        "Heat maps of findings",
        "Pointing game (Zhang 2018) on synthetic lesions: a soft white disc (radius 7 % of the width) in a "
        "random place of a lung, in images of the validation sets without a finding. A hit: the hottest "
        f"place lies in the disc or within half a cell of it. The map is that of {_FINDING}. Heat inside: "
        "share of the map's sum in the lungs widened by 5 % of the width. A synthetic disc is no disease, "
        "and validation images chose the weights.",
        (
            *(Column("pointing by"), Column("n"), Column("hits", "share"), Column("heat inside", "share")),
            Column("score rises", "share"),
        ),
    )
    try:
        lesions = [one for one in _lesions(_QUICK if quick else _IMAGES)]
    except NotMeasured as why:
        result.add_missing("all", why)
        return result
    rng = np.random.default_rng(1)
    methods: dict[str, Method] = {
        "class activation (the network's own)": "activation",
        "occlusion": "occlusion",
    }
    tolerance = None
    for title, method in methods.items():
        hits, inside, rises = [], [], []
        for lesion, before in lesions:
            found = _found(lesion.raster, method)
            warm = heat(found, _FINDING)
            assert found.reading is not None
            tolerance = max(found.reading.cell_px) / 2
            hits.append(_hit(warm >= warm.max(), lesion, tolerance) if warm.max() else False)
            wide = ndimage.distance_transform_edt(~lesion.lungs) <= _WIDER * lesion.lungs.shape[1]
            inside.append(float(warm[wide].sum() / max(float(warm.sum()), 1e-6)))
            rises.append(found.scores[_FINDING] > before)
        result.add(title, str(len(hits)), *map(float, (np.mean(hits), np.mean(inside), np.mean(rises))))
    for title, point in (
        ("a random place in the lungs", _random),
        ("the middle of the larger lung", _middle),
    ):
        hits = [_hit(point(lesion, rng), lesion, tolerance or 0.0) for lesion, _ in lesions]
        result.add(title, str(len(hits)), float(np.mean(hits)))
    return result


def _lesions(count: int) -> list[tuple[Lesion, float]]:
    """Each with the score of its image before."""
    normal = [
        *(one for one in shenzhen_val() if not one.truth["abnormal"]),
        *(one for one in nih("val") if not one.truth["abnormal"]),
    ]
    rng = np.random.default_rng(0)
    found: list[tuple[Lesion, float]] = []
    for k in rng.permutation(len(normal)):
        if len(found) == count:
            break
        try:
            found.append(_with_lesion(normal[k], rng))
        except NoScore:
            continue
    return found


def _with_lesion(picture: Picture, rng: np.random.Generator) -> tuple[Lesion, float]:
    raster = read_raster(picture.image)
    clean = _found(raster, "activation")
    assert clean.reading is not None
    lungs = clean.reading.thirds.labels > 0
    radius = _RADIUS * lungs.shape[1]
    deep = np.argwhere(ndimage.distance_transform_edt(lungs) >= radius / 2)
    middle = deep[rng.integers(len(deep))] if len(deep) else np.argwhere(lungs).mean(axis=0)
    away = np.hypot(*(np.indices(lungs.shape) - np.reshape(middle, (2, 1, 1))))
    pixels = raster.pixels.astype(np.float32)
    low, high = np.percentile(pixels, (0.5, 99.5))
    soft = np.exp(-((away / radius) ** 4))
    painted = np.clip(pixels + _STRENGTH * (high - low) * soft, None, pixels.max())
    return Lesion(replace(raster, pixels=painted), away <= radius, lungs), clean.scores[_FINDING]


def _found(raster: Raster, method: Method) -> Prediction:
    return run(find_steps(raster, model=str(reader().entry.folder), device="cpu", method=method))


def _hit(hottest: np.ndarray, lesion: Lesion, tolerance: float) -> bool:
    """Whether the middle of what is hottest lies in the lesion, or not farther from it."""
    y, x = np.argwhere(hottest).mean(axis=0).round().astype(int)
    return bool(ndimage.distance_transform_edt(~lesion.place)[y, x] <= tolerance)


def _random(lesion: Lesion, rng: np.random.Generator) -> np.ndarray:
    inside = np.argwhere(lesion.lungs)
    return _only(lesion, inside[rng.integers(len(inside))])


def _middle(lesion: Lesion, rng: np.random.Generator) -> np.ndarray:
    del rng
    parts, count = ndimage.label(lesion.lungs)
    largest = 1 + int(np.argmax([np.count_nonzero(parts == k + 1) for k in range(count)]))
    return _only(lesion, np.argwhere(parts == largest).mean(axis=0))


def _only(lesion: Lesion, place: np.ndarray) -> np.ndarray:
    found = np.zeros_like(lesion.lungs)
    found[tuple(np.round(place).astype(int))] = True
    return found
