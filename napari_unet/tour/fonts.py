"""A font that has the letters of a language: pictures with empty boxes are not drawn."""

from __future__ import annotations

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


def letters_missing(text: str, language: Language) -> set[str]:
    """Letters of a text that the font of a language draws as an empty box."""
    letters = font(language, 24)
    box = bytes(letters.getmask(_NOWHERE))
    return {letter for letter in text if not letter.isspace() and bytes(letters.getmask(letter)) == box}
