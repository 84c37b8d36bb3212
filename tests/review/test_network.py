"""Projects on network drives: recognised, kept without write-ahead log, one program at a time."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from pathlib import Path

import pytest

from napari_unet.core.errors import UserError
from napari_unet.review import create, network, store
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import NewCase

MOUNTINFO = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:5 / /mnt rw - tmpfs tmpfs rw
24 23 0:50 / /mnt/x\\040ray rw,relatime shared:90 master:2 - cifs //server/share rw
25 24 8:9 / /mnt/x\\040ray/local rw - xfs /dev/sdb1 rw
26 22 0:51 / /home/änn rw - fuse.sshfs ann@far:/ rw
27 22 0:52 / /mnt/x\\040ray rw - nfs4 far:/ rw
"""

MOUNT = """\
/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)
//ann@server/share on /Volumes/x ray (smbfs, nodev, nosuid, mounted by ann)
"""


@pytest.fixture
def share(monkeypatch):
    """Every folder lies on a network drive."""
    for module in (store, create):
        monkeypatch.setattr(module, "is_network", lambda folder: True)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/mnt/x ray/project", "nfs4"),  # mounted over the other one
        ("/mnt/x ray", "nfs4"),
        ("/mnt/x ray 2", "tmpfs"),
        ("/mnt/x ray/local/p", "xfs"),
        ("/home/änn/p", "fuse.sshfs"),
        ("/home/änna", "ext4"),
    ],
)
def test_the_file_system_is_that_of_the_nearest_mount(path, kind):
    assert network.filesystem_type(path, network.mounts_of_linux(MOUNTINFO)) == kind


def test_mounts_are_read_on_macos_too():
    mounts = network.mounts_of_macos(MOUNT)
    assert network.filesystem_type("/Volumes/x ray/p", mounts) == "smbfs"
    assert network.filesystem_type("/Users/ann", mounts) == "apfs"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows network drives by their letter")
def test_a_folder_is_on_the_network_if_its_file_system_is(tmp_path, monkeypatch):
    for kind, remote in [("cifs", True), ("nfs4", True), ("ext4", False), ("tmpfs", False)]:
        monkeypatch.setattr(network, "_mounts", lambda kind=kind: [("/", kind)])
        assert network.is_network(tmp_path) is remote
    monkeypatch.setattr(network, "_mounts", list)
    assert not network.is_network(tmp_path)


def test_a_local_project_logs_ahead_and_needs_no_lock(tmp_path):
    with ReviewProject.create(tmp_path / "p") as project:
        assert project.storage_note == ""
        assert not (tmp_path / "p" / "review.lock").exists()
        with sqlite3.connect(tmp_path / "p" / "review.db") as other:
            assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_project_on_a_share_says_so_and_keeps_a_rollback_journal(tmp_path, share):
    with ReviewProject.create(tmp_path / "p") as project:
        assert "network drive" in project.storage_note
        project.add([NewCase("/a.png")], "Ann")
        names = os.listdir(tmp_path / "p")
        assert "review.lock" in names and not [name for name in names if name.endswith("-wal")]
        with sqlite3.connect(tmp_path / "p" / "review.db") as other:
            assert other.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    assert "review.lock" not in os.listdir(tmp_path / "p")


def test_a_project_that_was_moved_to_a_share_and_back_opens(tmp_path, monkeypatch):
    with ReviewProject.create(tmp_path / "p") as project:
        project.add([NewCase("/a.png")], "Ann")
    monkeypatch.setattr(store, "is_network", lambda folder: True)
    with ReviewProject.open(tmp_path / "p") as project:
        project.add([NewCase("/b.png")], "Ann")
    monkeypatch.undo()
    with ReviewProject.open(tmp_path / "p") as project:
        assert len(project.cases()) == 2


@pytest.mark.parametrize("content", ['{"computer": "other", "process": 1}', "not json", "[]", ""])
def test_a_lock_that_cannot_be_judged_from_here_is_respected(tmp_path, share, content):
    ReviewProject.create(tmp_path / "p").close()
    (tmp_path / "p" / "review.lock").write_text(content)
    with pytest.raises(UserError, match="open in another program"):
        ReviewProject.open(tmp_path / "p")
    (tmp_path / "p" / "review.lock").unlink()  # as the remedy says
    ReviewProject.open(tmp_path / "p").close()


def test_an_old_project_on_a_share_is_brought_up_to_date(tmp_path, share):
    shutil.copytree(Path(__file__).parent / "first_schema", tmp_path / "p")
    with ReviewProject.open(tmp_path / "p") as project:
        assert len(project.cases()) == 3


def test_one_program_may_open_a_project_on_a_share_twice(tmp_path, share):
    first = ReviewProject.create(tmp_path / "p")
    second = ReviewProject.open(tmp_path / "p")
    first.add([NewCase("/a.png")], "Ann")
    first.close()
    assert (tmp_path / "p" / "review.lock").exists()
    assert len(second.cases()) == 1
    second.close()
    second.close()
    assert not (tmp_path / "p" / "review.lock").exists()


def test_a_project_that_does_not_open_leaves_no_lock(tmp_path, share):
    ReviewProject.create(tmp_path / "p").close()
    with sqlite3.connect(tmp_path / "p" / "review.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(UserError, match="newer"):
        ReviewProject.open(tmp_path / "p")
    assert not (tmp_path / "p" / "review.lock").exists()
