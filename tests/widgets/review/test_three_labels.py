"""A project with three labels: its images come in, each label is painted, and its masks go out again."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import tifffile
from casework_fakes import Review, stroke, write_images
from PIL import Image as Picture

from napari_unet.core.label_set import Label, LabelSet
from napari_unet.core.labels import IGNORE
from napari_unet.core.steps import run
from napari_unet.review.exporting.export import ExportOptions, export_steps
from napari_unet.review.exporting.kinds import Format
from napari_unet.review.reporting.report import report_steps
from napari_unet.review.types import Status
from napari_unet.widgets.common.colours import legend_of
from napari_unet.widgets.correct import CorrectWidget

CHEST = LabelSet(
    "chest",
    (Label(1, "right lung", "R"), Label(2, "left lung", "L"), Label(4, "heart", code="80891009")),
)
PLACES = {"Right lung": (20, 15), "Left lung": (20, 60), "Heart": (40, 40)}


@pytest.fixture
def dock(review: Review) -> Iterator[CorrectWidget]:
    widget = CorrectWidget(review.viewer)
    review.viewer.window.add_dock_widget(widget, name="Correct", area="right")
    yield widget
    review.viewer.window.remove_dock_widget(widget)


def one_case(review: Review, tmp_path: Path, protocol: str = "") -> str:
    """The id of the only case in a new project with three labels."""
    review.work.create_project(review.folder, protocol, CHEST)
    review.qtbot.waitUntil(lambda: review.work.project is not None)
    review.work.importer.add_images(write_images(tmp_path / "images", 1))
    review.qtbot.waitUntil(lambda: len(review.work.cases) == 1)
    return next(iter(review.work.cases))


def test_three_labels_from_the_first_image_to_the_report(
    review: Review, dock: CorrectWidget, tmp_path: Path
) -> None:
    case = one_case(review, tmp_path, "as far as they can be seen")
    review.settle()
    layer = review.open(case)
    review.qtbot.waitUntil(lambda: len(dock.labels.others) == 3)
    review.qtbot.waitUntil(lambda: dock.target.plane() is not None)

    assert dock.labels.lung.isHidden() and dock.labels.left.isHidden()
    assert all(dock.actions.buttons[text].isHidden() for text in ("Mirror right lung", "Mirror left lung"))
    for button in dock.labels.others:
        button.click()
        stroke(layer, PLACES[button.text()], label=layer.selected_label)
    dock.labels.unsure.click()
    stroke(layer, (5, 5), label=layer.selected_label)
    assert set(np.unique(layer.data)) == {0, 1, 2, 4, IGNORE}
    colours = [tuple(np.round(layer.get_color(entry.value), 2)) for entry in legend_of(CHEST)]
    assert len({*colours, tuple(np.round(layer.get_color(IGNORE), 2))}) == 4
    review.qtbot.waitUntil(lambda: "Heart" in dock.numbers._sizes.text())
    assert (
        "Right lung" in dock.numbers._sizes.text()
        and "means nothing" not in dock.numbers._check_results.text()
    )

    painted = np.array(layer.data)
    review.work.decisions.accept()
    review.qtbot.waitUntil(lambda: review.work.cases[case].status == Status.CORRECTED)
    np.testing.assert_array_equal(review.saved(case), painted)
    assert review.work.project.case(case).checks == ()
    assert not review.failures

    project = review.work.project
    options = ExportOptions()
    out = run(export_steps(project, tmp_path / "out", tuple(Format), options)).folder
    goes_out_in_every_format(out, case, painted)
    table, page = report(run(report_steps(project, tmp_path / "report", "Ann")))
    assert table[0]["heart_px"] == str(np.count_nonzero(painted == 4)) and table[0]["right_px"] == ""
    assert "lung masks" not in page and "heart: as far as they can be seen" in page


def goes_out_in_every_format(out: Path, case: str, mask: np.ndarray) -> None:
    """Each number is read again by another library, with what says what it means."""
    read = {
        "png": np.asarray(Picture.open(out / "png" / "masks" / f"{case}.png")),
        "tiff": tifffile.imread(out / "tiff" / "masks" / f"{case}.tif"),
        "nifti": np.asarray(nib.load(out / "nifti" / "masks" / f"{case}.nii.gz").dataobj).squeeze().T,
    }
    for folder, found in read.items():
        np.testing.assert_array_equal(found, mask, err_msg=folder)
        lines = (out / folder / "labels.csv").read_text().splitlines()
        assert lines[1:] == [
            "0,background,,",
            "1,right lung,R,",
            "2,left lung,L,",
            "4,heart,,80891009",
            "255,not sure,,",
        ]
    (coco,) = (out / "coco" / "annotations").glob("labels_*_rle.json")
    listed = json.loads(coco.read_text())
    assert [(c["id"], c["name"]) for c in listed["categories"]] == [
        (1, "right lung"),
        (2, "left lung"),
        (4, "heart"),
    ]
    areas = {a["category_id"]: a["area"] for a in listed["annotations"] if not a["iscrowd"]}
    assert areas == {value: np.count_nonzero(mask == value) for value in CHEST.values}
    (dataset,) = (out / "nnunet").glob("Dataset501_Radiographs")
    said = json.loads((dataset / "dataset.json").read_text())["labels"]
    assert said == {"background": 0, "right lung": 1, "left lung": 2, "heart": 3, "ignore": 4}
    (file,) = dataset.glob("labels*/*.nii.gz")
    numbers = np.asarray(nib.load(file).dataobj).squeeze().T
    np.testing.assert_array_equal(numbers, np.array([0, 1, 2, 0, 3, *[0] * 250, 4])[mask])
    words = (out / "README.txt").read_text()
    assert words.startswith("Masks of 1 case") and "1 right lung, 2 left lung, 4 heart, 255 ignore" in words


def report(folder: Path) -> tuple[list[dict[str, str]], str]:
    with (folder / "report.csv").open(newline="") as file:
        return list(csv.DictReader(file)), (folder / "summary.html").read_text()


def test_a_label_that_is_not_the_projects_is_told_when_it_is_painted(
    review: Review, dock: CorrectWidget, tmp_path: Path
) -> None:
    layer = review.open(one_case(review, tmp_path))
    stroke(layer, (20, 20), label=2)
    stroke(layer, (20, 40), label=3)
    review.qtbot.waitUntil(lambda: bool(review.failures))
    assert "Label 3 means nothing here: there are 1 right lung, 2 left lung, 4 heart." in str(
        review.failures[0]
    )
    assert not any("left lung, but" in told for told in review.news)
