"""`segment` on CT series: millilitres and density in the report, and what of them is only a lower bound."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from click.testing import Result
from dicom_files import save_series

pytestmark = pytest.mark.usefixtures("air_is_lung")

Run = Callable[..., Result]
OF_VOLUMES = [
    "volume_ml",
    "right_ml",
    "left_ml",
    "mean_hu",
    "laa950_percent",
    "slice_mm",
    "kernel",
    "contrast",
]
SOFT = {"Manufacturer": "SIEMENS", "ConvolutionKernel": ["Br36d", "3"], "ContrastBolusAgent": "none"}


def chest() -> np.ndarray:
    """int16 HU (30, 40, 60): lungs of 400 and 200 pixels in 24 slices, half of the right one at -960."""
    volume = np.full((30, 40, 60), 30, np.int16)
    volume[3:27, 10:30, 8:28], volume[3:27, 10:20, 32:52] = -840, -840
    volume[3:27, 10:20, 8:28] = -960
    return volume


def finished(run: Run, tmp_path: Path, *more: str) -> tuple[dict[str, str], dict[str, Any]]:
    result = run("segment", tmp_path / "thorax", "-o", tmp_path / "out", "--json", *more)
    assert result.exit_code == 0, result.output
    with (tmp_path / "out" / "report.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    return row, json.loads(result.stdout)


def test_both_lungs_are_measured_in_a_series(run: Run, tmp_path: Path) -> None:
    save_series(tmp_path / "thorax", chest(), spacing_mm=(1.25, 2.0, 2.0), SliceThickness=1.0, **SOFT)
    row, record = finished(run, tmp_path)
    assert [row[name] for name in OF_VOLUMES] == [
        *("72.0", "48.0", "24.0", "-880.0", "33.33", "1.250", "Br36d/3", "none"),
    ]
    assert [record[name] for name in OF_VOLUMES[:6]] == pytest.approx([72, 48, 24, -880, 100 / 3, 1.25])
    assert (record["kernel"], record["contrast"], record["incomplete"]) == ("Br36d/3", "none", [])
    assert record["laa950_reason"] == row["laa950_reason"] == row["incomplete"] == ""
    assert row["area_mm2"] == "" and row["area_px"] == str(24 * 600)
    assert row["checks"] == "volume"  # 72 mL are few
    said = " ".join(run("segment", tmp_path / "thorax", "-o", tmp_path / "again").output.split())
    assert "72 mL (right 48, left 24) in 30 slices" in said
    assert "Mean -880 HU; 33.3 % under -950 HU." in said


def test_the_probability_of_a_volume_has_8_bits_and_lies_in_its_place(run: Run, tmp_path: Path) -> None:
    save_series(tmp_path / "thorax", chest(), spacing_mm=(1.25, 2.0, 2.0), **SOFT)
    finished(run, tmp_path, "--probability")
    mask, probability = (
        nibabel.load(tmp_path / "out" / f"thorax_{what}.nii.gz") for what in ("mask", "probability")
    )
    assert probability.get_data_dtype() == np.uint8
    np.testing.assert_array_equal(probability.affine, mask.affine)
    values = probability.get_fdata()
    assert values.min() >= 0 and values.max() <= 1
    np.testing.assert_array_equal(values >= 0.5, np.asarray(mask.dataobj) > 0)


def test_a_scan_that_ends_within_the_lungs_says_at_least(run: Run, tmp_path: Path) -> None:
    sharp = {**SOFT, "ConvolutionKernel": "B70f", "ContrastBolusAgent": "Something 300"}
    save_series(tmp_path / "thorax", chest()[5:], spacing_mm=(2.5, 2.0, 2.0), **sharp)
    row, record = finished(run, tmp_path)
    assert record["incomplete"] == ["The scan ends within the lungs, at its first slice."]
    assert "cut-off" in row["checks"].split(";") and row["laa950_percent"] == ""
    assert record["laa950_percent"] is None and row["contrast"] == "given"
    for reason in ("slices of 2.5 mm", "the kernel B70f is sharp", "a contrast medium was given"):
        assert reason in record["laa950_reason"]
    assert row["incomplete"] == record["incomplete"][0] and row["laa950_reason"] == record["laa950_reason"]
    said = " ".join(run("segment", tmp_path / "thorax", "-o", tmp_path / "again").output.split())
    assert "at least 132 mL (right 88, left 44) in 25 slices" in said
    assert f"{row['incomplete']} Mean {float(row['mean_hu']):.0f} HU. {row['laa950_reason']}" in said


def test_a_series_that_lacks_slices_is_segmented_and_says_at_least(run: Run, tmp_path: Path) -> None:
    files = save_series(tmp_path / "thorax", chest(), spacing_mm=(1.0, 2.0, 2.0))
    for file in files[12:14]:
        file.unlink()
    row, record = finished(run, tmp_path)
    assert record["incomplete"] == ["2 slices are missing within the lungs."]
    assert float(row["volume_ml"]) == pytest.approx(22 * 600 * 4 / 1000)
    assert (row["kernel"], row["contrast"]) == ("", "unknown")
    assert "the kernel is not known" in record["laa950_reason"]
