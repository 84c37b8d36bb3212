"""Font files of this computer, for pictures and pages with letters of more than one language."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

LETTERS_UNKNOWN = "Letters that no font of this computer has are drawn as question marks."
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


@cache
def font_file(korean: bool) -> Path | None:
    """A font with the letters of European languages, or with Korean ones too; None if none is known here."""
    found = next((Path(name) for name in (_KOREAN if korean else _OTHERS) if Path(name).is_file()), None)
    return _by_fontconfig() if found is None and korean else found


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


@dataclass(frozen=True)
class PageFont:
    """A font that reportlab knows by `name`. letters : code points that it has; None: those of Latin-1."""

    name: str
    letters: frozenset[int] | None = None

    def shown(self, text: str) -> str:
        """The text with a question mark in place of each letter that the font lacks."""
        known = self.letters
        return "".join(
            letter
            if letter.isspace() or (ord(letter) in known if known is not None else _in_latin(letter))
            else "?"
            for letter in text
        )


@cache
def unicode_font() -> PageFont:
    """The font for PDF pages: a TrueType font of this computer, with Korean letters if there is one; without
    any, Helvetica, which every reader of PDF has.
    """
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFError, TTFont

    for path in filter(None, (font_file(korean=True), font_file(korean=False))):
        try:
            made = TTFont("page", str(path))
        except TTFError:  # PostScript outlines, which reportlab does not embed
            continue
        pdfmetrics.registerFont(made)
        pdfmetrics.registerFontFamily("page", normal="page", bold="page", italic="page", boldItalic="page")
        return PageFont("page", frozenset(made.face.charToGlyph))
    return PageFont("Helvetica")


def _in_latin(letter: str) -> bool:
    try:
        letter.encode("cp1252")
    except UnicodeEncodeError:
        return False
    return True
