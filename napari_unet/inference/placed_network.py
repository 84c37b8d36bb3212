"""A network on its device: what it says of one field, whole or tile by tile, in the memory that there is."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from napari_unet.core.errors import UserError, is_out_of_memory
from napari_unet.core.events import Note, TileDone
from napari_unet.core.input_check import plausibility
from napari_unet.core.tiling import plan_tiles, predict_tiled
from napari_unet.core.volume_labels import any_label
from napari_unet.inference.backend import Backend, FastestBackend, TorchBackend
from napari_unet.inference.features import of_length_one
from napari_unet.inference.fold import folded
from napari_unet.inference.prepare import Field, network_input
from napari_unet.models.card import ModelCard
from napari_unet.models.checkpoint import check_fits
from napari_unet.models.output import Output
from napari_unet.nets.registry import facts_of

Maps = Generator[TileDone | Note, str | None, np.ndarray]
_FIRST_CORE, _SMALLEST_CORE = 1184, 64  # pixels per side of what a tile keeps; in volumes as many in all


@dataclass
class Seen:
    """What a network finds out about fields one after the other, beside their maps.

    output : which of the model's answers is asked for. notes : for the user. Of each field: `inverted`,
    `plausibility` and `scores` (float32, one per finding); of each pass of the network its features.
    """

    output: Output
    notes: list[str] = field(default_factory=list)
    inverted: list[bool] = field(default_factory=list)
    plausibility: list[float] = field(default_factory=list)
    scores: list[np.ndarray] = field(default_factory=list)
    passes: list[np.ndarray] = field(default_factory=list)


@dataclass(frozen=True)
class _Looked:
    """What the network says of a whole field: maps (C, *size), their looks, and scores (C,) if it has any."""

    maps: np.ndarray
    looks: float
    scores: np.ndarray | None


class PlacedNetwork:
    """One network on one device. Fold, channels_last, inference_mode; half precision on CUDA.

    net, card, device, fastest : as of `Predictor`. Out of memory on a GPU: smaller tiles, then the CPU, where
    it stays; on the CPU: smaller tiles, then a UserError. Not to be shared between threads.
    Raises UserError if the network cannot be what the card describes.
    """

    def __init__(self, net: nn.Module, card: ModelCard, device: torch.device, fastest: bool) -> None:
        check_fits(net, card)
        self.card = card
        self.device = device
        self.facts = facts_of(net)
        self.net = folded(net)
        self._fastest = fastest
        self._backend: Backend = TorchBackend(self.net)
        self._placed: torch.device | None = None
        # InstanceNorm is slower in channels_last, everything else of two axes faster.
        plain = card.input.axes != 2 or any(isinstance(part, nn.InstanceNorm2d) for part in net.modules())
        self.layout = torch.contiguous_format if plain else torch.channels_last

    def steps(
        self,
        read: Callable[[], Field],
        spacing: tuple[float, ...] | None,
        inverted: bool | None,
        seen: Seen,
    ) -> Generator[TileDone | Note, str | None, Field]:
        """(C, *grid) of what the network sees, and where it lies.

        read : gives `field_at_size`. spacing : of its axes, in mm. inverted : as in `Predictor.steps`.
        """
        core = _FIRST_CORE
        while True:
            try:
                self._place()
                field, box = read()
                if self.card.input.size is not None:
                    maps = self._whole(field, inverted, seen)
                    yield TileDone(1, 1)
                else:
                    maps = yield from self._tiled(field, spacing, bool(inverted), core, seen)
                    seen.inverted.append(bool(inverted))
                return maps, box
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
            note, core = self._make_room(core)  # only here: the error held on to the memory
            seen.notes.append(note.text)
            yield note

    def _whole(self, small: np.ndarray, inverted: bool | None, seen: Seen) -> np.ndarray:
        """(C, *size): the probability in a field that the network sees whole, at its size."""
        found, expected = self._looked(small, bool(inverted), seen), seen.output.likeness
        if expected is not None and found.looks < (expected.flag if inverted is None else expected.refuse):
            other = self._looked(small, not inverted, seen)
            # Against a header: only where the image would be refused, and its negative is a good one.
            if other.looks > found.looks and (inverted is None or other.looks >= expected.flag):
                found, inverted = other, not inverted
        seen.inverted.append(bool(inverted))
        seen.plausibility += [found.looks] if expected is not None else []
        seen.scores += [found.scores] if found.scores is not None else []
        return found.maps

    def _looked(self, small: np.ndarray, inverted: bool, seen: Seen) -> _Looked:
        output = seen.output
        image = network_input(small, self.card.input, self.card.intensity, inverted)
        logits = self._logits(_batch(image), seen)
        maps = self.maps_of(logits, output)
        looks = plausibility(any_label(maps), output.likeness) if output.likeness else 0.0
        scores = self.scores_of(logits, output) if output.task == "classification" else None
        return _Looked(maps, looks, scores)

    def _tiled(
        self,
        field: np.ndarray,
        spacing: tuple[float, ...] | None,
        inverted: bool,
        core: int,
        seen: Seen,
    ) -> Maps:
        """(C, *grid), tile by tile, at the card's spacing or at the image's own."""
        image = network_input(field, self.card.input, self.card.intensity, inverted, spacing)
        plan = plan_tiles(self.facts, image.shape[1:], core)

        def predict(part: np.ndarray) -> np.ndarray:
            return self.maps_of(self._logits(_batch(part), seen), seen.output)

        return (yield from predict_tiled(image, predict, plan))

    @torch.inference_mode()
    def _logits(self, x: Tensor, seen: Seen) -> Tensor:
        """(1, channels, *axes) → (1, classes, *axes), on its device; with flips its mirror image's too."""
        batch = torch.cat([x, x.flip(-1)]) if self.card.flips else x
        batch = batch.to(self.device, memory_format=self.layout)
        with self._precision():
            logits, bottleneck = self._backend(batch)
        if not logits.isfinite().all():  # too large for half precision
            logits, bottleneck = self._backend(batch)
        if bottleneck is not None:
            seen.passes.append(of_length_one(bottleneck))
        if isinstance(self._backend, FastestBackend) and self._backend.said:
            seen.notes += self._backend.said
            self._backend.said.clear()
        return logits.float()

    def placed(self) -> nn.Module:
        """The network on its device, for who looks into it and leaves it as it was."""
        self._place()
        return self.net

    @torch.inference_mode()
    def maps_of(self, logits: Tensor, output: Output) -> np.ndarray:
        """float32 (C, *axes) in 0..1, mean over flips: the channels of `output`."""
        p = torch.sigmoid(logits).cpu()
        mean = (p[0] + p[1].flip(-1)[self.card.mirrored_channels]) / 2 if self.card.flips else p[0]
        return mean[self.card.channels_of(output)].numpy()

    @torch.inference_mode()
    def scores_of(self, logits: Tensor, output: Output) -> np.ndarray:
        """float32 (C,) in 0..1, mean over flips: the network's own pooling of its logits."""
        p = torch.sigmoid(self.net.pool(logits)).cpu()  # type: ignore[operator]
        mean = (p[0] + p[1][self.card.mirrored_channels]) / 2 if self.card.flips else p[0]
        return mean[self.card.channels_of(output)].numpy()

    def _precision(self) -> AbstractContextManager[object]:
        return torch.autocast("cuda", torch.float16) if self.device.type == "cuda" else nullcontext()

    def _make_room(self, core: int) -> tuple[Note, int]:
        """What to try after running out of memory: (what the user is told, side of the next tiles)."""
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        tiled = self.card.input.size is None and self.facts.receptive_radius is not None
        if tiled and core > _SMALLEST_CORE:
            return Note(f"Out of memory: trying again with tiles of {core // 2} pixels."), core // 2
        if self.device.type == "cpu":
            raise UserError(
                "There is not enough memory for this image.", "Close other programs or open a smaller image."
            )
        self.device = torch.device("cpu")
        return Note("Out of memory on the graphics card: continued on the processor."), _FIRST_CORE

    def _place(self) -> None:
        if self._placed != self.device:
            self.net = self.net.to(self.device, memory_format=self.layout)  # type: ignore[call-overload]
            self._placed = self.device
            here = self._fastest and self.device.type == "cpu"
            self._backend = FastestBackend(self.net, self.card.sha256) if here else TorchBackend(self.net)


def _batch(part: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(part))[None]
