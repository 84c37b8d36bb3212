"""Manifests: which line is of which image."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from napari_unet.core.errors import UserError
from napari_unet.review.manifest import Line, match, read_manifest


def write(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "manifest.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_columns_in_any_order_with_more_beside_them(tmp_path: Path) -> None:
    path = write(tmp_path, "doi,split,file,patient,view\nx,train,a.png, 7 ,PA\n,,b.png,,\n", "utf-8-sig")
    assert read_manifest(path) == [Line(2, "a.png", "7", "PA", "train"), Line(3, "b.png", "")]


def test_two_columns_are_enough(tmp_path: Path) -> None:
    assert read_manifest(write(tmp_path, "file,patient\na.png,7\n")) == [Line(2, "a.png", "7")]


@pytest.mark.parametrize("between", [";", "\t"])
def test_columns_as_spreadsheets_part_them_in_many_countries(tmp_path: Path, between: str) -> None:
    path = write(tmp_path, f"file{between}patient\na,b.png{between}7\n", "utf-8-sig")
    assert read_manifest(path) == [Line(2, "a,b.png", "7")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("file,patient\n", "is empty"),
        ("file,split\na,train\n", "lacks the column patient"),
        ("a,b\n1,2\n", "lacks the columns file and patient"),
        ("file,patient\n,7\n", "Line 2"),
    ],
)
def test_what_is_no_manifest_is_told(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UserError, match=words) as error:
        read_manifest(write(tmp_path, text))
    assert error.value.remedy


def test_a_manifest_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        read_manifest(tmp_path / "none.csv")
    with pytest.raises(UserError, match="not text in UTF-8") as error:
        read_manifest(write(tmp_path, "file,patient\nä.png,7\n", "latin-1"))
    assert "UTF-8" in error.value.remedy


def test_names_and_ends_of_paths() -> None:
    a, b, other = Path("/x/one/1.png"), Path("/x/two/1.png"), Path("/x/two/2.png")
    found = match(
        [Line(2, "one/1.png", "p"), Line(3, "two\\1.png", "q"), Line(4, "2.png", "r")], [a, b, other]
    )
    assert {path: line.patient for path, line in found.lines.items()} == {a: "p", b: "q", other: "r"}
    assert found.problems == ()


def test_lines_that_fit_several_or_no_image_are_told() -> None:
    a, b = Path("/x/one/1.png"), Path("/x/two/1.png")
    found = match([Line(2, "1.png", "p"), Line(3, "3.png", "q"), Line(4, "4.png", "q")], [a, b])
    assert found.lines == {}
    assert "fits 2 images" in found.problems[0] and "2 lines" in found.problems[1]
    twice = match([Line(2, "one/1.png", "p"), Line(3, "one/1.png", "q")], [a, b])
    assert twice.lines[a].patient == "p" and "again" in twice.problems[0]


def test_the_end_of_a_name_is_no_match() -> None:
    assert match([Line(2, "1.png", "p")], [Path("/x/11.png")]).lines == {}


CASES = Path(__file__).parents[1] / "data" / "cases"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("head", ["sep=;\r\n", "", '"sep=;"\r\n', "sep=;\r"])
def test_a_table_as_spreadsheets_write_it(tmp_path: Path, head: str, encoding: str) -> None:
    text = head + 'File ;PATIENT;Split;;\r\n"ä;1.png"; 7 ;train;;\r\n;;;;\r\n2.png;8\r\n;;;;\r\n\r\n'
    first = 2 + bool(head)
    assert read_manifest(write(tmp_path, text, encoding)) == [
        Line(first, "ä;1.png", "7", "", "train"),
        Line(first + 2, "2.png", "8"),
    ]


def test_blank_rows_and_capitals_of_the_sample() -> None:
    assert read_manifest(CASES / "manifest_sheet.csv") == [Line(2, "mask_hard.png", "p1")]


def test_train_val_and_test_are_these_in_any_letters(tmp_path: Path) -> None:
    text = "file,patient,split\na,1,Train\nb,2,VAL\nc,3,Test\nd,4,Fold A\ne,5,\n"
    splits = [line.split for line in read_manifest(write(tmp_path, text))]
    assert splits == ["train", "val", "test", "Fold A", ""]


def test_a_workbook_and_a_column_that_is_there_twice(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has the column file twice"):
        read_manifest(write(tmp_path, "File,file,patient\na,b,c\n"))
    (tmp_path / "m.csv").write_bytes(b"PK\x03\x04" + b"\0" * 50)
    with pytest.raises(UserError, match="workbook") as error:
        read_manifest(tmp_path / "m.csv")
    assert "CSV" in error.value.remedy


def test_names_in_another_composition_are_the_same_silently() -> None:
    image = Path("/x") / unicodedata.normalize("NFD", "Bé") / unicodedata.normalize("NFD", "Müller_André.png")
    found = match([Line(2, "Bé/Müller_André.png", "p7")], [image])
    assert found.lines[image].patient == "p7" and (found.problems, found.notes) == ((), ())


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("7", "007.png"),
        ("7.0", "007.png"),
        ("7.png", "007.png"),
        ("case1", "case1.nii.gz"),
        ("1.2.840.99.55", "1.2.840.99.55.dcm"),
        ("Case1.PNG", "case1.png"),
        ("CASE1", "case1.dcm"),
        ("sub/7", "007.png"),
    ],
)
def test_a_name_that_a_spreadsheet_changed_is_matched_and_noted(file: str, name: str) -> None:
    image = Path("/x/sub") / name
    found = match([Line(2, file, "p")], [image, Path("/x/sub/other.png")])
    assert found.lines == {image: Line(2, file, "p")}
    assert found.problems == () and file in found.notes[0] and name in found.notes[0]


def test_a_changed_name_must_fit_one_image_alone() -> None:
    two = [Path("/x/07.png"), Path("/x/007.png")]
    found = match([Line(2, "7", "p")], two)
    assert found.lines == {} and "fits 2 images" in found.problems[0]
    exact = match([Line(2, "07", "p"), Line(3, "007.png", "q")], two)
    assert {path.name: line.patient for path, line in exact.lines.items()} == {"07.png": "p", "007.png": "q"}
    for file, name in (("007", "7.png"), ("a.dcm", "a.png"), ("p7", "p007.png"), ("other/7", "007.png")):
        assert match([Line(2, file, "p")], [Path("/x/sub") / name]).lines == {}, file


def test_a_path_on_another_computer_is_matched_by_its_end_and_noted() -> None:
    images = [Path("/here/one/1.png"), Path("/here/two/1.png"), Path("/here/2.png")]
    paths = (r"D:\scans\two\1.png", "/home/ann/2.png", "/x/1.png")
    found = match([Line(n, path, who) for n, path, who in zip((2, 3, 4), paths, "pqr", strict=True)], images)
    assert {path.parent.name: line.patient for path, line in found.lines.items()} == {"two": "p", "here": "q"}
    assert "2 lines of it were matched" in found.notes[0] and "fits 2 images" in found.problems[0]
