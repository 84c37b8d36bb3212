"""Which labels a mask gets: those of the model, both lungs as one, or right and left apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from dicom_files import save_series

from napari_unet.core.events import TileDone
from napari_unet.core.label_set import RIGHT_AND_LEFT, Label, LabelSet
from napari_unet.core.masks import MaskRule
from napari_unet.core.prediction import Prediction
from napari_unet.core.raster import Raster
from napari_unet.io.dicom_seg_read import read_seg
from napari_unet.io.formats import read_mask

Run = Callable[..., Result]
HEART = LabelSet("chest", (Label(1, "lung"), Label(2, "heart")))


@pytest.fixture
def two_labels(monkeypatch: pytest.MonkeyPatch) -> list[LabelSet]:
    """Replaces input check and network: air in the first columns has label 1, in the last ones label 2.

    The list holds the labels of the model.
    """
    from napari_unet.cli import segment_cmd
    from napari_unet.inference import segment

    labels = [RIGHT_AND_LEFT]

    def steps(raster: Raster, **_: Any) -> Iterator[TileDone]:
        air = raster.pixels < -500
        first = np.arange(raster.shape[-1]) < raster.shape[-1] // 2
        yield TileDone(1, 1)
        return Prediction(  # type: ignore[return-value]
            np.stack([air & first, air & ~first]).astype(np.float32),
            spacing_mm=raster.spacing_mm,
            label_set=labels[0],
            rule=MaskRule(per_slice=False),
            model="sides",
            version="1",
            row_direction=raster.row_direction,
        )

    monkeypatch.setattr(segment, "segment_steps", steps)
    monkeypatch.setattr(segment_cmd, "check_model", lambda *given: None)
    return labels


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
    two_labels: list[LabelSet],
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
    run: Run, two_labels: list[LabelSet], series: Path, tmp_path: Path
) -> None:
    two_labels[0] = HEART
    for asked in ((), ("--labels", "lungs")):
        assert run("segment", series, "-o", tmp_path / "out", *asked).exit_code == 0
        assert np.unique(read_mask(tmp_path / "out" / "chest_mask.nii.gz")).tolist() == [0, 1, 2]
    refused = run("segment", series, "-o", tmp_path / "other", "--labels", "left-right")
    assert refused.exit_code == 1
    assert "sides marks 1 lung, 2 heart. Omit --labels to get them." in refused.stderr
    assert not (tmp_path / "other" / "chest_mask.nii.gz").exists()
