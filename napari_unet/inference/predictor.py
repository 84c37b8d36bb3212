"""Predictor: a network, its card and a device; from raster to probability."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import nullcontext
from copy import copy
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import torch
from torch import nn

from napari_unet.core.errors import UserError
from napari_unet.core.events import Note, SliceDone, TileDone
from napari_unet.core.input_check import mixed_polarity_note
from napari_unet.core.orientation import axes_towards
from napari_unet.core.padding import is_padding
from napari_unet.core.prediction import Box, Prediction, in_bytes
from napari_unet.core.raster import Raster
from napari_unet.core.resize import resized as at_size
from napari_unet.core.settled_lungs import settled_lungs
from napari_unet.core.situs import situs_notes
from napari_unet.core.standing import turn_to_stand
from napari_unet.core.steps import STOP, changed
from napari_unet.core.volume_labels import likeliest_labels
from napari_unet.inference.features import image_features
from napari_unet.inference.freed_memory import freed_memory_kept
from napari_unet.inference.placed_network import Maps, PlacedNetwork, Seen
from napari_unet.inference.prepare import Field, ahead, common_box, field_at_size
from napari_unet.models.card import ModelCard

Steps = Generator[TileDone | Note, str | None, Prediction]
_MOST_AS_FLOATS = 2**28  # bytes of the maps of a stack or volume


@dataclass
class _Run(Seen):
    """What a run is asked for, and what it finds out on its way.

    boxes : where the maps of each image lie.
    stopped_at : of a volume, how many slices were done when somebody stopped it. shown_at : the threshold at
    which each slice of a volume is shown when it is done; None if none is.
    """

    shown_at: float | None = None
    boxes: list[Box] = field(default_factory=list)
    stopped_at: int | None = None


class Predictor:
    """Runs one model on one device.

    net : the network of `card`. device : from `pick_device`. fastest : on a processor another library may
    take torch's place, to 1e-4 the same (`FastestBackend`); without it the same bits come every time. Not to
    be shared between threads.
    Raises UserError if the network cannot be what the card describes.
    """

    def __init__(self, net: nn.Module, card: ModelCard, device: torch.device, fastest: bool = False) -> None:
        self.network = PlacedNetwork(net, card, device, fastest)

    @property
    def card(self) -> ModelCard:
        """What the network is and how its images are made."""
        return self.network.card

    def with_card(self, card: ModelCard) -> Predictor:
        """The same network as another card has it; this one stays as it is."""
        other = copy(self)
        other.network = copy(self.network)
        other.network.card = card
        return other

    def steps(
        self,
        raster: Raster,
        inverted: bool | None = None,
        output: str | None = None,
        shown_at: float | None = None,
    ) -> Steps:
        """As `_steps`, with axial slices of CT turned as those of training lay (core.standing), and back.

        A note says so if heart and liver lie on the other side than the affine says.
        Raises UserError for slices in other planes.
        """
        rule = self.card.input
        is_large = rule.size is None or rule.axes == 3
        with freed_memory_kept() if is_large else nullcontext():
            return (yield from self._turned_steps(raster, inverted, output, shown_at))

    def _turned_steps(
        self, raster: Raster, inverted: bool | None, output: str | None, shown_at: float | None
    ) -> Steps:
        if not self.card.in_hounsfield:
            return (yield from self._steps(raster, inverted, output, shown_at))
        turn = turn_to_stand(raster)
        standing = turn.raster(raster) if turn else raster
        steps = self._steps(standing, inverted, output, shown_at)
        turned: Steps = changed(steps, lambda event: turn.event(event, raster))
        found = settled_lungs(standing, (yield from turned))
        towards = axes_towards(raster.affine)
        said = situs_notes(standing, found, towards[0]) if towards is not None else ()
        found = turn.prediction(found, raster) if turn else found
        return replace(found, notes=(*found.notes, *said))

    def _steps(
        self, raster: Raster, inverted: bool | None, output: str | None, shown_at: float | None
    ) -> Steps:
        """Yields TileDone after each slice or tile, and Notes; returns the Prediction, on the network's grid.

        output : which of the model's answers, as in `ModelCard.output_named`.
        inverted : the raster's bones are dark; None where nobody knows: then an image that looks wrong as it
        is, is tried inverted, and the likelier of the two is taken (only with a card that has a shape prior).
        A header may be wrong too: where only the negative of an image is what the model is for, that is
        taken. A (Z, Y, X) raster is done slice by slice, as if each were alone but for the neighbours that
        the card's InputRule names, or at once where the card is for volumes. Raises UserError for an image
        there. With flips the probability is the mean of the image and its mirror image, and the entropy of
        the mean counts their disagreement too (Gal 2017, total uncertainty). Of a classification the maps are
        those of the network's logits before its pooling, and the scores follow from what it pools; in a stack
        of images each finding has the highest score of any. Out of memory: see `PlacedNetwork`.
        Where the slices are those of one volume (the answer's MaskRule is not `per_slice`), maps have 8 bits,
        all slices lose the same border of padding, and in slices that are nothing else there is no label.
        shown_at : with a threshold, TileDone of a slice of a volume is a SliceDone, which shows it.
        Closing the steps throws away what is done. Sending STOP in return for a TileDone keeps it: the
        slices that are left get no labels, `Prediction.stopped_at` says how many were seen, and a note too.
        """
        start = time.perf_counter()
        answer, rule = self.card.output_named(output), self.card.input
        seen = _Run(answer, shown_at=shown_at if answer.task == "segmentation" else None)
        one_field = raster.pixels.ndim == rule.axes
        if raster.pixels.ndim < rule.axes:
            raise UserError(
                f"The model {self.card.name} is for volumes, and this is a single image.",
                "Open the whole series, or choose another model.",
            )
        if one_field:
            maps = yield from self._inside(
                raster, partial(field_at_size, raster, self.card.input), inverted, seen
            )
        else:
            maps = yield from self._stack(raster, inverted, seen)
        seen.notes += mixed_polarity_note(seen.inverted)
        scores = np.max(seen.scores, axis=0) if seen.scores else ()
        was_inverted = bool(seen.inverted) and all(seen.inverted)
        return Prediction(
            maps,
            shape=raster.shape,
            boxes=tuple(seen.boxes),
            output=answer.id,
            task=answer.task,
            label_set=answer.labels,
            scores={name: float(score) for name, score in zip(answer.findings, scores, strict=False)},
            spacing_mm=raster.spacing_mm,
            threshold=answer.threshold,
            rule=answer.mask_rule,
            model=self.card.name,
            version=self.card.version_of(answer),
            device=str(self.network.device),
            seconds=time.perf_counter() - start,
            notes=tuple(seen.notes),
            row_direction=raster.row_direction,
            inverted=was_inverted,
            plausibility=tuple(seen.plausibility),
            stopped_at=seen.stopped_at,
            features=image_features(
                seen.passes, both_ways=one_field and rule.size is not None, inverted=was_inverted
            ),
        )

    def _stack(self, raster: Raster, inverted: bool | None, seen: _Run) -> Maps:
        """(C, Z, y, x), slice by slice; 8 bits of a volume, and where floats would fill the memory."""
        slices, volume = len(raster.pixels), not seen.output.mask_rule.per_slice
        box = common_box(raster, seen.output.mask_rule)
        maps: np.ndarray | None = None
        for z, read in enumerate(ahead(partial(field_at_size, raster, self.card.input, box=box), slices)):
            if volume and is_padding(raster.pixels[z], raster.padding):
                seen.boxes += [box] if box and self._keeps_boxes(raster) else []
            else:
                found = yield from _notes_only(self._inside(raster, read, inverted, seen))
                if maps is None:
                    as_bytes = volume or found.nbytes * slices > _MOST_AS_FLOATS
                    shape = (len(found), slices, *found.shape[1:])
                    maps = np.zeros(shape, np.uint8 if as_bytes else np.float32)
                maps[:, z] = found if maps.dtype == np.float32 else in_bytes(found)
            done = TileDone(z + 1, slices)
            if volume and maps is not None and seen.shown_at is not None:
                labels = likeliest_labels(maps[:, z], seen.output.labels.values, seen.shown_at)
                done = SliceDone(z + 1, slices, labels, self._covered(raster, box))
            if (yield done) == STOP and z + 1 < slices:
                seen.stopped_at = z + 1
                seen.notes.append(f"Stopped after {z + 1} of {slices} slices: the others are empty.")
                seen.boxes += seen.boxes[-1:] * (slices - len(seen.boxes))
                break
        size = self.card.input.size or raster.shape[1:]
        return np.zeros((len(seen.output.channels), slices, *size), np.uint8) if maps is None else maps

    def _covered(self, raster: Raster, box: Box | None) -> Box:
        """Rows and columns that the maps of a slice cover. box : what all slices keep."""
        if box is not None and self._keeps_boxes(raster):
            return box
        return slice(0, raster.shape[1]), slice(0, raster.shape[2])

    def _keeps_boxes(self, raster: Raster) -> bool:
        """Whether the maps of slices cover what was cut out of them, and not the whole slice."""
        return raster.padding is not None and self.card.input.size is not None

    def _inside(self, raster: Raster, read: Callable[[], Field], inverted: bool | None, seen: _Run) -> Maps:
        """(C, y, x) of an image or slice, (C, Z, y, x) of a volume: as without its border of padding.

        A volume has the network's grid in plane and the image's own slices. Where a header names padding,
        `seen` gets the boxes that the grid covers. Grids of tiles follow the size of what was cut out, which
        is another one in each slice of a stack: there they are brought to the image's own size.
        """
        axes = self.card.input.axes
        spacing, shape = raster.spacing_mm and raster.spacing_mm[-axes:], raster.shape[-axes:]
        found, box = yield from self.network.steps(read, spacing, inverted, seen)
        covered = tuple(part.stop - part.start for part in box)
        if axes == 3:
            found = at_size(found, (covered[0], *found.shape[2:]))
            if not seen.output.mask_rule.per_slice or found.nbytes > _MOST_AS_FLOATS:
                found = np.stack([in_bytes(channel) for channel in found])
            if raster.padding is not None:
                seen.boxes += [(box[1], box[2])] * shape[0]
                around = (box[0].start, shape[0] - box[0].stop)
                found = np.pad(found, ((0, 0), around, (0, 0), (0, 0)))
            return found
        if raster.padding is None:
            return found
        if self.card.input.size is not None or raster.pixels.ndim == 2:
            seen.boxes.append((box[0], box[1]))
            return found
        maps = np.zeros((len(found), *shape), np.float32)
        maps[:, *box] = at_size(found, covered)
        return maps


def _notes_only(steps: Maps) -> Maps:
    """The same steps without their TileDone: a stack counts its slices instead."""
    return (yield from changed(steps, lambda event: event if isinstance(event, Note) else None))
