from __future__ import annotations

import pytest
import torch

from napari_unet.core.errors import UserError
from napari_unet.inference.device import describe_devices, pick_device


def _gpus(monkeypatch: pytest.MonkeyPatch, count: int, mps: bool = False) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda *_: "Test GPU")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


@pytest.mark.parametrize(
    ("count", "mps", "chosen"), [(0, False, "cpu"), (0, True, "mps"), (1, False, "cuda"), (1, True, "cuda")]
)
def test_auto_prefers_the_fastest(
    count: int, mps: bool, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _gpus(monkeypatch, count, mps)
    assert pick_device() == torch.device(chosen)


def test_a_device_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    _gpus(monkeypatch, 2)
    for name in ("cpu", "cpu:0", "cuda", "cuda:1"):
        assert str(pick_device(name)) == name


@pytest.mark.parametrize("name", ["tpu", "", "CUDA", "cuda:", "cuda:x", "cuda:-1", "cuda:2", "mps", "cpu:9"])
def test_a_device_that_is_not_there(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _gpus(monkeypatch, 2)
    with pytest.raises(UserError) as error:
        pick_device(name)
    assert error.value.remedy.startswith("Choose")


def test_devices_say_why_they_cannot_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    _gpus(monkeypatch, 0)
    cuda, mps, cpu = describe_devices()
    assert (cuda.usable, mps.usable, cpu.usable) == (False, False, True)
    assert cuda.reason and mps.reason and not cpu.reason
