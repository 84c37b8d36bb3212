from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from napari_unet.samples import SAMPLES

PROGRAM = Path(sys.executable).with_name("napari-unet-lung")


@pytest.mark.parametrize("screen", [True, False])
def test_demo_leaves_masks_pictures_and_a_report(tmp_path: Path, screen: bool) -> None:
    hidden = () if screen else ("DISPLAY", "WAYLAND_DISPLAY")
    if screen and not os.environ.get("DISPLAY"):
        pytest.skip("no screen here")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    command = [PROGRAM, "demo", "-o", str(tmp_path), *(["--no-window"] if screen else [])]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    with (tmp_path / "report.csv").open(encoding="utf-8", newline="") as file:
        assert [row["error"] for row in csv.DictReader(file)] == [""] * 4
    for sample in SAMPLES:
        for kind in ("mask", "overlay"):
            assert (tmp_path / f"{sample.image.stem}_{kind}.png").is_file()
    assert (tmp_path / "window.png").is_file() == screen
    if screen:
        with Image.open(tmp_path / "window.png") as picture:
            assert picture.width > 1000
            assert len(picture.convert("RGB").resize((64, 64)).getcolors(4096) or ()) > 500
