"""The correcting tools: how long they take at the size of real X-rays, and what a stroke is worth."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks.images import lungs, unit_xray
from benchmarks.result import Column, Result
from benchmarks.strokes import Stroke, draw, next_stroke
from benchmarks.timing import interleaved
from napari_unet.core import correct
from napari_unet.core.lung_sides import split_left_right
from napari_unet.core.metrics import dice
from napari_unet.core.raster import Modality
from napari_unet.io.formats import read_raster
from napari_unet.samples import CT, SAMPLES

_COLUMNS = (Column("what"), Column("best", "ms"), Column("median", "ms"))
_WORTH = (Column("tool"), *(Column(f"Dice after {n}") for n in (0, 1, 2, 3, 5, 8)), Column("strokes to 0.97"))
_STROKES = 8
_ENOUGH = 0.97
_WIDE = 1.6  # radius of a brush that nobody took the time to fit, against the width of what is wrong


def measure(quick: bool) -> Result:
    """Times at 2048×2048 (the stack: 91 slices of the sample CT)."""
    side, rounds = (256, 1) if quick else (2048, 9)
    result = Result("Correcting tools", f"A real X-ray with its lungs, {side}×{side}; one thread.", _COLUMNS)
    for name, taken in interleaved(_work(side), rounds).items():
        result.add(name, taken.best, taken.median)
    return result


def _work(side: int) -> dict[str, Callable[[], object]]:
    image, mask = unit_xray(side), lungs(side)
    model = split_left_right(mask, "L")
    labels = model.copy()
    labels[: side * 2 // 5] = 0  # the upper part is missing
    probability = np.where(mask, np.float32(0.9), np.float32(0.1))
    rows, columns = (int(n.mean()) for n in np.nonzero(model[: side * 2 // 5] == 1))
    scribble = np.zeros(labels.shape, bool)
    scribble[rows - side // 20 : side * 2 // 5, columns : columns + 4] = True
    turn = np.linspace(0, 2 * np.pi, 200)
    lasso = side * np.stack([0.5 + 0.2 * np.sin(turn), 0.3 + 0.15 * np.cos(turn)], axis=1)
    spacing = (409.6 / side,) * 2
    stack = (read_raster(CT.mask).pixels > 0).astype(np.uint8)
    work: dict[str, Callable[[], object]] = {
        f"smart brush, radius {radius}": partial(
            correct.smart_disc, image, probability, labels, (side * 0.5, side * 0.3), radius, 1
        )
        for radius in (10, 40, 160)
    }
    return work | {
        "push the border": partial(correct.push_border, labels, image, probability, scribble, True),
        "threshold in a lasso": partial(correct.threshold_in, labels, probability, lasso, 0.5),
        "model's mask in a lasso": partial(correct.restore_in, labels, model, lasso),
        "fill holes": partial(correct.fill_holes_change, labels),
        "keep largest parts": partial(correct.keep_largest, labels),
        "smooth, 1 mm": partial(correct.smooth_border, labels, 1.0, spacing),
        "grow, 2 mm": partial(correct.grow, labels, 2.0, spacing),
        "shrink, 2 mm": partial(correct.grow, labels, -2.0, spacing),
        "mirror the other lung": partial(correct.mirror_lung, labels, "right", "L", image),
        "live numbers": partial(correct.live_numbers, labels, model, spacing, "L"),
        "live numbers, CT of 91 slices": partial(
            correct.live_numbers, stack, np.roll(stack, 4, axis=2), (4.0, 4.0, 4.0), "L", Modality.CT
        ),
        "interpolate, every 5th of 91 slices": partial(
            correct.interpolate_slices, stack, range(0, len(stack), 5), (4.0, 4.0, 4.0)
        ),
    }


def measure_worth(quick: bool) -> Result:
    """Strokes on the sample X-rays, from the shipped model's masks towards the references."""
    from napari_unet import segment  # torch

    result = Result(
        "What a stroke is worth",
        f"A simulated hand corrects the shipped model's masks of the {len(SAMPLES)} sample X-rays towards "
        "their references, which include the lung behind the heart, while the model's masks do not. Each "
        "stroke follows the middle of the largest error, with a tremor, over half of its length. Fitted: "
        f"the brush is as wide as the error, stroke by stroke; wide: {_WIDE} times as wide.",
        _WORTH,
    )
    cases = []
    for sample in SAMPLES[:1] if quick else SAMPLES:
        image, reference = read_raster(sample.image).pixels, read_raster(sample.mask).pixels > 0
        prediction = segment(image, device="cpu")
        cases.append((image, reference, prediction.foreground, prediction.mask()))
    for name, tool in _TOOLS.items():
        curves = np.array([_curve(tool, *case) for case in cases])
        needed = [next((n for n, d in enumerate(curve) if d >= _ENOUGH), None) for curve in curves]
        text = ", ".join(f"over {_STROKES}" if n is None else str(n) for n in needed)
        result.add(name, *(f"{curves[:, n].mean():.3f}" for n in (0, 1, 2, 3, 5, 8)), text)
    return result


Tool = Callable[[np.ndarray, np.ndarray, np.ndarray, Stroke], None]


def _curve(
    tool: Tool, image: np.ndarray, reference: np.ndarray, probability: np.ndarray, mask: np.ndarray
) -> list[float]:
    """Dice before the first stroke and after each."""
    labels, rng = mask.astype(np.uint8), np.random.default_rng(0)
    curve = [dice(mask, reference)]
    for _ in range(_STROKES):
        stroke = next_stroke(labels > 0, reference, rng)
        if stroke is not None:
            tool(labels, image, probability, stroke)
        curve.append(dice(labels > 0, reference))
    return curve


def _brush(share: float, labels: np.ndarray, _i: np.ndarray, _p: np.ndarray, stroke: Stroke) -> None:
    labels[draw(stroke.path, labels.shape, share * stroke.radius)] = int(stroke.inside)


def _smart(labels: np.ndarray, image: np.ndarray, probability: np.ndarray, stroke: Stroke) -> None:
    seed, radius = correct.seed_at(image, tuple(stroke.path[0])), max(3.0, _WIDE * stroke.radius)
    for at in stroke.path:
        correct.smart_disc(
            image, probability, labels, tuple(at), radius, int(stroke.inside), seed_value=seed
        ).apply(labels)


def _push(labels: np.ndarray, image: np.ndarray, probability: np.ndarray, stroke: Stroke) -> None:
    scribble = draw(stroke.path, labels.shape, 1.5)
    correct.push_border(labels, image, probability, scribble, stroke.inside).apply(labels)


_TOOLS: dict[str, Tool] = {
    "brush, fitted": partial(_brush, 1.0),
    "brush, wide": partial(_brush, _WIDE),
    "smart brush, wide": _smart,
    "push the border": _push,
}
