"""Network drives: how they are recognised, and the file that lets in one program at a time there."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from napari_unet.core.errors import UserError
from napari_unet.review.faults import faults_explained
from napari_unet.review.leases import process_runs
from napari_unet.review.trail import now

LOCK_NAME = "review.lock"

NOTE = (
    "This project lies on a network drive: it is saved more slowly there, and only one program at a time can "
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


class LockFile:
    """A file that says which program has the project open. One program may hold it several times.

    Raises UserError if another program holds it. What a program on this computer left behind when it was
    killed is removed; whether one on another computer still runs cannot be known from here.
    """

    _held: ClassVar[dict[str, int]] = {}
    _guard: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOCK_NAME
        self._key = os.path.realpath(self._path)
        with self._guard:
            if not self._held.get(self._key):
                self._take()
            self._held[self._key] = self._held.get(self._key, 0) + 1

    def release(self) -> None:
        """Gives the project free; the file goes with the last holder in this program."""
        with self._guard:
            self._held[self._key] -= 1
            if not self._held[self._key]:
                with suppress(OSError):
                    self._path.unlink()

    def _take(self) -> None:
        about = {"computer": platform.node(), "process": os.getpid(), "since": now().isoformat()}
        with faults_explained():
            try:
                handle = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
            except FileExistsError:
                self._refuse_or_remove()
                handle = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
            with os.fdopen(handle, "w") as file:
                json.dump(about, file)

    def _refuse_or_remove(self) -> None:
        computer, process = _holder(self._path)
        if computer == platform.node() and (process == os.getpid() or not process_runs(process)):
            self._path.unlink(missing_ok=True)  # our own number: of an earlier process, we hold no lock
            return
        raise UserError(
            f"This project is open in another program, on the computer {computer or '(unknown)'}.",
            f"Close it there. If none has it open, delete the file {LOCK_NAME} in the project's folder.",
        )


def _holder(path: Path) -> tuple[str, int]:
    """(computer, process id) as the lock file names them; ("", 0) if it is not readable."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        about = json.loads(path.read_text())
        return str(about["computer"]), int(about["process"])
    return "", 0
