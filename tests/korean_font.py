"""Tests of Korean pictures need a font; elsewhere they say what is missing."""

from __future__ import annotations

import pytest

from napari_unet.core.errors import UserError
from napari_unet.tour.fonts import font
from napari_unet.tour.words import Language


def need_korean_font() -> None:
    """Skips the test, and says what to install, where no font has Korean letters."""
    try:
        font(Language.KOREAN, 12)
    except UserError as error:
        pytest.skip(f"Korean pictures are not tested: {error}")
