"""Files as they lie on a disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_unet.core.files import checksum


def test_checksum_is_sha_256(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert checksum(tmp_path / "empty") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_a_file_that_is_gone_has_none(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        checksum(tmp_path / "gone")
