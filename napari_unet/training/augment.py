"""Random changes of framing, exposure and texture, as batched torch operations on any device.

Framing: the window around what is labelled is drawn at random (another machine collimates otherwise), with
rotation, shear and elastic deformation (Ronneberger 2015, section 3.1: smooth displacements on a coarse
grid). Looks: contrast curves, low-frequency fields, random convolutions (Xu et al. 2021, arXiv:2007.13003),
detail enhancement and blur, noise, opacities, covered parts. Fluid that hides a part of a lung takes it out
of the mask too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from napari_unet.training.augment_config import AugmentConfig


class Augment:
    """Callable (images, masks, size) → (images, masks) at `size`; everything random comes from its generator.

    images : float32 (N, C, Y, X) in 0..1. masks : float32 (N, labels, Y, X), 0 or 1, and perhaps one channel
    more: the pixels that do not count; beyond the image they count, as background. Channels after that hold
    any numbers, which move along; beyond the image they are 0. Output images
    are scaled to 0..1 by their 0.5th and 99.5th percentile again, as IntensityRule does with a whole image.
    mirrored : for each label's channel the one that takes its place in a mirrored image.
    hounsfield : grey values have a meaning: they are those of CT in a window. Then they are not scaled again,
    and no change is made that gives one tissue the value of another over the whole image: of the curves
    there is only a small change of scale and offset, and no field, random convolution or fluid.
    """

    def __init__(
        self, config: AugmentConfig, seed: int, mirrored: Sequence[int] = (0,), *, hounsfield: bool = False
    ) -> None:
        self.config, self._hounsfield = config, hounsfield
        self.generator = torch.Generator().manual_seed(seed)
        self._labels, self._mirrored = len(mirrored), list(mirrored)

    def __call__(self, images: Tensor, masks: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        images, masks = self._geometry(images, masks, size)
        config = self.config
        changes = [(self._opacity, config.opacity)]
        if self._hounsfield:
            changes += [(self._tone, config.curve)]
        else:
            images, masks = self._effusion(images, masks)
            changes += [(self._curve, config.curve), (self._field, config.field)]
            changes += [(self._random_convolution, config.random_convolution)]
        changes += [(self._detail, config.detail), (self._noise, config.noise), (self._cover, config.cover)]
        for change, chance in changes:
            chosen = self._uniform(len(images), 0, 1) < chance
            if chosen.any():
                images = torch.where(_per_sample(chosen, images), change(images), images)
                images = self._in_range(images)
        return images, masks

    def _in_range(self, images: Tensor) -> Tensor:
        return images.clamp(0, 1) if self._hounsfield else _rescale(images)

    # -- where things are --

    def _geometry(self, images: Tensor, masks: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        n, s = len(images), self.config.strength
        centre = self._uniform((n, 2), -0.08 * s, 0.08 * s)
        half = self._uniform((n, 1), 1 - 0.2 * s, 1 + 0.2 * s) * self._uniform(
            (n, 2), 1 - 0.12 * s, 1 + 0.12 * s
        )
        box_centre, box_half = self._window(self._foreground(masks))
        reframed = (self._uniform(n, 0, 1) < self.config.reframe)[:, None]
        centre, half = torch.where(reframed, box_centre, centre), torch.where(reframed, box_half, half)
        angle = self._normal(n) * math.radians(6) * s
        shear = self._normal(n) * 0.05 * s
        mirrored = torch.where(self._uniform(n, 0, 1) < self.config.flip, -1.0, 1.0)
        if self.config.turn:
            turned = self._uniform(n, 0, 1) < self.config.turn
            quarters = torch.randint(1, 4, (n,), generator=self.generator)
            angle = angle + torch.where(turned, quarters, 0) * (math.pi / 2)
        cos, sin = torch.cos(angle), torch.sin(angle)
        theta = torch.zeros(n, 2, 3)
        theta[:, 0, 0], theta[:, 0, 1], theta[:, 0, 2] = (
            mirrored * half[:, 0] * cos,
            half[:, 0] * (shear - sin),
            centre[:, 0],
        )
        theta[:, 1, 0], theta[:, 1, 1], theta[:, 1, 2] = (
            mirrored * half[:, 1] * sin,
            half[:, 1] * cos,
            centre[:, 1],
        )
        if self.config.upside_down:
            over = self._uniform(n, 0, 1) < self.config.upside_down
            theta[over, :, 1] *= -1  # of what is seen, the rows in reverse order
        grid = functional.affine_grid(theta, [n, 1, *size], align_corners=False)
        bent = (self._uniform(n, 0, 1) < self.config.elastic)[:, None, None, None]
        grid = grid + torch.where(bent, self.bend(n, size), torch.zeros(())).permute(0, 2, 3, 1)
        grid = grid.to(images.device)
        images = functional.grid_sample(images, grid, mode="bilinear", align_corners=False)
        masks = functional.grid_sample(masks, grid, mode="bilinear", align_corners=False)
        drawn = masks[:, : self._labels + 1]
        drawn.copy_(drawn >= 0.5)
        if self._mirrored != sorted(self._mirrored):
            turned = (mirrored < 0).to(masks.device)
            masks[turned, : self._labels] = masks[turned][:, self._mirrored]
        return self._in_range(images), masks

    def bend(self, n: int, size: tuple[int, int]) -> Tensor:
        """Smooth displacements (N, 2, Y, X) as (x, y), in halves of the image's sides; see AugmentConfig."""
        if self.config.elastic_px:
            sides = torch.tensor([size[1], size[0]]).view(1, 2, 1, 1)
            points = self._normal((n, 2, 3, 3)) * self.config.elastic_px * 2 / sides
        else:
            points = self._normal((n, 2, 5, 5)) * 0.025 * self.config.strength
        return functional.interpolate(points, size, mode="bicubic", align_corners=True)

    def _foreground(self, masks: Tensor) -> Tensor:
        """(N, Y, X): any label."""
        return masks[:, : self._labels].amax(dim=1)

    def _window(self, masks: Tensor) -> tuple[Tensor, Tensor]:
        """Centre and half size (N, 2) as (x, y) in -1..1 of the box around each mask, with random margins."""
        n, height, width = masks.shape
        low, high = torch.full((n, 2), -1.0), torch.full((n, 2), 1.0)
        for i, mask in enumerate(masks):
            for axis, length in ((0, width), (1, height)):
                hit = torch.nonzero(mask.amax(dim=axis) >= 0.5).flatten()
                if len(hit):
                    low[i, axis] = 2.0 * float(hit[0]) / length - 1
                    high[i, axis] = 2.0 * (float(hit[-1]) + 1) / length - 1
        extent = high - low
        low = low - extent * self._uniform((n, 2), -0.02, 0.32)
        high = high + extent * self._uniform((n, 2), -0.02, 0.32)
        return (low + high) / 2, (high - low) / 2

    def _effusion(self, images: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
        """White lower parts of one lung or both, with a curved upper border; what is hidden leaves the mask.

        The masks hold what is seen of a lung, so fluid that swallows it takes it away.
        """
        n, _, height, width = masks.shape
        chosen = self._uniform(n, 0, 1) < self.config.effusion
        first, both = (self._uniform((n, 2), 0, 1) < 0.6).unbind(dim=1)
        level = self._uniform((n, 2), 0.25, 0.95)
        bend, grey = self._uniform((n, 2), -0.1, 0.35), self._uniform((n, 2), 0.8, 1.0)
        softness, density = self._uniform(n, 0.01, 0.04), self._uniform(n, 0.85, 1.0)
        ys = torch.linspace(0, 1, height).view(height, 1)
        xs = torch.linspace(0, 1, width).view(1, width)
        images, masks, foreground = images.clone(), masks.clone(), self._foreground(masks)
        for i in torch.nonzero(chosen).flatten().tolist():
            lungs = foreground[i].cpu()
            rows, columns = (torch.nonzero(lungs.amax(dim=axis)).flatten() for axis in (1, 0))
            if not len(rows):
                continue
            top, bottom = float(rows[0]) / height, float(rows[-1]) / height
            middle = float(columns[0] + columns[-1]) / 2 / width
            near = functional.avg_pool2d(lungs[None, None], 9, 1, 4)[0, 0].mul(2).clamp(max=1)
            for side in (0, 1):
                if not both[i] and first[i] == bool(side):
                    continue
                half = (xs < middle) if side == 0 else (xs >= middle)
                curve = top + level[i, side] * (bottom - top) + bend[i, side] * (xs - middle).abs()
                under = torch.sigmoid((ys - curve) / softness[i]) * half
                cover = (under * near * density[i]).to(images.device)
                images[i] = torch.lerp(images[i], grey[i, side].to(images.device), cover)
                masks[i, : self._labels] *= (under < 0.5).to(masks)
        return images, masks

    # -- how things look --

    def _tone(self, x: Tensor) -> Tensor:
        """Another calibration: scale and offset by a few per cent of the window."""
        n, s = len(x), self.config.strength
        scale, offset = torch.exp(self._normal(n) * 0.06 * s), self._normal(n) * 0.02 * s
        return x * _per_sample(scale, x) + _per_sample(offset, x)

    def _curve(self, x: Tensor) -> Tensor:
        """A monotone contrast curve: gamma, then a mixture with a sigmoid about a random grey."""
        n, s = len(x), self.config.strength
        gamma = _per_sample(torch.exp(self._normal(n) * 0.4 * s), x)
        x = x.clamp(1e-4, 1) ** gamma
        gain, middle, share = self._uniform(n, 3, 12), self._uniform(n, 0.25, 0.75), self._uniform(n, 0, 0.8)
        bent = torch.sigmoid(_per_sample(gain, x) * (x - _per_sample(middle, x)))
        return torch.lerp(x, _rescale(bent), _per_sample(share, x))

    def _field(self, x: Tensor) -> Tensor:
        """Smooth multiplicative and additive fields: uneven exposure, grids, scatter, soft tissue."""
        n, s = len(x), self.config.strength
        shape = x.shape[-2:]
        gain = functional.interpolate(
            self._normal((n, 1, 4, 4)) * 0.35 * s, shape, mode="bicubic", align_corners=True
        )
        bias = functional.interpolate(
            self._normal((n, 1, 4, 4)) * 0.12 * s, shape, mode="bicubic", align_corners=True
        )
        return x * torch.exp(gain.to(x.device)) + bias.to(x.device)

    def _random_convolution(self, x: Tensor) -> Tensor:
        """One random 3×3 or 5×5 filter per sample, of positive sum, mixed with the image (Xu 2021, eq. 2)."""
        n = len(x)
        side = 3 if float(self._uniform(1, 0, 1)) < 0.5 else 5
        kernel = self._normal((n, 1, side, side)) / side
        kernel = kernel * torch.sign(kernel.sum(dim=(2, 3), keepdim=True))
        mixed = functional.conv2d(
            functional.pad(x, (side // 2,) * 4, mode="reflect").transpose(0, 1), kernel.to(x.device), groups=n
        ).transpose(0, 1)
        share = _per_sample(self._uniform(n, 0.2, 0.8), x)
        return torch.lerp(x, _rescale(mixed), share)

    def _detail(self, x: Tensor) -> Tensor:
        """Fine or coarse detail made stronger or weaker, as the post-processing of X-ray machines does."""
        factor = int(2 ** int(torch.randint(0, 6, (1,), generator=self.generator)))
        if factor == 1:
            smooth = functional.avg_pool2d(functional.pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1)
        else:
            small = functional.avg_pool2d(x, factor, ceil_mode=True)
            smooth = functional.interpolate(small, x.shape[-2:], mode="bilinear", align_corners=False)
        amount = self._uniform(len(x), -0.9, 1.5) if factor < 8 else self._uniform(len(x), -0.3, 2.0)
        return x + _per_sample(amount, x) * (x - smooth)

    def _noise(self, x: Tensor) -> Tensor:
        """Gaussian noise, white or of a coarser grain."""
        level = _per_sample(self._uniform(len(x), 0.01, 0.06), x)
        grain = 1 if float(self._uniform(1, 0, 1)) < 0.5 else 2
        shape = (*x.shape[:2], -(-x.shape[-2] // grain), -(-x.shape[-1] // grain))
        return x + level * functional.interpolate(
            self._normal(shape).to(x.device), x.shape[-2:], mode="nearest"
        )

    def _opacity(self, x: Tensor) -> Tensor:
        """Soft bright clouds (consolidation, soft tissue): a lung that shines through is still lung."""
        n, _, height, width = x.shape
        ys = torch.linspace(-1, 1, height).view(1, 1, height, 1)
        xs = torch.linspace(-1, 1, width).view(1, 1, 1, width)
        cloud = torch.zeros(n, 1, height, width)
        for _ in range(3):
            cy, cx = _view(self._uniform(n, -0.6, 0.9)), _view(self._uniform(n, -0.8, 0.8))
            ry, rx = _view(self._uniform(n, 0.08, 0.5)), _view(self._uniform(n, 0.08, 0.4))
            blob = torch.exp(-(((ys - cy) / ry) ** 2 + ((xs - cx) / rx) ** 2))
            cloud = torch.maximum(cloud, _view(self._uniform(n, 0.2, 0.7)) * blob)
        cloud = cloud.to(x.device)
        grey = _per_sample(self._uniform(n, 0.6, 0.95), x)
        return torch.where(grey > x, torch.lerp(x, grey.expand_as(x), cloud), x)

    def _cover(self, x: Tensor) -> Tensor:
        """Up to three rectangles of one grey each: markers, plates, collimation, devices."""
        n, _, height, width = x.shape
        ys = torch.linspace(-1, 1, height).view(1, 1, height, 1).to(x.device)
        xs = torch.linspace(-1, 1, width).view(1, 1, 1, width).to(x.device)
        for _ in range(3):
            cy, cx = (_per_sample(self._uniform(n, -1.05, 1.05), x) for _ in range(2))
            ry, rx = (_per_sample(self._uniform(n, 0.02, 0.2), x) for _ in range(2))
            inside = ((ys - cy).abs() < ry) & ((xs - cx).abs() < rx)
            x = torch.where(inside, _per_sample(self._uniform(n, 0, 1), x), x)
        return x

    def _uniform(self, shape: int | tuple[int, ...], low: float, high: float) -> Tensor:
        shape = (shape,) if isinstance(shape, int) else shape
        return torch.rand(shape, generator=self.generator) * (high - low) + low

    def _normal(self, shape: int | tuple[int, ...]) -> Tensor:
        return torch.randn((shape,) if isinstance(shape, int) else shape, generator=self.generator)


def _rescale(x: Tensor) -> Tensor:
    """0.5th and 99.5th percentile of each sample (about 4,000 of its pixels) to 0 and 1, clipped."""
    step = max(1, math.isqrt(x.shape[-1] * x.shape[-2] // 4096))
    sample = x[..., ::step, ::step].flatten(1)
    low, high = torch.quantile(sample, torch.tensor([0.005, 0.995], device=x.device), dim=1)
    span = (high - low).clamp(min=1e-4)
    return ((x - _view(low)) / _view(span)).clamp(0, 1)


def _view(values: Tensor) -> Tensor:
    return values.view(-1, 1, 1, 1)


def _per_sample(values: Tensor, like: Tensor) -> Tensor:
    return _view(values).to(like.device)
