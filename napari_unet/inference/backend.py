"""What computes a network: torch, or another library where it was found to be faster on this machine."""

from __future__ import annotations

import logging
import time
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Protocol

import torch
from torch import Tensor, nn

from napari_unet.inference.device import pick_device
from napari_unet.inference.features import logits_and_bottleneck
from napari_unet.inference.measured import Measured

_log = logging.getLogger(__name__)
_WORTH_S = 8.0  # of torch's time at one shape: before that another backend would not earn its start
_CALIBRATION_S = 1.0
_FASTER = 0.95  # of torch's time: what is hardly faster is not worth a change
_EQUAL = 1e-4  # in probability
_MOST = 2  # shapes that are computed by another backend at a time

Passed = tuple[Tensor, Tensor | None]
"""Logits (N, classes, *axes), and the mean of the bottleneck (D,) where the network has one."""


class Backend(Protocol):
    """Computes one network. name : the library with its version."""

    name: str

    def __call__(self, batch: Tensor) -> Passed:
        """float32 or lower (N, channels, *axes), on the network's device, through the network."""


class TorchBackend:
    """The network as it is."""

    def __init__(self, net: nn.Module) -> None:
        self.name = f"torch {version('torch')}"
        self._net = net

    def __call__(self, batch: Tensor) -> Passed:
        return logits_and_bottleneck(self._net, batch)


class FastestBackend:
    """On a processor: torch, and for shapes at which it has worked for some seconds the faster of two.

    OpenVINO is tried where it is installed. It computes in float32, and only where its probabilities equal
    torch's to 1e-4 and a calibration of a second, by turns, finds it faster. What was found is kept on this
    computer (`measured.Measured`) for the same weights, shape, number of threads, processor and versions.

    key : what tells the weights from all others. said : sentences on what was chosen; whoever shows them
    empties it.
    """

    def __init__(self, net: nn.Module, key: str) -> None:
        self._net, self._key = net, key
        self._torch = TorchBackend(net)
        self._spent: dict[tuple[int, ...], float] = {}
        self._other: dict[tuple[int, ...], Backend] = {}
        self._may_be_faster = is_there("openvino")
        self.name = self._torch.name
        self.said: list[str] = []

    def __call__(self, batch: Tensor) -> Passed:
        case = (torch.get_num_threads(), *batch.shape)
        other = self._other.get(case)
        if other is not None:
            try:
                return other(batch)
            except Exception:  # whatever it raises, torch can do it
                _log.warning("%s failed; torch goes on", other.name, exc_info=True)
                self._may_be_faster = False
                self._other.clear()
        start = time.perf_counter()
        passed = self._torch(batch)
        if self._may_be_faster:
            self._spent[case] = self._spent.get(case, 0.0) + time.perf_counter() - start
            if self._spent[case] > _WORTH_S and len(self._other) < _MOST:
                self._spent[case] = float("-inf")  # asked once
                self._choose(case, batch)
        return passed

    def _choose(self, case: tuple[int, ...], batch: Tensor) -> None:
        measured, known = Measured(), f"{self._key} {case} {_processor()} {backends('cpu')}"
        ratio = measured.get(known)
        if ratio is not None and ratio > _FASTER:
            return
        try:
            from napari_unet.inference.openvino_backend import OpenVinoBackend

            other = OpenVinoBackend(self._net, batch)
            if ratio is None:
                ratio = calibrated(self._torch, other, batch)
                measured.put(known, ratio)
        except Exception:  # a network that it cannot compute
            _log.debug("OpenVINO cannot compute this network", exc_info=True)
            measured.put(known, float("inf"))
            return
        if ratio <= _FASTER:
            self._other[case] = other
            self.said.append(f"From here on {other.name} computes the network, in {ratio:.2f} of the time.")
            _log.info("%s in %.2f of torch's time for %s", other.name, ratio, case)


def calibrated(known: Backend, other: Backend, batch: Tensor) -> float:
    """The time of `other` as a share of that of `known`, best of turns; infinite if they do not agree."""
    one, two = (torch.sigmoid(backend(batch)[0].float()) for backend in (known, other))
    if not (one - two).abs().max() <= _EQUAL:
        return float("inf")
    taken: dict[int, list[float]] = {0: [], 1: []}
    begun = time.perf_counter()
    while len(taken[1]) < 3 or time.perf_counter() - begun < _CALIBRATION_S:
        for which, backend in enumerate((known, other)):
            start = time.perf_counter()
            backend(batch)
            taken[which].append(time.perf_counter() - start)
    return min(taken[1]) / min(taken[0])


def is_there(package: str) -> bool:
    """Whether a package is installed, without importing it."""
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):
        return False


def backends(device: str = "auto") -> str:
    """What may compute a network on a device ("auto", "cpu", ...): the libraries with their versions."""
    chosen = pick_device(device)
    names = ["torch", "openvino"] if chosen.type == "cpu" else ["torch"]
    found = []
    for name in names:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return f"{' or '.join(found)} on {chosen}"


def _processor() -> str:
    """The processor and the widest instructions that torch uses on it."""
    import platform

    return f"{platform.machine()} {platform.processor()} {torch.backends.cpu.get_cpu_capability()}"
