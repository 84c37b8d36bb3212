"""Five kills of the real window, each in the middle of something else: only the stroke under way is lost."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from clinic_rooms import COVID, Window, command, gap, problems

from napari_unet.review.store import ReviewProject
from napari_unet.review.types import USABLE, Case, Status

ACCEPTED = range(7, 13)  # cases that are accepted before the window opens for the first time
PATIENCE_S = 60.0


class Ward:
    """One project that is worked on, killed, and opened again.

    masks : what each case that was touched must show now, by its number.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.project = folder, folder / "project"
        self.masks: dict[int, np.ndarray] = {}
        self.random = random.Random(7)
        command("review", "new", self.project)
        given = ("--masks", COVID / "masks", "--manifest", COVID / "manifest.csv")
        command("review", "add", self.project, COVID / "images", *given)
        with ReviewProject.open(self.project) as project:
            for case in project.cases():
                if case.number in ACCEPTED:
                    project.decide(case.id, Status.ACCEPTED, "Ben")

    def open(self) -> Window:
        """A window on the project, as `review open` makes it."""
        window = Window(self.folder / "home", self.project)
        window.wait("cases", 12)
        window.give_name("Ben")
        return window

    def paint(self, window: Window, case: int, strokes: int) -> None:
        """Strokes in one case, each of them on the disk before the next one is begun."""
        window.click_case(case)
        window.safe()
        window.key("2")
        window.set_brush(self.random.randint(8, 24))
        for _ in range(strokes):
            window.drag(self.way(window))
            window.safe()
            self.masks[case] = window.pixels()

    def way(self, window: Window) -> list[tuple[float, float]]:
        """Somewhere around the gap between the lungs."""
        down, across = self.random.randint(-90, 90), self.random.randint(-15, 15)
        return [(row + down, column + across) for row, column in gap(window.pixels())]

    def cases(self) -> dict[int, Case]:
        """By number, as they lie on the disk."""
        with ReviewProject.open(self.project) as project:
            return {case.number: case for case in project.cases()}

    def check(self, window: Window) -> None:
        """Every case that was touched shows what it must show."""
        for number, expected in self.masks.items():
            window.click_case(number)
            window.until_pixels(expected)
            window.safe()  # what came back is painted again, and may not be painted over
            np.testing.assert_array_equal(window.pixels(), expected)

    def check_files(self) -> None:
        """Nothing is half-written."""
        with ReviewProject.open(self.project) as project:
            assert [problem for problem in problems(project) if not problem.harmless] == []


@pytest.fixture(scope="module")
def ward(tmp_path_factory) -> Ward:
    return Ward(tmp_path_factory.mktemp("ward"))


@pytest.fixture
def window(ward):
    """A window that is killed in the test. The one before it was killed too: nothing of its work is lost."""
    opened = ward.open()
    try:
        ward.check(opened)
        yield opened
    finally:
        opened.kill()
    ward.check_files()


def test_killed_in_the_middle_of_a_stroke(ward, window):
    ward.paint(window, 1, strokes=2)
    window.drag(ward.way(window), False)
    assert not np.array_equal(window.pixels(), ward.masks[1]), "no stroke is under way"


def test_killed_in_the_middle_of_a_save(ward, window):
    ward.paint(window, 2, strokes=ward.random.randint(1, 3))
    window.die_on_disk(ward.random.randint(1, 6), ward.random.random())
    window.ask("key", "N")  # the case is left, so its mask is saved
    _dies(window)


def test_killed_in_the_middle_of_an_export(ward, window):
    ward.paint(window, 1, strokes=1)
    target = ward.folder / "export"
    given = [part for name in ("png", "tiff", "nifti", "coco", "nnunet") for part in ("--format", name)]
    program = "from napari_unet.cli.main import main; main()"
    arguments = map(str, ("review", "export", ward.project, "-o", target, *given))
    export = subprocess.Popen([sys.executable, "-c", program, *arguments], stdout=subprocess.DEVNULL)
    window.drag(ward.way(window), False)
    _wait(lambda: target.exists() or any(target.parent.glob(".export.partial/**/*.gz")))
    export.kill()
    window.kill()
    export.wait(PATIENCE_S)
    assert not target.exists(), "the export was at its end already"
    command("review", "export", ward.project, "-o", target)  # what was left over does not matter
    assert len(list((target / "png" / "masks").iterdir())) == len(ACCEPTED)
    assert [path for path in target.parent.iterdir() if "partial" in path.name] == []


def test_killed_in_the_middle_of_a_write_into_the_database(ward, window):
    ward.paint(window, 3, strokes=1)
    before = ward.cases()
    window.die_in_database(ward.random.randint(1, 12))
    window.ask("key", "A")
    _dies(window)
    after = ward.cases()
    assert {number: case.status for number, case in after.items() if number not in (3, 4)} == {
        number: case.status for number, case in before.items() if number not in (3, 4)
    }
    assert after[3].status in {before[3].status, Status.CORRECTED}
    with ReviewProject.open(ward.project) as project:
        told = [event.kind for event in project.events(after[3].id)]
    assert told.count("decided") == (after[3].status in USABLE)


def test_killed_right_after_a_stroke_and_an_undo(ward, window):
    ward.paint(window, 4, strokes=2)
    window.key("Ctrl+Z")
    window.safe()
    ward.masks[4] = window.pixels()
    window.drag(ward.way(window), False)


def test_all_of_it_is_there_in_the_end(ward):
    window = ward.open()
    try:
        ward.check(window)
        window.close()
        assert window.gone() == 0
    finally:
        window.kill()
    cases = ward.cases()
    with ReviewProject.open(ward.project) as project:
        for number, expected in ward.masks.items():
            np.testing.assert_array_equal(project.read_mask(cases[number].revision), expected)
    assert list((ward.project / "journal").iterdir()) == []
    assert "All is well" in command("review", "verify", ward.project)


def _dies(window: Window) -> None:
    """Wait until the window has killed itself."""
    try:
        window.process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        pytest.fail("the window did less than was expected, and lives")


def _wait(until) -> None:
    end = time.monotonic() + PATIENCE_S
    while not until():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.002)
