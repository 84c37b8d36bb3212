"""A font that has the letters of a language: pictures with empty boxes are not drawn."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

from napari_unet.core.errors import UserError
from napari_unet.io.fonts import font_file
from napari_unet.tour.words import Language

_NOWHERE = "\U0010fffd"  # a letter that no font has


def font(language: Language, size: int) -> Any:
    """A font of Pillow's, `size` pixels high.

    Raises UserError if this computer has none for Korean.
    """
    from PIL import ImageFont

    path = _path(language)
    return ImageFont.load_default(size) if path is None else ImageFont.truetype(str(path), size)


def _path(language: Language) -> Path | None:
    """Of a font file; None means the one that comes with Pillow, which has no Korean letters."""
    korean = language is Language.KOREAN
    found = font_file(korean)
    if found is None and korean:
        raise UserError(
            "There is no font with Korean letters on this computer.",
            "Install one (Debian and Ubuntu: sudo apt-get install fonts-nanum), or choose English.",
        )
    return found


class Letters:
    """Letters of a language, `size` pixels high. Korean fonts lack ş: it is taken from the English one."""

    def __init__(self, language: Language, size: int) -> None:
        self._language = language
        self._fonts = [font(one, size) for one in _order(language)]

    def length(self, text: str) -> float:
        """Pixels from the first letter to the end of the last."""
        return sum(float(letters.getlength(run)) for letters, run in self._runs(text))

    def write(self, pen: Any, place: tuple[float, float], text: str, **options: Any) -> None:
        """With a pen of Pillow's; place : of the upper left corner. All letters stand on one line."""
        x, y = place
        bottom = y + self._fonts[0].getmetrics()[0]
        for letters, run in self._runs(text):
            pen.text((x, bottom), run, font=letters, anchor="ls", **options)
            x += letters.getlength(run)

    def write_in_middle(self, pen: Any, middle: tuple[float, float], text: str, **options: Any) -> None:
        """A number around a place; the language's own font has all letters of numbers."""
        pen.text(middle, text, font=self._fonts[0], anchor="mm", **options)

    def _runs(self, text: str) -> Iterator[tuple[Any, str]]:
        """Parts of the text, each with the font that has its letters."""
        for at, run in groupby(text, self._which):
            yield self._fonts[at], "".join(run)

    def _which(self, letter: str) -> int:
        """The first font that has a letter; that of the language where none has."""
        here = (at for at, language in enumerate(_order(self._language)) if has_letter(letter, language))
        return next(here, 0)


def letters_missing(text: str, language: Language) -> set[str]:
    """Letters of a text that are drawn as an empty box, because no font of `Letters` has them."""
    return {letter for letter in text if not any(has_letter(letter, one) for one in _order(language))}


@cache
def has_letter(letter: str, language: Language) -> bool:
    """Whether the font of a language has a letter."""
    letters, box = _probe(language)
    return letter.isspace() or bytes(letters.getmask(letter)) != box


@cache
def _probe(language: Language) -> tuple[Any, bytes]:
    """A font, and what it draws for a letter that it lacks."""
    letters = font(language, 24)
    return letters, bytes(letters.getmask(_NOWHERE))


def _order(language: Language) -> tuple[Language, ...]:
    """Whose fonts are asked for a letter, one after the other."""
    return (language,) if language is Language.ENGLISH else (language, Language.ENGLISH)
