"""A file or a series of files as one input."""

from __future__ import annotations

import hashlib
import os
import pickle
from pathlib import Path

import pytest

from napari_unet.core.files import checksum
from napari_unet.core.source import Source


def write(folder: Path, **content: str) -> list[Path]:
    folder.mkdir(exist_ok=True)
    for name, text in content.items():
        (folder / name).write_text(text)
    return [folder / name for name in content]


def test_one_file_is_known_by_itself(tmp_path: Path) -> None:
    (file,) = write(tmp_path, a="x")
    source = Source.of(file)
    assert (source.path, source.name, source.first, source.is_series) == (file, "a", file, False)
    assert source.content_hash() == checksum(file)  # as projects of earlier versions have it
    assert Path(source) == file and Source.of(str(file)) == source and Source.of(source) is source
    assert source.key == os.path.normcase(file)


def test_several_files_are_known_by_their_folder(tmp_path: Path) -> None:
    files = write(tmp_path / "thorax", b="2", a="1", c="3")
    source = Source.of(files)
    assert source.files == tuple(sorted(files)) and source == Source.of([*files[::-1], files[0]])
    assert (source.path, source.name, source.is_series) == (tmp_path / "thorax", "thorax", True)
    assert hash(source) == hash(Source.of(files[::-1])) and pickle.loads(pickle.dumps(source)) == source
    apart = Source.of([*files, *write(tmp_path / "more", d="4")])
    assert apart.path == tmp_path and apart.key != source.key


def test_the_hash_of_several_files_is_that_of_theirs(tmp_path: Path) -> None:
    files = write(tmp_path / "s", a="1", b="2")
    found = Source.of(files).content_hash()
    lines = sorted(hashlib.sha256(text).hexdigest() for text in (b"1", b"2"))
    assert found == hashlib.sha256("\n".join(lines).encode()).hexdigest()
    moved = write(tmp_path / "t", z="1", y="2")
    assert Source.of(moved).content_hash() == found  # whatever they are called
    assert Source.of(write(tmp_path / "u", a="1", b="3")).content_hash() != found
    assert Source.of(write(tmp_path / "v", a="1", b="2", c="2")).content_hash() != found


def test_missing_files_are_named_and_nothing_is_said_of_them(tmp_path: Path) -> None:
    files = write(tmp_path / "smith", a="1", b="2")
    source = Source.of(files)
    assert source.exists() and source.missing() == ()
    files[1].unlink()
    assert not source.exists() and source.missing() == (files[1],)
    with pytest.raises(OSError):
        source.content_hash()
    assert "smith" not in repr(source) and repr(Source.of(files[0])) == "Source of 1 file"
    with pytest.raises(ValueError, match="at least one"):
        Source(())
