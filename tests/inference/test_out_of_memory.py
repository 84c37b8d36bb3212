"""Running out of memory: smaller tiles, then the processor, and it says so. The GPU here is a pretence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from net_fakes import PointNet, card, identity_net
from torch import Tensor

from napari_unet.core.errors import UserError
from napari_unet.core.events import Note
from napari_unet.core.input_rule import InputRule
from napari_unet.core.raster import Raster
from napari_unet.core.steps import run
from napari_unet.inference import placed_network
from napari_unet.inference.placed_network import PlacedNetwork
from napari_unet.inference.predictor import Predictor
from napari_unet.inference.segment import PredictorCache
from napari_unet.models.card import ModelCard

IMAGE = np.random.default_rng(0).random((200, 300), dtype=np.float32)
CPU, CUDA = torch.device("cpu"), torch.device("cuda")


class SmallGpu(PlacedNetwork):
    """Pretends to compute on a GPU that has memory for `room` pixels."""

    def __init__(self, described: ModelCard, room: int, error: BaseException | None = None) -> None:
        super().__init__(identity_net(), described, CUDA, fastest=False)
        self.room, self.error = room, error or torch.OutOfMemoryError("CUDA out of memory.")

    def _place(self) -> None:
        pass

    def _logits(self, x: Tensor, seen: Any) -> Tensor:
        if self.device.type == "cuda" and x.numel() > self.room:
            raise self.error
        here, self.device = self.device, CPU
        try:
            return super()._logits(x, seen)
        finally:
            self.device = here


def _on(network: PlacedNetwork) -> Predictor:
    """A predictor that computes with this network."""
    found = Predictor(network.net, network.card, CPU)
    found.network = network
    return found


def _small_memory(room: int, error: BaseException | None = None) -> PointNet:
    net = identity_net()
    function = net.function

    def limited(x: Tensor) -> Tensor:
        if x.numel() > room:
            raise error or torch.OutOfMemoryError("out of memory")
        return function(x)

    net.function = limited
    return net


def _notes(steps: Any) -> list[str]:
    return [event.text for event in steps if isinstance(event, Note)]


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placed_network, "_FIRST_CORE", 128)
    monkeypatch.setattr(placed_network, "_SMALLEST_CORE", 16)


def test_tiles_are_halved_until_they_fit() -> None:
    found = run(_on(SmallGpu(card(), room=40 * 40)).steps(Raster(IMAGE)))
    np.testing.assert_allclose(found.probability[0], IMAGE, atol=1e-5)
    assert [note.split()[-2] for note in found.notes] == ["64", "32"]
    assert found.device == "cuda"


def test_then_the_processor_takes_over() -> None:
    found = run(_on(SmallGpu(card(), room=1)).steps(Raster(IMAGE)))
    np.testing.assert_allclose(found.probability[0], IMAGE, atol=1e-5)
    assert found.notes[-1] == "Out of memory on the graphics card: continued on the processor."
    assert found.device == "cpu"


def test_a_whole_image_goes_to_the_processor_at_once() -> None:
    steps = _on(SmallGpu(card(input=InputRule(size=(64, 64))), room=1)).steps(Raster(IMAGE))
    assert _notes(steps) == ["Out of memory on the graphics card: continued on the processor."]


def test_images_before_and_after_are_kept_in_a_stack() -> None:
    gpu = SmallGpu(card(), room=10**9)
    steps = _on(gpu).steps(Raster(np.stack([IMAGE, 1 - IMAGE, IMAGE])))
    next(steps)
    gpu.room = 1
    found = run(steps)
    np.testing.assert_allclose(found.probability[0, 0], IMAGE, atol=1e-5)
    np.testing.assert_allclose(found.probability[0, 1], 1 - IMAGE, atol=1e-5)
    assert len(found.notes) == 4  # 64, 32, 16, processor: reported once, not for each image


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB"),
        RuntimeError("MPS backend out of memory"),
        RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes."),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        MemoryError("Unable to allocate 8 GiB for an array"),
    ],
)
def test_every_way_of_saying_it_is_understood(error: BaseException) -> None:
    assert run(_on(SmallGpu(card(), 1, error)).steps(Raster(IMAGE))).device == "cpu"


def test_another_error_is_not_mistaken_for_it() -> None:
    steps = _on(SmallGpu(card(), 1, RuntimeError("shape mismatch"))).steps(Raster(IMAGE))
    with pytest.raises(RuntimeError, match="shape mismatch"):
        run(steps)


def test_the_processor_halves_tiles_too_and_gives_up_in_plain_words() -> None:
    found = run(Predictor(_small_memory(50 * 50), card(), CPU).steps(Raster(IMAGE)))
    np.testing.assert_allclose(found.probability[0], IMAGE, atol=1e-5)
    for how in (InputRule(), InputRule(size=(64, 64))):
        with pytest.raises(UserError, match="not enough memory"):
            run(Predictor(_small_memory(1), card(input=how), CPU).steps(Raster(IMAGE)))


def test_a_net_that_cannot_be_cut_goes_to_the_processor() -> None:
    gpu = SmallGpu(card(), room=1)
    gpu.facts = replace(gpu.facts, receptive_radius=None)
    assert len(_notes(_on(gpu).steps(Raster(IMAGE)))) == 1


def test_no_memory_for_the_weights_themselves() -> None:
    class Full(PlacedNetwork):
        def _place(self) -> None:
            if self.device.type == "cuda":
                raise torch.OutOfMemoryError("CUDA out of memory.")

    full = Full(identity_net(), card(input=InputRule(size=(64, 64))), CUDA, fastest=False)
    found = run(_on(full).steps(Raster(IMAGE)))
    assert found.device == "cpu"


def test_the_next_image_tries_the_graphics_card_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    from net_fakes import saved

    from napari_unet.inference import segment

    made = []

    class Fleeing(Predictor):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            made.append(self)

    monkeypatch.setattr(segment, "pick_device", lambda name: CUDA)
    monkeypatch.setattr(segment, "Predictor", Fleeing)
    cache, entry = PredictorCache(), saved(tmp_path / "tiny")
    first = cache.get(entry, "auto")
    assert cache.get(entry, "auto") is first
    first.network.device = CPU  # it fled
    assert cache.get(entry, "auto").network.device == CUDA
    assert len(made) == 2
