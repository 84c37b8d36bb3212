"""A mask of three labels in the Segment dock: its threshold, what it measures, how it is saved."""

from __future__ import annotations

from pathlib import Path
from weakref import ref

import numpy as np
from napari.layers import Image

from napari_unet.core.label_set import RIGHT_AND_LEFT, LabelSet, named_set
from napari_unet.core.masks import MaskRule
from napari_unet.core.prediction import Prediction
from napari_unet.io.formats import read_mask
from napari_unet.widgets.common import results
from napari_unet.widgets.common.results import MaskResult
from napari_unet.widgets.segment.report_view import label_table

CHEST = named_set(("right lung", "left lung", "heart"))
PLACES = (np.s_[5:35, 2:12], np.s_[5:35, 28:38], np.s_[20:30, 15:25])


def result_of(labels: LabelSet = CHEST, spacing: tuple[float, float] | None = (2.0, 2.0)) -> MaskResult:
    """Boxes of 0.9 in a rim of 0.4, one for each label."""
    maps = np.zeros((len(labels.labels), 40, 40), np.float32)
    for channel, (rows, columns) in zip(maps, PLACES, strict=False):
        channel[rows.start - 2 : rows.stop + 2, columns.start - 1 : columns.stop + 1] = 0.4
        channel[rows, columns] = 0.9
    rule = MaskRule(largest_parts=0, fill_holes=False)
    prediction = Prediction(maps, label_set=labels, rule=rule, spacing_mm=spacing, threshold=0.5)
    image = Image(np.zeros((40, 40)))
    made = MaskResult(prediction, {}, ref(image), threshold=0.5)
    made.kept = image  # type: ignore[attr-defined]  # the layer lives as long
    return made


def put(data: np.ndarray, edit: results.Edit) -> None:
    data[edit.where] = edit.values


def test_the_threshold_moves_every_label_and_leaves_strokes_alone() -> None:
    result = result_of()
    data = results.first_labels(result)
    assert [np.count_nonzero(data == value) for value in (1, 2, 3)] == [300, 300, 100]
    data[20, 15:25], data[0, 0], data[38, 20] = 1, 3, 9  # strokes; 9 is not a label of the model
    put(data, results.edit_to(result, data, 0.3))
    assert (data[20, 15:25] == 1).all() and data[0, 0] == 3 and data[38, 20] == 9
    assert data[18, 20] == 3 and data[4, 5] == 1 and data[4, 30] == 2
    put(data, results.edit_to(result, data, 0.5))
    expected = results.first_labels(result_of())
    expected[20, 15:25], expected[0, 0], expected[38, 20] = 1, 3, 9
    np.testing.assert_array_equal(data, expected)


def test_each_label_is_measured_and_no_lung_is_missed() -> None:
    result = result_of()
    data = results.first_labels(result)
    data[data == 1] = 0
    summary = results.summarise(result, data, 0)
    assert summary.measures is None and summary.numbers is not None and summary.check_results == ()
    assert summary.numbers.sizes == (("right lung", 0), ("left lung", 300), ("heart", 100))
    assert "<td>Heart</td><td align=right>&nbsp;&nbsp;400 mm²</td>" in label_table(summary.numbers)
    data[0, 0] = 9
    assert "Label 9 means nothing here" in results.summarise(result, data, 0).check_results[0]
    assert results.summarise(result, data * 0, 0).check_results == ("Nothing is marked.",)
    assert result.context().labels == CHEST


def test_a_saved_mask_keeps_the_labels(tmp_path: Path) -> None:
    result = result_of()
    data = results.first_labels(result)
    np.testing.assert_array_equal(read_mask(results.save(result, data, tmp_path / "mask.png")), data)
    heart = result_of(named_set(("heart",)))
    saved = read_mask(results.save(heart, results.first_labels(heart), tmp_path / "heart.png"))
    assert set(np.unique(saved)) == {0, 255}


def test_sides_that_the_model_tells_apart_are_the_models() -> None:
    result = result_of(RIGHT_AND_LEFT)
    data = results.first_labels(result)
    data = np.where(data > 0, 3 - data, 0).astype(np.uint8)  # swapped, as geometry would not have them
    summary = results.summarise(result, data, 0)
    assert not result.by_geometry and summary.left_right and summary.measures is not None
    assert (summary.measures.right_pixels, summary.measures.left_pixels) == (300, 300)
    put(data, results.edit_to(result, data, 0.3))
    assert data[10, 5] == 2 and data[4, 5] == 1  # what was painted stays, what comes is the model's
