"""Threads, memory and room for a training."""

from __future__ import annotations

import shutil
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
    import resource

    def page_faults() -> int:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(20):
            torch.ones(4 << 20)  # 16 MB
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    with pytest.raises(ValueError), freed_memory_kept():
        torch.ones(4 << 20)
        kept = page_faults()
        raise ValueError
    assert kept < 0.1 * page_faults()


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
