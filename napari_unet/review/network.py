"""Network drives: how they are recognised."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

NOTE = (
    "This project is on a network drive: saving is slower there, and only one program at a time can "
    "have it open."
)

_NETWORK = {"nfs", "nfs4", "cifs", "smb2", "smb3", "smbfs", "afpfs", "afs", "ncpfs", "webdav", "davfs", "9p"}
_NETWORK |= {"ceph", "glusterfs", "lustre", "beegfs", "gpfs", "vboxsf", "prl_fs", "fuse.vmhgfs-fuse"}
_NETWORK |= {"fuse.sshfs", "fuse.davfs2", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.gvfsd-fuse"}


def is_network(folder: Path) -> bool:
    """True if `folder` lies on a drive of another computer, where SQLite's write-ahead log does not work."""
    if sys.platform == "win32":
        return _windows_remote(folder)
    kind = filesystem_type(os.path.realpath(folder), _mounts())
    return kind in _NETWORK


def filesystem_type(path: str, mounts: list[tuple[str, str]]) -> str:
    """The type of the file system that `path` lies on; mounts : (folder, type), later ones lie on top."""
    best, kind = "", ""
    for folder, this in mounts:
        inside = path == folder or path.startswith(folder.rstrip("/") + "/")
        if inside and len(folder) >= len(best):
            best, kind = folder, this
    return kind


def mounts_of_linux(text: str) -> list[tuple[str, str]]:
    """The mounts in /proc/self/mountinfo."""
    mounts = []
    for line in text.splitlines():
        left, _, right = line.partition(" - ")
        if len(left.split()) > 4 and right:
            folder = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), left.split()[4])
            mounts.append((folder, right.split()[0]))
    return mounts


def mounts_of_macos(text: str) -> list[tuple[str, str]]:
    """The mounts that `mount` prints: "//me@server/share on /Volumes/share (smbfs, nodev, ...)"."""
    mounts = []
    for line in text.splitlines():
        before, _, options = line.rpartition(" (")
        _, _, folder = before.partition(" on ")
        if folder:
            mounts.append((folder, options.split(",")[0].rstrip(")")))
    return mounts


def _mounts() -> list[tuple[str, str]]:
    with suppress(OSError, UnicodeError, subprocess.SubprocessError):
        if sys.platform == "darwin":
            run = subprocess.run(["/sbin/mount"], capture_output=True, text=True, timeout=5, check=True)
            return mounts_of_macos(run.stdout)
        return mounts_of_linux(Path("/proc/self/mountinfo").read_text("utf-8"))
    return []


def _windows_remote(folder: Path) -> bool:
    import ctypes

    drive = os.path.splitdrive(os.path.realpath(folder))[0]
    if drive.startswith("\\\\"):
        return True
    remote = 4  # DRIVE_REMOTE
    return bool(ctypes.windll.kernel32.GetDriveTypeW(drive + "\\") == remote)  # type: ignore[attr-defined]
