"""Where a network runs."""

from __future__ import annotations

import os

import torch

from napari_unet.core.device import DeviceInfo
from napari_unet.core.errors import UserError


def describe_devices() -> list[DeviceInfo]:
    """CUDA, Apple's MPS and the CPU, in the order in which `auto` prefers them."""
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    return [
        DeviceInfo(
            "cuda",
            torch.cuda.get_device_name() if cuda else "NVIDIA GPU",
            cuda,
            "" if cuda else "No NVIDIA GPU that this PyTorch can use.",
        ),
        DeviceInfo("mps", "Apple GPU", mps, "" if mps else "Not an Apple computer with Metal."),
        DeviceInfo("cpu", f"Processor ({torch.get_num_threads()} of {os.cpu_count()} cores)", True),
    ]


def pick_device(name: str = "auto") -> torch.device:
    """The device of that name ("cpu", "cuda", "cuda:1"); "auto" is the first usable one.

    Raises UserError if it cannot be used.
    """
    devices = {device.name: device for device in describe_devices()}
    if name == "auto":
        return torch.device(next(device.name for device in devices.values() if device.usable))
    kind, colon, index = name.partition(":")
    count = torch.cuda.device_count() if kind == "cuda" else 1
    if kind not in devices or (colon and not index.isdecimal()):
        raise UserError(f"There is no device {name}.", "Choose auto, cpu, cuda or mps.")
    if not devices[kind].usable:
        raise UserError(f"The device {name} cannot be used. {devices[kind].reason}", "Choose auto or cpu.")
    if colon and int(index) >= count:
        raise UserError(f"There is no device {name}: {count} of this kind can be used.", f"Choose {kind}.")
    return torch.device(name)


def count_gpus(name: str = "auto") -> int:
    """How many CUDA devices go by that name: one if it has a number, 0 if it is none."""
    device = pick_device(name)
    if device.type != "cuda":
        return 0
    return torch.cuda.device_count() if device.index is None else 1


def gpu_id(name: str = "auto") -> str:
    """What distinguishes the GPU of that name from all others anywhere; "" for a device that is none."""
    device = pick_device(name)
    return str(torch.cuda.get_device_properties(device).uuid) if device.type == "cuda" else ""
