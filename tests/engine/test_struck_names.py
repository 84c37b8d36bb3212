"""No name of a file reaches a log, however its letters are composed."""

from __future__ import annotations

import unicodedata
from pathlib import Path

from napari_unet.engine.report import _texts, _without


def test_both_compositions_and_the_stem_of_a_uid_are_struck_out() -> None:
    stored = Path("/ward") / unicodedata.normalize("NFD", "Müller_André.png")
    said = ValueError("no mask for Müller_André in Müller_André.png")
    assert "ller" not in _without(_texts({"path": str(stored)}), said)
    said = ValueError("1.2.840.99.55_mask: 1.2.840.99.55")
    assert "ValueError: <argument>_mask: <argument>" in _without(_texts([Path("/ward/1.2.840.99.55")]), said)
