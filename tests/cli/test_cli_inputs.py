from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from napari_unet.cli.inputs import case_names, find_inputs


def test_names_are_stems(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.png", "b.nii.gz", "c.d.dcm", "plain")]
    assert case_names(paths) == ["a", "b", "c.d", "plain"]


def test_two_inputs_with_one_stem_keep_their_file_names(tmp_path: Path) -> None:
    assert case_names([tmp_path / "a.png", tmp_path / "a.dcm", tmp_path / "b.png"]) == ["a.png", "a.dcm", "b"]
    assert case_names([tmp_path / "a.png", tmp_path / "A.tif"]) == ["a.png", "A.tif"]


def test_equal_file_names_get_their_folders(tmp_path: Path) -> None:
    paths = [tmp_path / "x" / "a.png", tmp_path / "y" / "a.png", tmp_path / "a.png"]
    assert case_names(paths) == ["x_a.png", "y_a.png", "a.png"]


@pytest.mark.parametrize("names", [["a.png", "a.tif", "a.png.jpg"], ["x/a", "x_a", "y/a"], []])
def test_names_never_collide(tmp_path: Path, names: list[str]) -> None:
    found = case_names([tmp_path / name for name in names])
    assert len(set(found)) == len(names)


def test_a_folder_means_the_images_directly_in_it(tmp_path: Path, save: Callable[..., Path]) -> None:
    save("b.png")
    save("a.jpg")
    save("deep/c.png")
    save("a_mask.png")
    (tmp_path / "in" / "notes.txt").write_text("no image")
    out = tmp_path / "out"
    found = find_inputs([str(tmp_path / "in")], out)
    assert [case.name for case in found.cases] == ["a", "b"]
    assert found.skipped == 1
    found = find_inputs([str(tmp_path / "in")], out, recursive=True)
    assert [case.name for case in found.cases] == ["a", "b", "c"]


def test_results_of_an_earlier_run_are_no_inputs(tmp_path: Path, save: Callable[..., Path]) -> None:
    beside = ("a_mask.png", "a_overlay.png", "a_probability.tif")
    for name in ("a.png", *beside, "lone_overlay.png", "out/x.png"):
        save(name)
    folder = tmp_path / "in"
    found = find_inputs([str(folder)], folder / "out", recursive=True)
    assert [case.name for case in found.cases] == ["a", "lone_overlay"]
    assert found.skipped == 4


def test_globs_that_no_shell_expanded(tmp_path: Path, save: Callable[..., Path]) -> None:
    for name in ("a.png", "b.png", "c.jpg", "b_mask.png"):
        save(name)
    found = find_inputs([str(tmp_path / "in" / "*.png")], tmp_path)
    assert [case.name for case in found.cases] == ["a", "b"]
    assert found.skipped == 1


def test_a_glob_without_matches_is_told_as_it_was_given(tmp_path: Path) -> None:
    given = str(tmp_path / "in" / "*.xyz")
    (case,) = find_inputs([given], tmp_path / "out").cases
    assert (case.name, case.problem) == (given, f"No file matches {given}.")


def test_a_name_with_brackets_is_no_glob(tmp_path: Path, save: Callable[..., Path]) -> None:
    path = save("scan [1].png")
    assert [case.path for case in find_inputs([str(path)], tmp_path).cases] == [path]


def test_each_file_once(tmp_path: Path, save: Callable[..., Path]) -> None:
    path = save("a.png")
    assert len(find_inputs([str(path), str(path.parent), str(path)], tmp_path).cases) == 1


def test_named_files_come_through_even_if_unreadable(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no image")
    given = [str(tmp_path / "notes.txt"), str(tmp_path / "nothing.png")]
    assert [case.name for case in find_inputs(given, tmp_path).cases] == ["notes", "nothing"]


def test_an_empty_folder_is_a_case_with_a_problem(tmp_path: Path) -> None:
    (case,) = find_inputs([str(tmp_path)], tmp_path / "out").cases
    assert "no readable image" in case.problem


def test_anonymous_names_depend_on_name_and_content_only(tmp_path: Path, save: Callable[..., Path]) -> None:
    first, copy = save("x/Kim.png"), save("y/Kim.png")
    names = [case.name for case in find_inputs([str(first), str(copy)], tmp_path, anonymous=True).cases]
    assert names == [names[0], f"{names[0]}-2"]
    assert find_inputs([str(copy)], tmp_path, anonymous=True).cases[0].name == names[0]
    assert "Kim" not in names[0]
    copy.write_bytes(b"other")
    assert find_inputs([str(copy)], tmp_path, anonymous=True).cases[0].name != names[0]
