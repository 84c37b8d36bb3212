"""The input of a network, as it is looked at, and where it lies in the image."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn

from napari_unet.core.ct_content import check_kind_or_content
from napari_unet.core.errors import UserError
from napari_unet.core.input_check import check_pixels
from napari_unet.core.inside import Place
from napari_unet.core.prediction import Box, Prediction
from napari_unet.core.raster import Modality, Raster, modality_of
from napari_unet.core.standing import Turn, turn_to_stand
from napari_unet.core.steps import run
from napari_unet.inference.lung_frame import framed_steps, within
from napari_unet.inference.predictor import Predictor
from napari_unet.inference.prepare import field_at_size, network_input
from napari_unet.models.output import Output
from napari_unet.nets.mirrored import MirroredBorders

LARGEST = 768
"""Pixels of a side that are looked at of a larger image: its middle. It bounds the memory.

Images that a card brings to a size are looked at whole.
"""


@dataclass(frozen=True)
class Subject:
    """One image as a network sees it.

    x : (1, C, Y, X), float32, on the predictor's device; its sides are multiples of the network's stride.
    grid : rows and columns of `x` that are of the image; what is beyond repeats the last pixel. box : rows
    and columns of the image that they cover. shape : (Y, X) of the image, which is turned by `turn`.
    spacing : of the image in mm. inverted : whether its bones are dark. part : whether only its middle is
    looked at.
    """

    predictor: Predictor
    net: nn.Module
    output: Output
    x: Tensor
    grid: tuple[int, int]
    box: Box
    shape: tuple[int, int]
    spacing: tuple[float, ...] | None
    inverted: bool
    turn: Turn
    part: bool

    @property
    def inner(self) -> nn.Module:
        """The network without the mirrored borders around it."""
        return self.net.net if isinstance(self.net, MirroredBorders) else self.net

    @property
    def before(self) -> int:
        """Pixels that are mirrored before the first row and column."""
        return self.net.before if isinstance(self.net, MirroredBorders) else 0

    @property
    def whole(self) -> tuple[int, int]:
        """Rows and columns that the network computes with."""
        more = self.net.before + self.net.after if isinstance(self.net, MirroredBorders) else 0
        return self.x.shape[-2] + more, self.x.shape[-1] + more

    def pixels_per_grid(self) -> tuple[float, float]:
        """Pixels of the image for one of the grid, rows and columns."""
        rows, columns = self.box
        return (rows.stop - rows.start) / self.grid[0], (columns.stop - columns.start) / self.grid[1]

    def place(self, size: tuple[int, ...], step: int) -> Place:
        """Of a map of `size` whose pixels are `step` pixels of the grid apart.

        Networks treat both ends of an axis alike: the middle of a map is that of all they compute with.
        """
        origin, steps = [], []
        for axis, scale in enumerate(self.pixels_per_grid()):
            edge = self.whole[axis] / 2 - self.before - size[axis] * step / 2
            origin.append(self.box[axis].start + (edge + step / 2) * scale - 0.5)
            steps.append(step * scale)
        return Place((origin[0], origin[1]), (steps[0], steps[1]))

    def grid_place(self) -> Place:
        """Of the grid itself."""
        rows, columns = self.pixels_per_grid()
        corner = self.box[0].start + rows / 2 - 0.5, self.box[1].start + columns / 2 - 0.5
        return Place(corner, (rows, columns))

    def grid_pixel(self, pixel: tuple[int, int]) -> tuple[int, int]:
        """The pixel of the grid in which a pixel of the (turned) image lies; the nearest one beyond it."""
        found = []
        for axis, scale in enumerate(self.pixels_per_grid()):
            at = int((pixel[axis] + 0.5 - self.box[axis].start) // scale)
            found.append(min(max(at, 0), self.grid[axis] - 1))
        return found[0], found[1]

    def image_pixel(self, pixel: tuple[int, int]) -> tuple[int, int]:
        """The pixel of the (turned) image in the middle of one of the grid."""
        row, column = (
            int(self.box[axis].start + (pixel[axis] + 0.5) * scale)
            for axis, scale in enumerate(self.pixels_per_grid())
        )
        return row, column

    def prediction(self, logits: Tensor) -> Prediction:
        """What `logits` of `views` say of the image."""
        maps = self.predictor.network.maps_of(logits, self.output)[:, : self.grid[0], : self.grid[1]]
        scores: dict[str, float] = {}
        if self.output.task == "classification":
            found = self.predictor.network.scores_of(logits, self.output)
            scores = dict(zip(self.output.findings, map(float, found), strict=True))
        covers_all = self.box == (slice(0, self.shape[0]), slice(0, self.shape[1]))
        return Prediction(
            np.ascontiguousarray(maps),
            shape=self.shape,
            boxes=() if covers_all else (self.box,),
            output=self.output.id,
            task=self.output.task,
            label_set=self.output.labels,
            scores=scores,
            spacing_mm=self.spacing,
            threshold=self.output.threshold,
            rule=self.output.mask_rule,
        )

    @cached_property
    def logits(self) -> Tensor:
        """What the network, as it is, says of all `views`; float32. Computed once."""
        with torch.inference_mode():
            found: Tensor = self.net(self.views())
            return found.float()

    @cached_property
    def seconds(self) -> float:
        """How long the network takes for all `views`. Measured once, in a second pass."""
        _ = self.logits
        begun = time.perf_counter()
        with torch.inference_mode():
            self.net(self.views())
        return time.perf_counter() - begun

    def views(self) -> Tensor:
        """`x`, and its mirror image where the card says that both are predicted and averaged."""
        both = torch.cat([self.x, self.x.flip(-1)]) if self.predictor.card.flips else self.x
        return both.contiguous(memory_format=self.predictor.network.layout)


class SubjectCache:
    """The subjects looked at last: a second question about one does not prepare it again."""

    def __init__(self, size: int = 8) -> None:
        self._size = size
        self._kept: OrderedDict[tuple[object, ...], Subject] = OrderedDict()

    def get(
        self,
        predictor: Predictor,
        raster: Raster,
        index: int = 0,
        output: str | None = None,
        box: Box | None = None,
    ) -> Subject:
        """As `subject_of`."""
        header = {name: value for name, value in raster.header().items() if name not in ("frame", "source")}
        about = repr((header, raster.pixels.dtype, raster.shape, index, output, box))
        digest = hashlib.sha256(np.ascontiguousarray(raster.pixels).tobytes()).hexdigest()
        key = (id(predictor), str(predictor.network.device), digest, about)
        if key not in self._kept:
            self._kept[key] = subject_of(predictor, raster, index, output, box)
        self._kept.move_to_end(key)
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)
        return self._kept[key]


shared_subjects = SubjectCache()
"""Those of this process."""


def subject_of(
    predictor: Predictor, raster: Raster, index: int = 0, output: str | None = None, box: Box | None = None
) -> Subject:
    """An image, or slice `index` of a stack, as the predictor's network sees it.

    output : which of the model's answers. box : rows and columns that all slices of a volume keep; None takes
    those of the slices that are here. Polarity as in `Predictor.steps`. Where the card has a frame, the lungs
    are found first, and the image is cut to them as for a score. Raises UserError for networks of volumes,
    and as `segment_steps` and `framed_steps` do for images.
    """
    card, rule = predictor.card, predictor.card.input
    if rule.axes != 2:
        raise UserError(
            f"The model {card.name} is for volumes, and only networks of images can be looked into.",
            "Choose a model for images or slices.",
        )
    check_pixels(raster)
    answer = card.output_named(output)
    check_kind_or_content(raster, answer.labels.of_lungs, card.modalities, card.views, card.body_parts)
    turn = turn_to_stand(raster) if card.in_hounsfield and raster.pixels.ndim == 3 else Turn(False, False)
    standing = turn.raster(raster) if turn else raster
    slice_ = standing.slice(index) if standing.pixels.ndim == 3 else standing
    outer: Box = (slice(0, slice_.shape[0]), slice(0, slice_.shape[1]))
    if card.frame is not None:
        framed = run(framed_steps(slice_, card.frame, str(predictor.network.device)))
        standing, outer = framed.raster, framed.box
    inverted = standing.inverted
    if inverted is None and modality_of(raster) is Modality.CT:
        inverted = False
    if answer.likeness is not None:
        inverted = run(predictor.steps(slice_, inverted, answer.id)).inverted
    around = turn.box(box, raster) if box is not None else None
    field, found = field_at_size(standing, rule, index if standing.pixels.ndim == 3 else 0, around)
    image = network_input(field, rule, card.intensity, bool(inverted), slice_.spacing_mm)
    place, part = within(outer, (found[-2], found[-1])), False
    if rule.size is None:
        image, place, part = _middle(image, place)
    net, stride = predictor.network.placed(), predictor.network.facts.stride
    more = [(0, 0), *((0, -n % stride) for n in image.shape[1:])]
    x = torch.from_numpy(np.pad(image, more, mode="edge"))[None]
    x = x.to(predictor.network.device, memory_format=predictor.network.layout)
    return Subject(
        predictor,
        net,
        answer,
        x,
        grid=(image.shape[1], image.shape[2]),
        box=place,
        shape=(slice_.shape[0], slice_.shape[1]),
        spacing=slice_.spacing_mm,
        inverted=bool(inverted),
        turn=turn,
        part=part,
    )


def _middle(image: np.ndarray, box: Box) -> tuple[np.ndarray, Box, bool]:
    """The middle of an image (C, y, x) that is too large, the box that it covers, and whether it was."""
    sizes = image.shape[1:]
    if max(sizes) <= LARGEST:
        return image, box, False
    cuts, places = [], []
    for n, part in zip(sizes, box, strict=True):
        first = max(0, (n - LARGEST) // 2)
        end = min(n, first + LARGEST)
        scale = (part.stop - part.start) / n
        cuts.append(slice(first, end))
        places.append(slice(part.start + round(first * scale), part.start + round(end * scale)))
    return image[:, cuts[0], cuts[1]], (places[0], places[1]), True
