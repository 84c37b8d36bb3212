"""Which labels a mask gets: those of the model, both lungs as one, or right and left apart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from dicom_files import save_series

from napari_unet.core.label_set import Label, LabelSet
from napari_unet.io.dicom_seg_read import read_seg
from napari_unet.io.formats import read_mask

Run = Callable[..., Result]
HEART = LabelSet("chest", (Label(1, "lung"), Label(2, "heart")))


@pytest.fixture
def series(tmp_path: Path) -> Path:
    """A folder with a CT of two lungs, of which the left one is smaller."""
    volume = np.full((6, 40, 60), 40, np.int16)
    volume[1:5, 10:30, 8:20] = -800
    volume[1:5, 10:25, 40:52] = -800
    save_series(tmp_path / "chest", volume)
    return tmp_path / "chest"


@pytest.mark.parametrize(
    ("asked", "values", "segments"),
    [
        ((), [0, 1, 2], ["right lung", "left lung"]),
        (("--labels", "left-right"), [0, 1, 2], ["right lung", "left lung"]),
        (("--labels", "lungs"), [0, 1], ["lung"]),
    ],
)
def test_of_a_model_that_tells_right_from_left(
    run: Run,
    air_is_lung: list[LabelSet],
    series: Path,
    tmp_path: Path,
    asked: tuple[str, ...],
    values: list[int],
    segments: list[str],
) -> None:
    result = run("segment", series, "-o", tmp_path / "out", "--seg", *asked)
    assert result.exit_code == 0, result.output
    mask = read_mask(tmp_path / "out" / "chest_mask.nii.gz")
    assert np.unique(mask).tolist() == values and np.count_nonzero(mask) == 4 * 12 * (20 + 15)
    seg = read_seg(tmp_path / "out" / "chest_seg.dcm")
    assert [segment.label.casefold() for segment in seg.segments] == segments


def test_other_labels_keep_their_numbers_and_have_no_sides(
    run: Run, air_is_lung: list[LabelSet], series: Path, tmp_path: Path
) -> None:
    air_is_lung[0] = HEART
    for asked in ((), ("--labels", "lungs")):
        assert run("segment", series, "-o", tmp_path / "out", *asked).exit_code == 0
        assert np.unique(read_mask(tmp_path / "out" / "chest_mask.nii.gz")).tolist() == [0, 1, 2]
    refused = run("segment", series, "-o", tmp_path / "other", "--labels", "left-right")
    assert refused.exit_code == 1
    assert "sides marks 1 lung, 2 heart. Omit --labels to get them." in refused.stderr
    assert not (tmp_path / "other" / "chest_mask.nii.gz").exists()
