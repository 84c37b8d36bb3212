"""MixStyle (Zhou et al. 2021, arXiv:2104.02008): samples of a batch exchange the style of feature maps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class MixStyle:
    """Forward hook for a module with output (N, C, Y, X); active in training mode only.

    With probability `chance` per batch the mean and standard deviation of each channel and sample are mixed
    with those of another sample, with a share from Beta(0.1, 0.1) (equations 3 to 5); no gradient flows
    through them.
    """

    def __init__(self, chance: float, generator: torch.Generator) -> None:
        self.chance = chance
        self.generator = generator

    def __call__(self, module: nn.Module, inputs: object, x: Tensor) -> Tensor:
        if not module.training or float(torch.rand(1, generator=self.generator)) >= self.chance:
            return x
        mean = x.mean(dim=(2, 3), keepdim=True).detach()
        std = (x.var(dim=(2, 3), keepdim=True) + 1e-6).sqrt().detach()
        other = torch.randperm(len(x), generator=self.generator).to(x.device)
        share = self._beta(len(x)).view(-1, 1, 1, 1).to(x.device)
        mixed_mean, mixed_std = torch.lerp(mean[other], mean, share), torch.lerp(std[other], std, share)
        return (x - mean) / std * mixed_std + mixed_mean

    def _beta(self, n: int, alpha: float = 0.1) -> Tensor:
        """Beta(alpha, alpha) by Jöhnk's method, vectorised by drawing until each sample has been accepted."""
        share = torch.full((n,), torch.nan)
        while share.isnan().any():
            u, v = (torch.rand(n, generator=self.generator) ** (1 / alpha) for _ in range(2))
            accepted = share.isnan() & (u + v <= 1) & (u + v > 0)
            share = torch.where(accepted, u / (u + v), share)
        return share


@contextmanager
def mixed_style(parts: Iterable[nn.Module], chance: float, generator: torch.Generator) -> Iterator[None]:
    """MixStyle behind each of `parts` while the block runs."""
    hooks = [part.register_forward_hook(MixStyle(chance, generator)) for part in parts]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
