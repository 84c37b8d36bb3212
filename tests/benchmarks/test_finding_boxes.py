"""Pictures of the maps beside boxes that a radiologist has drawn, from the real test images."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.finding import boxes


def test_a_picture_for_each_test_image_with_a_box(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["boxes", str(tmp_path / "out")])
    boxes.main()
    pictures = sorted((tmp_path / "out").iterdir())
    assert len(pictures) == 5 and capsys.readouterr().out.count("Pneumonia") == 5
    for path in pictures:
        pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
        yellow = (pixels[..., 0] > 220) & (pixels[..., 1] > 200) & (pixels[..., 2] < 90)
        assert yellow.sum() > 200
