"""Threads, memory and room for a training."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from napari_unet.core.errors import UserError
from napari_unet.training.machine import check_room, freed_memory_kept, memory_explained, using_threads


def test_threads_are_as_before_afterwards() -> None:
    before = torch.get_num_threads()
    with pytest.raises(ValueError), using_threads(3) as used:
        assert used == torch.get_num_threads() == 3
        raise ValueError
    assert torch.get_num_threads() == before
    with using_threads(None) as used:
        assert used == before


@pytest.mark.skipif(sys.platform != "linux", reason="what is kept is known of glibc only")
def test_freed_memory_is_taken_again_instead_of_filled_anew() -> None:
    """In a process of its own, whose memory nothing else has used, in which glibc gives back all it can."""
    script = """
import ctypes, resource
import torch
from napari_unet.training.machine import freed_memory_kept

def page_faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        held = [torch.ones(5 << 20) for _ in range(10)]  # of 20 MB
        del held
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

for threshold in (-1, -3):
    ctypes.CDLL(None).mallopt(threshold, 128 << 10)
given_back = page_faults()
try:
    with freed_memory_kept():
        page_faults()
        kept = page_faults()
        raise ValueError
except ValueError:
    print(kept, given_back)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    kept, given_back = map(int, done.stdout.split())
    assert given_back > 1000 and kept < 0.01 * given_back


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_other_systems_are_left_as_they_are(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr("ctypes.CDLL", lambda _: pytest.fail("no library is to be loaded"))
    with freed_memory_kept():
        pass


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_memory_that_runs_out_is_said_in_plain_words(error: Exception) -> None:
    with pytest.raises(UserError, match="Memory ran out") as caught, memory_explained():
        raise error
    assert caught.value.remedy


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(RuntimeError, match="shape"), memory_explained():
        raise RuntimeError("shape")


def test_a_full_disk_is_told_before_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_room(tmp_path / "new" / "models")
    assert (tmp_path / "new" / "models").is_dir()

    def full(_: Any) -> Any:
        return shutil._ntuple_diskusage(100, 100, 0)  # type: ignore[attr-defined]

    monkeypatch.setattr(shutil, "disk_usage", full)
    with pytest.raises(UserError, match="full"):
        check_room(tmp_path)


def test_a_folder_that_cannot_be_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be made"):
        check_room(tmp_path / "file" / "models")
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(UserError, match="cannot be written to"):
        check_room(tmp_path)
