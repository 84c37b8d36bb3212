"""report.csv and the page to print."""

from __future__ import annotations

import base64
import csv
import io
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from export_rooms import READER, SECRET, Room, finished, lungs, reviewed
from PIL import Image

from napari_unet.core.errors import UserError
from napari_unet.core.metrics import dice
from napari_unet.review.reporting.lines import COLUMNS
from napari_unet.review.reporting.page import page
from napari_unet.review.reporting.report import heart_to_chest, report_steps
from napari_unet.review.reporting.summary import summarise
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import Author, AuthorKind, Measurement, Reason, Status


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made = reviewed(tmp_path)
    yield made
    made.project.close()


def rows(room: Room) -> dict[str, dict[str, str]]:
    finished(report_steps(room.project, room.out, "Ann"))
    with (room.out / "report.csv").open(encoding="utf-8", newline="") as file:
        read = csv.DictReader(file)
        assert tuple(read.fieldnames or ()) == COLUMNS
        by_case = {row["case"]: row for row in read}
    return {name: by_case[case] for name, case in room.ids.items()}


def summary(room: Room) -> str:
    """The page's text, without its marks and pictures."""
    html = (room.out / "summary.html").read_text(encoding="utf-8").split("</style>")[1]
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def test_a_row_a_case(room: Room) -> None:
    lines = rows(room)
    assert len(lines) == 5
    fixed = lines["fixed"]
    better = room.project.read_mask(room.project.case(room.ids["fixed"]).revision or "")
    overlap = dice(better == 1, lungs() == 1, better == 255)
    assert (fixed["status"], fixed["first_mask"], fixed["masks"]) == ("corrected", "cxr-lung 1.0", "2")
    assert float(fixed["dice"]) == pytest.approx(overlap, abs=1e-4)
    assert (fixed["hd95_unit"], fixed["changed_px"], fixed["changed_mm2"]) == ("px", str(5 * 22 + 16), "")
    assert float(fixed["minutes"]) == 1.5
    assert (lines["plain"]["dice"], lines["plain"]["changed_px"]) == ("1.0000", "0")
    assert (lines["volume"]["slices"], lines["volume"]["hd95_unit"]) == ("5", "mm")
    assert (lines["bad"]["reason"], lines["bad"]["reviewer"], lines["bad"]["dice"]) == ("rotated", READER, "")
    assert lines["new"]["decided"] == ""


def test_the_page_tells_what_was_done(room: Room) -> None:
    rows(room)
    text = summary(room)
    assert "4 of 5 images decided" in text
    assert "2 accepted as they were 1 corrected 1 rejected 1 not looked at yet" in text
    assert "Why images were rejected rotated 1" in text
    assert "2 of 3 (67%) were accepted unchanged" in text
    assert "Median of the corrected ones: overlap" in text
    assert f"By reviewer images median mean {READER} 4" in text
    assert re.search(r"Largest correction Case 2, Dice 0\.\d+: mask of cxr-lung, then corrected", text)
    assert "2 known patients; for 2 images the patient is not known" in text
    assert "not a medical device" in text


def test_it_is_whole_in_itself_and_names_nobody(room: Room) -> None:
    rows(room)
    html = (room.out / "summary.html").read_text(encoding="utf-8")
    assert not re.search(r"https?:|<script|<link|@import|url\(", html)
    assert SECRET not in html + (room.out / "report.csv").read_text(encoding="utf-8")
    sources = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', html)
    before, after = (np.array(Image.open(io.BytesIO(base64.b64decode(source)))) for source in sources)
    assert before.shape == after.shape == (60, 80, 3)
    assert (before != after).any()
    assert "size: A4" in html


def test_the_text_of_people_is_no_markup() -> None:
    html = page("<b>x", "<i>&", summarise([]), [])
    assert "&lt;b&gt;x" in html
    assert "&lt;i&gt;&amp;" in html
    assert "<b>x" not in html


def test_at_most_four_pictures_the_largest_first(room: Room) -> None:
    for number in range(6):
        room.image(f"more{number}")
        room.mask(f"more{number}", lungs())
        smaller = lungs()
        smaller[10 : 14 + 4 * number] = 0
        room.mask(f"more{number}", smaller, AuthorKind.PERSON)
        room.decide(f"more{number}")
    rows(room)
    shown = [int(n) for n in re.findall(r"Case (\d+),", summary(room))]
    assert shown == [room.project.case(room.ids[f"more{n}"]).number for n in (5, 4, 3, 2)]


def test_missing_images_cost_only_their_pictures(room: Room) -> None:
    for path in room.sources.iterdir():
        path.unlink()
    assert rows(room)["fixed"]["changed_px"] == str(5 * 22 + 16)
    assert "Largest correction" not in summary(room)


def test_nothing_decided_yet(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.image("new")
    rows(room)
    assert "Nothing is decided yet. What counts as lung" in summary(room)
    assert "0 of 1 images decided" in summary(room)
    room.project.close()


def test_no_cases_and_existing_folders(room: Room, tmp_path: Path) -> None:
    rows(room)
    with pytest.raises(UserError, match="exists already"):
        finished(report_steps(room.project, room.out, "Ann"))
    with (
        ReviewProject.create(tmp_path / "none") as empty,
        pytest.raises(UserError, match="no cases yet"),
    ):
        finished(report_steps(empty, tmp_path / "report", "Ann"))


def test_heart_to_chest() -> None:
    points = ((0.0, 0.0), (0.0, 1.0))
    heart, chest = (Measurement(kind, points, n, True) for kind, n in (("heart", 120.0), ("chest", 240.0)))
    assert heart_to_chest((heart, chest)) == 0.5
    assert heart_to_chest((heart,)) is None
    assert heart_to_chest((heart, Measurement("chest", points, 240, False))) is None


def test_reasons_are_counted_most_frequent_first(room: Room) -> None:
    for number, reason in enumerate((Reason.CUT_OFF, Reason.CUT_OFF)):
        room.image(f"more{number}")
        room.decide(f"more{number}", Status.REJECTED, reason)
    rows(room)
    assert "Why images were rejected cut off 2 rotated 1" in summary(room)


def test_both_lungs_lengths_notes_and_both_times(room: Room) -> None:
    line = Measurement("heart", ((1.0, 2.0), (1.0, 12.0)), 130.4, True)
    cut = Measurement("distance", ((1.0, 2.0), (1.0, 12.0)), 10.0, False, 3)
    room.project.set_measurements(room.ids["fixed"], (line, cut), READER)
    room.project.set_note(room.ids["fixed"], "left base, unclear", READER)
    lines = rows(room)
    fixed, volume, plain = lines["fixed"], lines["volume"], lines["plain"]
    assert fixed["note"] == "left base, unclear"
    assert fixed["lengths"] == "heart 130.4 mm; distance 10 px (slice 4)"
    assert (fixed["right_px"], fixed["left_px"]) == (str(40 * 22 - 16 + 5 * 22), str(40 * 22))
    assert (fixed["right_mm2"], fixed["sides"]) == ("", "assumed")
    assert float(volume["right_ml"]) == pytest.approx(4 * 40 * 22 * 1.5 * 1.5 * 4 / 1000, abs=1e-3)
    assert volume["right_mm2"] == "" and lines["new"]["right_px"] == ""
    assert "ends within the lungs" in volume["incomplete"] and "slices of 4 mm" in volume["laa950_reason"]
    assert fixed["incomplete"] == fixed["laa950_reason"] == ""
    both = float(volume["right_ml"]) + float(volume["left_ml"])
    assert float(volume["volume_ml"]) == pytest.approx(both) and float(volume["slice_mm"]) == 4
    assert volume["contrast"] == "unknown" and fixed["volume_ml"] == fixed["contrast"] == ""
    assert (plain["corrected"], plain["corrected_by"]) == ("", "")
    assert fixed["corrected_by"] == READER and fixed["corrected"] < fixed["decided"]
    later = lungs()
    later[12:48, 10:28] = 0
    room.project.add_revision(room.ids["plain"], later, Author(AuthorKind.PERSON, "Dr. Later"))
    shutil.rmtree(room.out)
    again = rows(room)["plain"]
    assert (again["status"], again["reviewer"], again["corrected_by"]) == ("corrected", READER, "Dr. Later")
    assert again["decided"] == plain["decided"] and again["corrected"] > again["decided"]
    assert "holes" in again["checks"]
