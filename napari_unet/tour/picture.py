"""A Look as one picture: a title, a sentence, and the panels with their captions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from napari_unet.core.inside import Look, Panel
from napari_unet.tour.captions import CAPTIONS, MISSING
from napari_unet.tour.fonts import Letters
from napari_unet.tour.words import Language

WIDTH = 1200
_HEIGHT = 1300  # of a page of several rows, if their panels do not become smaller than _SMALLEST
_EDGE, _GAP = 40, 24  # pixels around and between
_TITLE, _SENTENCE, _CAPTION, _NUMBER = 40, 29, 25, 25  # sizes of letters: to be read in a small window
_STROKE = {Language.ENGLISH: 0.0, Language.KOREAN: 0.3}  # pixels more: Korean fonts are thin
_MOST_COLUMNS = 3
_WIDEST, _TALLEST, _SMALLEST = 560, 520, 260  # pixels of a panel
_INK, _QUIET, _PAPER, _LINE = (20, 20, 20), (60, 60, 60), (255, 255, 255), (200, 200, 200)


def picture(look: Look, title: str, sentence: str, language: Language) -> np.ndarray:
    """uint8 (Y, X, 3), WIDTH wide and as high as it needs. Raises UserError without a font."""
    from PIL import Image, ImageDraw

    columns = _columns(len(look.panels))
    room = min(_WIDEST, (WIDTH - 2 * _EDGE - (columns - 1) * _GAP) // columns) if columns else 0
    pen = ImageDraw.Draw(Image.new("RGB", (1, 1)))
    top = _Writer(pen, language)
    heading = top.lines(title, _TITLE, WIDTH - 2 * _EDGE)
    words = top.lines(sentence, _SENTENCE, WIDTH - 2 * _EDGE)
    notes = (
        top.lines(MISSING.say(language, {"models": ", ".join(look.missing)}), _CAPTION, WIDTH - 2 * _EDGE)
        if look.missing
        else []
    )
    captions = [top.lines(caption(panel, language), _CAPTION, room) for panel in look.panels]
    rows = [captions[k : k + columns] for k in range(0, len(captions), columns)] if columns else []
    below = [8 + max(map(len, row)) * _step(_CAPTION) + _GAP for row in rows]
    head = _EDGE + len(heading) * _step(_TITLE) + 8 + len(words) * _step(_SENTENCE)
    head += len(notes) * _step(_CAPTION) + _GAP
    text = head + sum(below) + _EDGE // 2
    side = min(room, _TALLEST, max(_SMALLEST, (_HEIGHT - text) // max(1, len(rows))))
    heights = [side + caption for caption in below]
    page = Image.new("RGB", (WIDTH, text + len(rows) * side), _PAPER)
    writer = _Writer(ImageDraw.Draw(page), language)
    y = writer.write(heading, _EDGE, _EDGE, _TITLE, _INK) + 8
    y = writer.write(words, _EDGE, y, _SENTENCE, _INK)
    writer.write(notes, _EDGE, y, _CAPTION, _QUIET)
    y = head
    for first, (row, height) in enumerate(zip(rows, heights, strict=True)):
        for place, lines in enumerate(row):
            panel = look.panels[first * columns + place]
            x = _EDGE + place * (room + _GAP)
            if panel.pixels is not None:
                page.paste(Image.fromarray(_fitted(panel.pixels, room, side)), (x, y))
            elif panel.numbers is not None:
                writer.table(panel.numbers, x, y, min(room, side))
            writer.write(lines, x, y + side + 8, _CAPTION, _QUIET)
        y += height
    drawn: np.ndarray = np.asarray(page)
    return drawn


def caption(panel: Panel, language: Language) -> str:
    """What stands under a panel."""
    return CAPTIONS[panel.name].say(language, panel.facts)


def number_text(value: float) -> str:
    """A number as it stands in a cell. Korean fonts have no minus sign: an en dash stands for it."""
    if not np.isfinite(value):
        return "?"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    rounded = round(float(value), digits) or 0.0
    return f"{rounded:.{digits}f}".replace("-", "–")


def _columns(panels: int) -> int:
    return 2 if panels == 4 else min(panels, _MOST_COLUMNS)


def _step(size: int) -> int:
    """From one line to the next."""
    return round(size * 1.35)


def _fitted(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    """uint8 (y, x, 3) as large as fits; few pixels stay squares."""
    from PIL import Image

    grey = Image.fromarray(pixels).convert("RGB")
    factor = min(width / grey.width, height / grey.height)
    size = max(1, round(grey.width * factor)), max(1, round(grey.height * factor))
    way = Image.Resampling.NEAREST if factor >= 2 else Image.Resampling.BILINEAR
    resized: np.ndarray = np.asarray(grey.resize(size, way))
    return resized


class _Writer:
    """Letters of one language."""

    def __init__(self, pen: Any, language: Language) -> None:
        self._pen, self._language = pen, language

    def lines(self, text: str, size: int, width: int) -> list[str]:
        """Text in lines of at most `width` pixels; words that are longer are broken."""
        letters = Letters(self._language, size)
        lines, line = [], ""
        for word in _words(text, lambda part: letters.length(part) <= width):
            longer = f"{line} {word}".strip()
            if line and letters.length(longer) > width:
                lines.append(line)
                longer = word
            line = longer
        return [*lines, line] if line else lines

    def write(self, lines: list[str], x: int, y: int, size: int, colour: tuple[int, int, int]) -> int:
        """Returns where the next line would be."""
        letters = Letters(self._language, size)
        for line in lines:
            letters.write(self._pen, (x, y), line, fill=colour, stroke_width=_STROKE[self._language])
            y += _step(size)
        return y

    def table(self, numbers: np.ndarray, x: int, y: int, side: int) -> None:
        """Numbers in square cells, darker where they are larger."""
        rows, columns = numbers.shape
        cell = side // max(rows, columns)
        letters = Letters(self._language, min(_NUMBER, max(9, cell // 3)))
        largest = float(np.nanmax(np.abs(numbers))) or 1.0
        for row in range(rows):
            for column in range(columns):
                left, top = x + column * cell, y + row * cell
                value = float(numbers[row, column])
                shade = 255 - round(110 * abs(value) / largest) if np.isfinite(value) else 255
                fill = (shade, shade, 255) if value < 0 else (255, 255 - (255 - shade) // 2, shade)
                self._pen.rectangle((left, top, left + cell, top + cell), fill=fill, outline=_LINE)
                centre = (left + cell / 2, top + cell / 2)
                stroke = _STROKE[self._language]
                letters.write_in_middle(self._pen, centre, number_text(value), fill=_INK, stroke_width=stroke)


def _words(text: str, fits: Any) -> Iterator[str]:
    for word in text.split():
        if fits(word):
            yield word
            continue
        part = ""
        for letter in word:
            if part and not fits(part + letter):
                yield part
                part = ""
            part += letter
        if part:
            yield part
