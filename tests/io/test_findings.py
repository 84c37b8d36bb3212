"""A table of which findings images have."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_unet.core.errors import UserError
from napari_unet.io.findings import StatedFindings, read_findings

IMAGES = [Path("xrays") / f"{name}.png" for name in ("a", "b", "007", "d")]


def read(folder: Path, text: str) -> tuple[dict[Path, StatedFindings], tuple[str, ...]]:
    path = folder / "findings.csv"
    path.write_text(text, encoding="utf-8")
    return read_findings(path, IMAGES)


def test_yes_no_and_what_nobody_looked_for(tmp_path: Path) -> None:
    found, problems = read(
        tmp_path, "File;Patient;Effusion;Old fracture;view\na.png;P1;1;no;PA\nb.png;anonymous;;TRUE;\n"
    )
    assert found == {
        IMAGES[0]: StatedFindings({"effusion": True, "old fracture": False}, "P1"),
        IMAGES[1]: StatedFindings({"old fracture": True}),
    }
    assert problems == ()


def test_names_are_matched_as_in_a_manifest_and_what_fits_nothing_is_told(tmp_path: Path) -> None:
    found, problems = read(tmp_path, "file,effusion\n7,0\nz.png,1\n")
    assert found == {IMAGES[2]: StatedFindings({"effusion": False})}
    assert any("z.png" in text for text in problems) and any("spelled differently" in t for t in problems)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name,effusion\na.png,1\n", "lacks the column file"),
        ("file,patient\na.png,1\n", "lacks the column of a finding"),
        ("", "lacks the column file"),
        ("file,effusion,Effusion\na.png,1,0\n", "effusion twice"),
        ("file,effusion\na.png,1\nb.png,perhaps\n", "Line 3 of .* says perhaps of effusion"),
    ],
)
def test_what_it_refuses(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        read(tmp_path, text)
    with pytest.raises(UserError, match="does not exist"):
        read_findings(tmp_path / "gone.csv", IMAGES)
