"""A clinician goes through twelve X-rays by mouse and keys, the process is killed, and nothing is lost."""

from __future__ import annotations

import csv
import json
import time
from dataclasses import dataclass, field
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from clinic_rooms import COVID, REVIEWER, Window, command, first_mask, gap, problems
from PIL import Image

from napari_unet.review.store import ReviewProject
from napari_unet.review.types import Author, AuthorKind, Case, Reason, Status
from napari_unet.review.types import Status as S

NAMES = sorted(path.name for path in (COVID / "images").iterdir())
WITHOUT = NAMES[8]  # no mask is given for this one
STROKE = 14  # width of the brush, pixels
DECIDED = [
    (1, S.ACCEPTED, None),
    (2, S.ACCEPTED, None),
    (3, S.CORRECTED, None),
    (4, S.CORRECTED, None),
    (5, S.CORRECTED, None),
    (6, S.REJECTED, Reason.POOR_QUALITY),
    (7, S.SECOND_LOOK, None),
    (8, S.REJECTED, Reason.DUPLICATE),
    (8, "taken back", None),
    (8, S.ACCEPTED, None),
    (9, S.ACCEPTED, None),
    (10, S.CORRECTED, None),
    (11, S.CORRECTED, None),
]
"""What is decided, in the order of the day; case 12 is left as it is."""
STANDS = {number: (status, reason) for number, status, reason in DECIDED} | {12: (S.IN_PROGRESS, None)}
USABLE = {number for number, (status, _) in STANDS.items() if status in (S.ACCEPTED, S.CORRECTED)}
PAINTED = {3, 4, 5, 10, 11}


@dataclass
class Day:
    """What there was at the end. seen : the mask on the screen when each case was decided, by its number."""

    folder: Path
    project: Path
    seen: dict[int, np.ndarray] = field(default_factory=dict)

    def export(self) -> Path:
        return self.folder / "export"

    def cases(self) -> dict[int, Case]:
        """By number."""
        with ReviewProject.open(self.project) as project:
            return {case.number: case for case in project.cases()}


pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pycocotools.*")


@pytest.fixture(scope="module")
def day(tmp_path_factory) -> Day:
    """The whole day: two windows, a kill between them, then export and report."""
    folder = tmp_path_factory.mktemp("clinic")
    day = Day(folder, folder / "project")
    window = Window(folder / "home")
    try:
        _morning(window, day)
    finally:
        window.kill()
    with ReviewProject.open(day.project) as project:
        assert [problem for problem in problems(project) if not problem.harmless] == []
    window = Window(folder / "home", day.project)
    try:
        _afternoon(window, day)
        assert window.gone() == 0
    finally:
        window.kill()
    formats = [part for name in ("png", "nnunet", "coco") for part in ("--format", name)]
    command("review", "export", day.project, "-o", day.export(), *formats)
    command("review", "report", day.project, "-o", folder / "report")
    return day


def _morning(window: Window, day: Day) -> None:
    masks = day.folder / "masks"
    masks.mkdir()
    for path in (COVID / "masks").iterdir():
        if path.name != WITHOUT:
            (masks / path.name).write_bytes(path.read_bytes())
    window.new_project(REVIEWER, COVID / "images", masks, COVID / "manifest.csv", day.project)
    window.wait("cases", 12)
    window.choose_order("Case number")
    window.wait("news", "11 masks taken from the folder; 1 case without a mask.")
    window.click_case(1)
    window.wait("lung", True)
    assert window.see()["focus"], "the keyboard does not belong to the canvas"

    accept(window, day, 1)
    accept(window, day, 2)

    window.key("2")  # napari's own brush
    window.set_brush(STROKE)
    paint(window, gap(window.pixels()))
    accept(window, day, 3)

    window.raise_dock("Correct")
    window.click("Smart brush")
    paint(window, gap(window.pixels()))
    accept(window, day, 4)

    window.click("Push border")
    mask = window.pixels()
    row, column = gap(mask)[0]
    lung = np.flatnonzero(mask[round(row), : round(column)])[-1]  # the border on the left of the gap
    paint(window, [(row, lung - 5), (row, lung + 10)])
    assert window.pixels()[round(row), lung + 7] == 1, "the border was not pushed"
    accept(window, day, 5)

    window.key("R")
    window.wait("reasons", True)
    window.key("4")
    window.wait("open", 7)

    window.key("S")
    window.wait("open", 8)

    window.key("R")
    window.wait("reasons", True)
    window.key("6")
    window.wait("open", 9)
    window.key("T")
    window.wait("open", 8)
    accept(window, day, 8)

    window.key("A")
    assert "press A once more" in window.wait("message", "The mask is empty.")["message"]
    assert window.see()["open"] == 9
    accept(window, day, 9)

    window.key("2")
    window.set_brush(STROKE)
    paint(window, gap(window.pixels()))
    window.safe()
    day.seen[10] = window.pixels()
    way = [(row + 40, column) for row, column in gap(first_of(day, 10))]
    window.drag(way, False)
    assert not np.array_equal(window.pixels(), day.seen[10]), "no stroke is under way"


def _afternoon(window: Window, day: Day) -> None:
    window.wait("cases", 12)
    assert window.see()["reviewer"] == REVIEWER
    window.choose_order("Case number")
    window.click_case(10)
    window.until_pixels(day.seen[10])
    accept(window, day, 10)

    window.key("2")
    window.set_brush(STROKE)
    mask = window.pixels()
    paint(window, gap(mask))
    kept = window.pixels()
    paint(window, [(row + 40, column) for row, column in gap(mask)])
    window.key("Ctrl+Z")
    window.until_pixels(kept)
    accept(window, day, 11)
    window.wait("open", 12)
    assert not window.see()["torch"]
    window.close()


def first_of(day: Day, number: int) -> np.ndarray:
    """The mask that was given for a case."""
    with ReviewProject.open(day.project) as project:
        return first_mask(project, next(case.id for case in project.cases() if case.number == number))


def accept(window: Window, day: Day, number: int) -> None:
    """Accept the open case by its key, again where a check is named, and wait for the next one."""
    assert window.see()["open"] == number
    day.seen[number] = window.pixels()
    window.key("A")
    end = time.monotonic() + 60
    while (seen := window.see())["open"] == number and time.monotonic() < end:
        if f"Case {number}:" in seen["message"] and "once more" in seen["message"]:
            window.key("A")
            break
    window.wait("open", number + 1)


def paint(window: Window, points: list[tuple[float, float]]) -> None:
    """One stroke with the tool in use: one step of undo, near the line and nowhere else."""
    steps, before = window.see()["steps"], window.pixels()
    window.drag([tuple(map(float, point)) for point in points])
    window.wait("busy", False)
    window.wait("steps", steps + 1)
    rows, columns = np.nonzero(window.pixels() != before)
    assert len(rows)
    (top, left), (bottom, right) = np.min(points, axis=0) - 80, np.max(points, axis=0) + 80
    assert rows.min() > top and rows.max() < bottom and columns.min() > left and columns.max() < right


def test_everything_stands_as_it_was_decided(day):
    with ReviewProject.open(day.project) as project:
        assert [project.source(case.id).name for case in project.cases()] == NAMES
    assert {number: (case.status, case.reason) for number, case in day.cases().items()} == STANDS
    assert {case.reviewer for number, case in day.cases().items() if number < 12} == {REVIEWER}
    assert all(case.lease == "" for case in day.cases().values())
    assert all(case.active_seconds > 0 for case in day.cases().values())


def test_the_masks_are_what_was_on_the_screen(day):
    with ReviewProject.open(day.project) as project:
        for number, case in day.cases().items():
            if case.revision is not None:
                expected = day.seen.get(number, first_of(day, number))
                np.testing.assert_array_equal(project.read_mask(case.revision), expected)
        assert problems(project) == []
    assert list((day.project / "journal").iterdir()) == []


def test_every_mask_has_its_author(day):
    with ReviewProject.open(day.project) as project:
        for number, case in day.cases().items():
            first, *others = project.revisions(case.id)
            if NAMES[number - 1] == WITHOUT:
                assert first.author == Author(AuthorKind.PERSON, REVIEWER) and not others
                continue
            assert first.author.kind == AuthorKind.FILE
            np.testing.assert_array_equal(project.read_mask(first.id), first_of(day, number))
            assert bool(others) == (number in PAINTED)
            assert all(one.author == Author(AuthorKind.PERSON, REVIEWER) for one in others)
            assert [one.parent for one in others] == [one.id for one in (first, *others)][: len(others)]


def test_the_trail_tells_the_day(day):
    numbers = {case.id: number for number, case in day.cases().items()}
    with ReviewProject.open(day.project) as project:
        events = project.events()
    told = [event for event in events if event.kind in ("decided", "taken back")]
    assert [
        (
            numbers[event.case],
            event.kind if event.kind == "taken back" else Status(event.details["status"]),
            event.details.get("reason") and Reason(event.details["reason"]),
        )
        for event in told
    ] == DECIDED
    assert {event.who for event in told} == {REVIEWER}
    assert [event.number for event in events] == sorted(event.number for event in events)
    assert not any(Path(name).stem in str(event.details) for event in events for name in NAMES)


def test_the_report_tells_what_was_done(day):
    rows = {int(row["number"]): row for row in _rows(day.folder / "report" / "report.csv")}
    assert {
        number: (row["status"], row["reason"] or None, row["reviewer"]) for number, row in rows.items()
    } == {
        number: (status.value, reason and reason.value, REVIEWER if number < 12 else "")
        for number, (status, reason) in STANDS.items()
    }
    for number in USABLE - {9}:
        before, now = first_of(day, number), day.seen[number]
        overlap = 2 * np.count_nonzero(before & now) / (np.count_nonzero(before) + np.count_nonzero(now))
        assert rows[number]["first_mask"] == "file"
        assert int(rows[number]["changed_px"]) == np.count_nonzero(before != now)
        assert float(rows[number]["dice"]) == pytest.approx(overlap, abs=1e-4)
    page = (day.folder / "report" / "summary.html").read_text()
    assert Reason.POOR_QUALITY.value in page and "data:image/jpeg;base64" in page
    assert not any(Path(name).stem in page for name in NAMES)


def test_the_export_has_the_accepted_and_no_other(day):
    rows = _rows(day.export() / "manifest.csv")
    ids = {case.id: number for number, case in day.cases().items()}
    for name in ("png", "nnunet", "coco"):
        mine = [row for row in rows if row["format"] == name]
        assert sorted(ids[row["case"]] for row in mine) == sorted(USABLE)
    for row in rows:
        assert row["status"] == STANDS[ids[row["case"]]][0]
        assert (day.export() / row["file"]).exists() and (day.export() / row["mask"]).exists()
    assert len({row["patient"] for row in rows}) == len(USABLE) and "" not in {row["patient"] for row in rows}
    text = "".join(path.read_text() for path in day.export().rglob("*.csv"))
    assert not any(Path(name).stem in text for name in NAMES)


def test_png_and_nnunet_have_the_pixels(day):
    ids = {case.id: number for number, case in day.cases().items()}
    for row in _rows(day.export() / "manifest.csv"):
        path, expected = day.export() / row["mask"], day.seen[ids[row["case"]]]
        if row["format"] == "png":
            np.testing.assert_array_equal(np.array(Image.open(path)), expected)
            pixels = np.array(Image.open(day.export() / row["file"]))
            original = np.array(Image.open(COVID / "images" / NAMES[ids[row["case"]] - 1]))
            np.testing.assert_array_equal(pixels, original)
        elif row["format"] == "nnunet":
            np.testing.assert_array_equal(np.squeeze(nib.load(path).get_fdata()).T, expected)


def test_coco_has_the_pixels(day):
    coco = pytest.importorskip("pycocotools.mask")
    ids = {case.id: number for number, case in day.cases().items()}
    for kind in ("rle", "polygons"):
        (path,) = (day.export() / "coco" / "annotations").glob(f"*_{kind}.json")
        found = json.loads(path.read_text())
        assert len(found["images"]) == len(USABLE)
        for image in found["images"]:
            expected = day.seen[ids[Path(image["file_name"]).stem]]
            mine = [one["segmentation"] for one in found["annotations"] if one["image_id"] == image["id"]]
            assert len(mine) == int(expected.any())
            for shape in mine:
                runs = shape if kind == "rle" else coco.merge(coco.frPyObjects(shape, *expected.shape))
                np.testing.assert_array_equal(coco.decode(runs), expected)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
