"""A font that has the letters of a language: pictures with empty boxes are not drawn."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from napari_unet.core.errors import UserError
from napari_unet.tour.words import Language

_NOWHERE = "\U0010fffd"  # a letter that no font has
_KOREAN = (
    "/usr/share/fonts/truetype/nanum/NanumGothic.ttf",
    "/usr/share/fonts/truetype/nanum/NanumBarunGothic.ttf",
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/System/Library/Fonts/AppleSDGothicNeo.ttc",
    "C:/Windows/Fonts/malgun.ttf",
)
_OTHERS = (
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "/System/Library/Fonts/Helvetica.ttc",
    "C:/Windows/Fonts/arial.ttf",
)


def font(language: Language, size: int) -> Any:
    """A font of Pillow's, `size` pixels high.

    Raises UserError if this computer has none for Korean.
    """
    from PIL import ImageFont

    path = _path(language)
    return ImageFont.load_default(size) if path is None else ImageFont.truetype(str(path), size)


@cache
def _path(language: Language) -> Path | None:
    """Of a font file; None means the one that comes with Pillow, which has no Korean letters."""
    korean = language is Language.KOREAN
    for name in _KOREAN if korean else _OTHERS:
        if Path(name).is_file():
            return Path(name)
    if not korean:
        return None
    matching = _by_fontconfig()
    if matching is None:
        raise UserError(
            "There is no font with Korean letters on this computer.",
            "Install one (Debian and Ubuntu: sudo apt-get install fonts-nanum), or choose English.",
        )
    return matching


def _by_fontconfig() -> Path | None:
    """What the system itself takes for Korean, if it says that it has the letters."""
    program = shutil.which("fc-list")
    if program is None:
        return None
    found = subprocess.run(
        [program, ":lang=ko", "--format=%{file}\n"], capture_output=True, text=True, check=False
    )
    paths = (Path(line) for line in found.stdout.splitlines())
    return next((path for path in paths if path.suffix in (".ttf", ".otf", ".ttc") and path.is_file()), None)


def letters_missing(text: str, language: Language) -> set[str]:
    """Letters of a text that the font of a language draws as an empty box."""
    letters = font(language, 24)
    box = bytes(letters.getmask(_NOWHERE))
    return {letter for letter in text if not letter.isspace() and bytes(letters.getmask(letter)) == box}
