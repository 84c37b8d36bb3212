"""A network with one answer more: the earlier ones stay what they were, to the bit."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from net_fakes import TINY, tiny_net
from torch import Tensor, nn

from napari_unet.inference.fold import folded
from napari_unet.nets.adapted_encoder import AdaptedLevel
from napari_unet.nets.answer_designs import DESIGNS
from napari_unet.nets.further_answer import FurtherAnswer, settled
from napari_unet.nets.registry import build, facts_of
from napari_unet.training.further import DESIGN

VARIANTS = [
    {},
    {"up": "interpolate"},
    {"block": "residual"},
    {"skips": False},
    {"norm": "instance"},
    {"norm": "none"},
    {"classes": 2},
    {"depth": 1},
]


def further(arguments: dict[str, Any], design: str = "half-decoder", **more: Any) -> FurtherAnswer:
    """Begun from a U-Net with these arguments."""
    base = {"kind": "unet", "arguments": {**TINY, **arguments}}
    net = build("further-answer", {"base": base, "design": design, **more})
    assert isinstance(net, FurtherAnswer)
    net.begin(tiny_net(**arguments).state_dict())
    return net.eval()


def image(seed: int = 0, side: int = 32) -> Tensor:
    return torch.rand(2, 1, side, side, generator=torch.Generator().manual_seed(seed))


def learn(net: nn.Module, steps: int = 3) -> None:
    """A few steps towards another answer, as far as there are parameters to learn."""
    net.train()
    trained = [one for one in net.parameters() if one.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=0.1, weight_decay=0.1)
    for step in range(steps):
        optimizer.zero_grad()
        (net(image(step)) - 3).square().mean().backward()
        optimizer.step()
    net.eval()


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("arguments", VARIANTS, ids=str)
def test_learning_the_new_answer_leaves_the_old_one_as_it_is(design: str, arguments: dict[str, Any]) -> None:
    more = {"stages": 1} if design == "last-stages" else {}
    net = further(arguments, design, **more)
    parent = tiny_net(**arguments)
    old = parent.classes
    with torch.inference_mode():
        before, first = parent(image()), net(image())
    assert first.shape[1] == old + 1 == net.classes
    learn(net)
    with torch.inference_mode():
        after, as_folded = net(image()), folded(net)(image())
        parent_folded = folded(parent)(image())
    assert torch.equal(after[:, :old], before)
    assert not torch.allclose(after[:, old:], first[:, old:], atol=1e-2)
    assert (torch.sigmoid(as_folded[:, :old]) - torch.sigmoid(parent_folded)).abs().max() <= 1e-6
    assert torch.allclose(as_folded, after, atol=1e-4)


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("arguments", VARIANTS, ids=str)
def test_the_last_answer_alone_is_the_last_of_all(design: str, arguments: dict[str, Any]) -> None:
    """Where the design does not read the U-Net's decoder, that does not run."""
    net = further(arguments, design, **({"stages": 1} if design == "last-stages" else {}))
    learn(net)
    runs: list[nn.Module] = []
    net.unet.decoder[0].register_forward_hook(lambda module, *_: runs.append(module))
    with torch.inference_mode():
        alone, passes = net.last(image()), len(runs)
        assert torch.equal(alone, net(image())[:, net.base.classes :])
    assert passes == (design in ("last-stages", "adapters"))


@pytest.mark.parametrize("arguments", VARIANTS, ids=str)
def test_adapters_become_a_part_of_the_weights(arguments: dict[str, Any]) -> None:
    first = further(arguments, "adapted-path")
    learn(first)
    spec = {"kind": "unet", "arguments": {**TINY, **arguments}}
    base = {"kind": "further-answer", "arguments": {"base": spec, "design": "adapted-path"}}
    second = build("further-answer", {"base": base, "design": "adapted-path"})
    assert isinstance(second, FurtherAnswer)
    second.begin(first.state_dict())
    learn(second)
    plain = settled(second)
    assert any(isinstance(part, AdaptedLevel) for part in second.modules())
    assert not any(isinstance(part, AdaptedLevel) for part in plain.modules())
    with torch.inference_mode():
        assert torch.allclose(plain(image()), second(image()), atol=1e-5)


def test_levels_with_adapters_begin_as_the_parents() -> None:
    net = further({}, "adapted-path")
    with torch.inference_mode():
        maps = net.maps(image()).encoder
        own = net.own.encoder(net.unet, maps)  # type: ignore[operator, union-attr]
    assert len(own) == len(maps) == 3
    assert all(torch.allclose(one, other, atol=1e-6) for one, other in zip(own, maps, strict=True))
    learn(net)
    with torch.inference_mode():
        after = net.own.encoder(net.unet, net.maps(image()).encoder)  # type: ignore[operator, union-attr]
    assert torch.equal(after[0], maps[0]) and torch.equal(after[1], maps[1])
    assert not torch.allclose(after[2], maps[2], atol=1e-2)


@pytest.mark.parametrize("design", ["last-stages", "adapters"])
def test_some_designs_begin_with_what_the_parent_says(design: str) -> None:
    net = further({}, design)
    with torch.inference_mode():
        old, new = net(image()).split(1, dim=1)
    assert torch.equal(old, new) if design == "last-stages" else torch.equal((4 * (old / 4).tanh()), new)


def test_half_of_a_decoder_begins_with_the_channels_that_are_read() -> None:
    """A U-Net half of whose channels are read by nothing has the same answer without them."""
    arguments = {"base": 4, "widest": 8, "depth": 2, "up": "interpolate"}
    parent = tiny_net(**arguments)
    with torch.no_grad():
        for level, (stage, up) in enumerate(zip(parent.decoder, parent.up, strict=True)):
            width = stage.conv2.out_channels
            skips = stage.conv1.in_channels - width
            reads = parent.up[level - 1].conv if level else parent.head
            reads.weight[:, ::2] = 0
            stage.conv2.weight[:, 1::2] = 0
            stage.conv1.weight[:, skips + width // 2 :] = 0
            assert up.conv.out_channels == width
    net = build("further-answer", {"base": {"kind": "unet", "arguments": {**TINY, **arguments}}})
    assert isinstance(net, FurtherAnswer)
    net.begin(parent.state_dict())
    with torch.inference_mode():
        old, new = net.eval()(image()).split(1, dim=1)
    assert torch.allclose(old, new, atol=1e-5)


def test_a_further_answer_beside_a_further_answer_leaves_both() -> None:
    first = further({})
    learn(first)
    base = {
        "kind": "further-answer",
        "arguments": {"base": {"kind": "unet", "arguments": TINY}, "design": "half-decoder"},
    }
    second = build("further-answer", {"base": base})
    assert isinstance(second, FurtherAnswer) and second.classes == 3
    second.begin(first.state_dict())
    second.eval()
    with torch.inference_mode():
        before, begun = first(image()), second(image())
    assert torch.equal(begun[:, :2], before)
    assert torch.equal(begun[:, 2:], before[:, 1:])  # the last answer is where the new one begins
    learn(second)
    with torch.inference_mode():
        assert torch.equal(second(image())[:, :2], before)
        assert not torch.allclose(second(image())[:, 2:], begun[:, 2:])


@pytest.mark.parametrize("design", DESIGNS)
def test_no_pixel_farther_than_its_radius_matters(design: str) -> None:
    net = further({"up": "interpolate"}, design)
    radius = facts_of(net).receptive_radius
    assert radius is not None
    size = 2 * radius + 16 - 2 * radius % 8
    x = torch.rand(1, 1, 8, size).requires_grad_(True)
    net(x)[..., size // 2].sum().backward()
    assert x.grad is not None
    seen = x.grad.abs().sum(dim=(0, 1, 2)).nonzero().ravel()
    assert size // 2 - radius <= seen.min() and seen.max() <= size // 2 + radius


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"base": {"kind": "unet", "arguments": {"padded": False}}}, "padding"),
        ({"base": {"kind": "sliding-window", "arguments": {"window": 65}}}, "padding"),
        ({"base": {"kind": "unet", "arguments": {"depth": 0}}}, "decoder"),
        ({"base": {"kind": "unet", "arguments": TINY}, "design": "hope"}, "none of"),
        ({"base": {"kind": "unet", "arguments": TINY}, "classes": 0}, "too small"),
        ({"base": {"kind": "unet", "arguments": TINY}, "design": "last-stages", "stages": 3}, "stages"),
        ({"base": {"kind": "unet", "arguments": TINY}, "design": "adapted-path", "first": 0}, "first"),
    ],
)
def test_what_cannot_be_is_refused(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        build("further-answer", arguments)


def test_the_shipped_models_child_is_little_larger() -> None:
    """At most 40 % more parameters than cxr-lung's network; facts as of the parent."""
    arguments = {"base": 16, "depth": 5, "widest": 112, "up": "interpolate"}
    with torch.device("meta"):
        parent = build("unet", arguments)
        base = {"kind": "unet", "arguments": arguments}
        child = build("further-answer", {"base": base, "design": DESIGN})
    sizes = [sum(one.numel() for one in net.parameters()) for net in (parent, child)]
    assert 1 < sizes[1] / sizes[0] <= 1.4
    assert facts_of(child) == facts_of(parent)
