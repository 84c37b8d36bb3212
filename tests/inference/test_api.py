"""`import napari_unet` in a fresh process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from net_fakes import saved

SCRIPT = """
import sys
import napari_unet as nu
heavy = {"torch", "napari", "qtpy", "PyQt5", "PyQt6", "numpy", "scipy"} & set(sys.modules)
assert not heavy, heavy
import numpy as np
image = np.random.default_rng(0).random((64, 80))
found = nu.segment(image.tolist(), model="tiny", spacing_mm=(0.5, 0.5), device="cpu")
assert type(found).__name__ == "Prediction" and found.mask().shape == (64, 80), found
assert found.spacing_mm == (0.5, 0.5)
assert not {"napari", "qtpy"} & set(sys.modules)
scores = nu.evaluate(np.ones((4, 4)), np.eye(4), spacing_mm=(2, 2))
assert scores.dice == 8 / 20 and scores.unit == "mm", scores
sure = np.zeros((40, 40), np.uint8)
sure[5:35, 5:35] = 1
unsure = np.where(np.arange(40)[:, None] > 20, 255 * sure, sure).astype(np.uint8)
scores = nu.evaluate(sure * 255, unsure)
assert (scores.dice, scores.hd95, scores.assd) == (1, 0, 0), scores
import warnings
with warnings.catch_warnings(record=True) as heard:
    warnings.simplefilter("always")
    soft = np.kron(sure, np.ones((4, 4))) * 255.0
    soft[20:140, 139] = soft[20:140, 140] = 127
    assert nu.evaluate(soft, soft > 127).dice == 1
assert "taken as lung" in str(heard[0].message), heard
with warnings.catch_warnings(record=True) as heard:
    warnings.simplefilter("always")
    found = nu.segment(image, model="tiny", device="cpu", columns_towards="R")
    assert found.row_direction == "R" and "row_direction" in str(heard[0].message), heard
for wrong in (lambda: nu.open_project("nowhere"), lambda: nu.fine_tune([], "tiny", device="cpu"),
              lambda: nu.evaluate(np.linspace(0, 1, 16).reshape(4, 4), np.eye(4))):
    try:
        wrong()
    except nu.core.errors.UserError as error:
        print(error)
try:
    nu.segment(np.zeros((64, 80)), model="tiny")
except Exception as error:
    print(nu.__version__, type(error).__name__, error)
"""


def test_the_api_in_a_fresh_process(tmp_path: Path) -> None:
    saved(tmp_path / "tiny")
    environment = {**os.environ, "NAPARI_UNET_MODELS": str(tmp_path), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "as in a probability map" in done.stdout
    assert "nowhere is not a review project" in done.stdout and "There is no case" in done.stdout
    assert "NotForModel The image is empty" in done.stdout
