"""COCO's two ways to write a mask: run lengths (RLE, exact, with holes) and polygons. Arrays in, JSON out."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
from scipy import ndimage

from napari_unet.core.masks import bounding_box

Point = tuple[int, int]  # x, y of a corner of pixels


def run_lengths(mask: np.ndarray) -> dict[str, Any]:
    """`{"size": [rows, columns], "counts": text}` of a bool mask (Y, X), as pycocotools writes it.

    Runs go down the columns and begin with background. From the fourth on each is written as the difference
    to the last but one, in groups of five bits with a sixth for "more follows".
    """
    column_wise = np.asarray(mask, bool).ravel(order="F")
    turns = np.flatnonzero(column_wise[1:] != column_wise[:-1]) + 1
    counts = np.diff(np.concatenate([[0], turns, [column_wise.size]]))
    runs = [int(n) for n in counts]
    if column_wise.size and column_wise[0]:
        runs.insert(0, 0)
    text = "".join(_written(n - runs[k - 2] if k > 2 else n) for k, n in enumerate(runs))
    return {"size": [int(n) for n in mask.shape], "counts": text}


def _written(number: int) -> str:
    letters = []
    while True:
        low, number = number & 0x1F, number >> 5
        more = number != (-1 if low & 0x10 else 0)
        letters.append(chr(48 + (low | 0x20 if more else low)))
        if not more:
            return "".join(letters)


def polygons(mask: np.ndarray) -> list[list[int]]:
    """One polygon `[x, y, x, y, ...]` a part of a bool mask (Y, X), along the edges of its pixels.

    Parts are joined by the edges of pixels. The corners lie between pixels: the polygon around pixel
    (0, 0) is 0, 0, 1, 0, 1, 1, 0, 1. A polygon of COCO has no holes: each hole is joined to the outside by a
    cut of no width, which a filling by even and odd crossings (pycocotools') does not see.
    """
    box = bounding_box(mask)
    if box is None:
        return []
    labels, count = ndimage.label(mask[box])
    found = []
    for label, part_box in enumerate(ndimage.find_objects(labels, count), start=1):
        rings = _rings(labels[part_box] == label)
        outer = max(range(len(rings)), key=lambda k: abs(_area(rings[k])))
        path = _with_cuts(rings[outer], rings[:outer] + rings[outer + 1 :])
        shift_x = box[1].start + part_box[1].start
        shift_y = box[0].start + part_box[0].start
        found.append([number for x, y in path for number in (x + shift_x, y + shift_y)])
    return found


def bounds(mask: np.ndarray) -> list[int]:
    """COCO's `bbox`: [x, y, width, height] in pixels; zeros for an empty mask."""
    box = bounding_box(mask)
    if box is None:
        return [0, 0, 0, 0]
    rows, columns = box
    return [columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start]


def _rings(part: np.ndarray) -> list[list[Point]]:
    """The closed ways around a part and its holes, the part always to the right; corners only.

    Where two pixels meet at a corner only, the way turns right, around the same pixel: such holes and arms
    stay rings of their own.
    """
    padded = np.pad(part, 1)
    leaving: dict[Point, list[Point]] = defaultdict(list)
    # upper edges run to the right, right edges down, lower edges to the left, left edges up
    for shift, first, step in (
        ((-1, 0), (0, 0), (1, 0)),
        ((0, 1), (1, 0), (0, 1)),
        ((1, 0), (1, 1), (-1, 0)),
        ((0, -1), (0, 1), (0, -1)),
    ):
        neighbour = np.roll(padded, (-shift[0], -shift[1]), axis=(0, 1))
        for row, column in np.argwhere(padded & ~neighbour).tolist():
            leaving[column - 1 + first[0], row - 1 + first[1]].append(step)
    rings = []
    while leaving:
        start = next(iter(leaving))
        rings.append(_walk(start, leaving))
    return rings


def _walk(start: Point, leaving: dict[Point, list[Point]]) -> list[Point]:
    ring: list[Point] = []
    at, first = start, leaving[start][0]
    step = first
    while True:
        steps = leaving[at]
        turn = (-step[1], step[0])  # to the right, y runs down
        chosen = turn if turn in steps and len(steps) > 1 else steps[0]
        if not ring or chosen != step:
            ring.append(at)
        steps.remove(chosen)
        if not steps:
            del leaving[at]
        step = chosen
        at = (at[0] + step[0], at[1] + step[1])
        if at == start and (at not in leaving or first not in leaving[at]):
            break
    return ring[1:] if _straight(ring) else ring


def _straight(ring: list[Point]) -> bool:
    """Whether the first corner lies on the line between its neighbours."""
    (x0, y0), (x1, y1), (x2, y2) = ring[-1], ring[0], ring[1]
    return (x0 == x1 == x2) or (y0 == y1 == y2)


def _area(ring: list[Point]) -> float:
    """Signed: holes run the other way."""
    x, y = np.array(ring, float).T
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def _with_cuts(outer: list[Point], holes: list[list[Point]]) -> list[Point]:
    """One closed way around the outer ring and every hole, there and back between nearest corners."""
    path = list(outer)
    waiting = sorted(holes, key=min)
    for hole in waiting:
        points, ring = np.array(path), np.array(hole)
        apart = ((points[:, None, :] - ring[None, :, :]) ** 2).sum(axis=-1)
        here, there = np.unravel_index(int(np.argmin(apart)), apart.shape)
        around = [*hole[there:], *hole[: there + 1]]
        path[here + 1 : here + 1] = [*around, path[here]]
    return path
