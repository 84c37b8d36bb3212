"""Threads, memory and room for a training."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from napari_unet.core.errors import UserError
from napari_unet.training.machine import check_room, memory_explained, using_threads


def test_threads_are_as_before_afterwards() -> None:
    before = torch.get_num_threads()
    with pytest.raises(ValueError), using_threads(3) as used:
        assert used == torch.get_num_threads() == 3
        raise ValueError
    assert torch.get_num_threads() == before
    with using_threads(None) as used:
        assert used == before


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
