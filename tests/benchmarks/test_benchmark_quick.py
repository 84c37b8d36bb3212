"""Every benchmark runs, small and once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.cases import CASES
from benchmarks.result import read
from napari_unet.tour.stops import TOUR

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_quick_mode_measures_every_case_and_keeps_torch_out_of_the_window(tmp_path):
    results, page = tmp_path / "results", tmp_path / "page.md"
    command = [sys.executable, "-m", "benchmarks", "--quick", "--results", str(results), "--page", str(page)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=1200)
    found = {name: read(results / f"{name}.json") for name in CASES}
    assert all(result.rows for result in found.values())
    failed = [row for result in found.values() for row in result.rows if "the process ended" in str(row[1])]
    assert not failed  # a screen or another program may be missing, but what is there must work
    tiles = [row for row in found["tiled"].rows if "tiles" in row[1]]
    assert tiles and all(row[-1] < 1e-6 for row in tiles)
    torch = {row[0]: row[-1] for row in found["start"].rows}
    assert torch["`import napari_unet`"] == torch["`napari-unet-lung --help`"] == "no"
    assert len(found["tour"].rows) == len(TOUR) and all(len(row) == 5 for row in found["tour"].rows)
    window = found["window"]
    assert "not measured" in window.rows[0][1:] or window.notes == ["torch in the window's process: no."]
    assert "## Where it was measured" in page.read_text(encoding="utf-8")
