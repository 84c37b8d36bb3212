"""Text in the pixels of an image: names, dates, addresses. It warns; it proves nothing.

Letters are small, have sharp edges and one brightness, and lie in rows. Single letters (the R or L of a
side marker) are not reported: they name nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import ndimage

_LONGEST = 1536  # larger images are looked at in coarser steps
_HEIGHT = (6, 64)  # of a letter, in pixels of what is looked at
_SHARP = 0.25  # least contrast of a stroke, in shares of the image's range
_LEAST_GLYPHS = 4


@dataclass(frozen=True)
class TextLine:
    """A row of letters: [top, bottom) and [left, right) in pixels of the image; glyphs : how many."""

    top: int
    bottom: int
    left: int
    right: int
    glyphs: int


@dataclass(frozen=True)
class _Glyph:
    top: int
    bottom: int
    left: int
    right: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left


def find_text(pixels: np.ndarray) -> list[TextLine]:
    """Rows of at least four letters, top to bottom, in an image (Y, X) or the middle slice of a stack.

    Light letters on dark ground and the other way round. An empty list says that none was found, not that
    there is none.
    """
    image = pixels[len(pixels) // 2] if pixels.ndim == 3 else pixels
    step = max(1, -(-max(image.shape) // _LONGEST))
    grey = _scaled(image[::step, ::step])
    lines = []
    for bright in (grey, 1 - grey):
        lines += [_line(glyphs, step) for glyphs in _rows(list(_glyphs(bright)))]
    return sorted(lines, key=lambda line: (line.top, line.left))


def _scaled(image: np.ndarray) -> np.ndarray:
    values = np.nan_to_num(image.astype(np.float32), posinf=0.0, neginf=0.0)
    low, high = (float(v) for v in (values.min(initial=0), values.max(initial=0)))
    return np.asarray((values - low) / max(high - low, 1e-12))


def _glyphs(grey: np.ndarray) -> Iterator[_Glyph]:
    """Small connected strokes that stand out from all around, which ribs do not."""
    strokes = grey - ndimage.grey_opening(grey, size=_stroke_size(grey)) > _SHARP
    labels, count = ndimage.label(strokes)
    for label, box in enumerate(ndimage.find_objects(labels, count), start=1):
        rows, columns = box
        glyph = _Glyph(rows.start, rows.stop, columns.start, columns.stop)
        if not _HEIGHT[0] <= glyph.height <= _HEIGHT[1]:
            continue
        ink = labels[box] == label
        if glyph.width > 1.6 * glyph.height:
            yield from _parted(glyph, ink)
        elif 0.15 <= ink.mean() <= 0.95 or glyph.width <= 3:
            yield glyph


def _parted(word: _Glyph, ink: np.ndarray) -> Iterator[_Glyph]:
    """Letters of a word that touch each other, by their usual width; none if it is a line or a wire."""
    crossings = np.median(np.count_nonzero(ink[:, 1:] != ink[:, :-1], axis=1))
    if word.width > 12 * word.height or not 0.25 <= ink.mean() <= 0.7 or crossings < 4:
        return
    number = max(2, round(word.width / (0.85 * word.height)))
    cuts = [word.left + round(word.width * k / number) for k in range(number + 1)]
    for left, right in pairwise(cuts):
        yield _Glyph(word.top, word.bottom, left, right)


def _stroke_size(grey: np.ndarray) -> int:
    return 2 * max(2, round(int(max(grey.shape)) / 150)) + 1


def _rows(glyphs: list[_Glyph]) -> Iterator[list[_Glyph]]:
    """Glyphs of about one height beside each other."""
    waiting = sorted(glyphs, key=lambda glyph: glyph.left)
    while waiting:
        row = [waiting.pop(0)]
        for glyph in list(waiting):
            if _follows(row[-1], glyph):
                row.append(glyph)
                waiting.remove(glyph)
        if len(row) >= _LEAST_GLYPHS:
            yield row


def _follows(last: _Glyph, glyph: _Glyph) -> bool:
    tall, small = max(last.height, glyph.height), min(last.height, glyph.height)
    shared = min(last.bottom, glyph.bottom) - max(last.top, glyph.top)
    gap = glyph.left - last.right
    return tall <= 1.8 * small and shared >= 0.6 * small and -0.3 * tall <= gap <= 1.5 * tall


def _line(row: list[_Glyph], step: int) -> TextLine:
    return TextLine(
        min(g.top for g in row) * step,
        max(g.bottom for g in row) * step,
        min(g.left for g in row) * step,
        max(g.right for g in row) * step,
        len(row),
    )
