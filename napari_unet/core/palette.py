"""Colours that stay apart for colour-blind readers and on grey images (Okabe and Ito, 2008)."""

from __future__ import annotations

from typing import Final

ORANGE: Final = "#e69f00"
SKY_BLUE: Final = "#56b4e9"
BLUISH_GREEN: Final = "#009e73"
YELLOW: Final = "#f0e442"
VERMILLION: Final = "#d55e00"
REDDISH_PURPLE: Final = "#cc79a7"

LUNGS: Final = SKY_BLUE
RIGHT_LUNG: Final = ORANGE
LEFT_LUNG: Final = SKY_BLUE
NOT_SURE: Final = REDDISH_PURPLE  # grey is not seen on an X-ray
