from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile

import pytest

from napari_unet.core.errors import UserError
from napari_unet.io.atomic import atomic_write


def test_the_file_is_swapped_in_when_the_block_ends(tmp_path):
    target = tmp_path / "폐 mask.nii.gz"
    target.write_bytes(b"old")
    with atomic_write(target) as partial:
        partial.write_bytes(b"new")
        assert target.read_bytes() == b"old"
        assert partial.name.endswith(".nii.gz") and partial.name.startswith(".")
    assert target.read_bytes() == b"new"
    assert os.listdir(tmp_path) == [target.name]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "mask.png"
    target.write_bytes(b"old")
    with pytest.raises(RuntimeError), atomic_write(target) as partial:
        partial.write_bytes(b"half")
        raise RuntimeError
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["mask.png"]


def test_a_full_disk_is_said_in_plain_words_and_leaves_the_old_file(tmp_path):
    target = tmp_path / "mask.png"
    target.write_bytes(b"old")
    with pytest.raises(UserError, match="disk is full"), atomic_write(target) as partial:
        partial.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["mask.png"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_real_full_device_counts_as_a_full_disk(tmp_path):
    def fill(partial):
        partial.symlink_to("/dev/full")
        with partial.open("wb") as file:
            file.write(b"x" * 100_000)

    with pytest.raises(UserError, match="disk is full"), atomic_write(tmp_path / "mask.png") as partial:
        fill(partial)
    assert os.listdir(tmp_path) == []


def test_a_link_is_replaced_and_never_followed(tmp_path):
    image, link = tmp_path / "image.png", tmp_path / "mask.png"
    image.write_bytes(b"image")
    link.symlink_to(image)
    with atomic_write(link) as partial:
        partial.write_bytes(b"mask")
    assert image.read_bytes() == b"image"
    assert not link.is_symlink() and link.read_bytes() == b"mask"


def test_a_missing_folder_is_named(tmp_path):
    with (
        pytest.raises(UserError, match="does not exist"),
        atomic_write(tmp_path / "no" / "mask.png") as partial,
    ):
        partial.write_bytes(b"")


# Imports come first: an unprivileged process may not be allowed to read the interpreter's own folder.
_UNPRIVILEGED = """
import os, pathlib, sys
from napari_unet.core.errors import UserError
from napari_unet.io.atomic import atomic_write
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
try:
    with atomic_write(pathlib.Path(sys.argv[1]) / "mask.png") as partial:
        partial.write_bytes(b"x")
except UserError as error:
    print(error)
"""


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_a_read_only_folder_is_named():
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o555)
        command = [sys.executable, "-c", _UNPRIVILEGED, folder]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        assert "cannot be written to" in ran.stdout, ran.stderr
        assert os.listdir(folder) == []
