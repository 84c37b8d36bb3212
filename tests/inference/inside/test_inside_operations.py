"""What operations are said to do, against the arithmetic done by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from napari_unet.core.errors import UserError
from napari_unet.core.inside import Alteration, Look, Panel
from napari_unet.inference.inside.altered import altered_mask
from napari_unet.inference.inside.feature_maps import feature_maps
from napari_unet.inference.inside.numbers import telling_corner, there_and_back
from napari_unet.inference.inside.operations import border_pixel, look
from napari_unet.inference.inside.panels import grey, montage, outlined, within
from napari_unet.inference.inside.subject import Subject, subject_of
from napari_unet.inference.predictor import Predictor
from napari_unet.io.formats import read_raster
from napari_unet.models.checkpoint import load_model
from napari_unet.models.library import default_library
from napari_unet.samples import SAMPLES
from napari_unet.tour.stops import TOUR
from napari_unet.tour.words import Language


def panel(of: Look, name: str) -> Panel:
    return next(one for one in of.panels if one.name == name)


WITH_CONVOLUTIONS = ("lineage-residual", "lineage-unet-2015", "lineage-ciresan", "lineage-alexnet")


@pytest.mark.parametrize("name", WITH_CONVOLUTIONS)
def test_the_sum_of_the_products_is_the_networks_value(seen: Callable[..., Subject], name: str) -> None:
    subject = seen(name)
    for stage in ("encoder.0", "encoder.1"):
        found = look(subject, "convolution", stage, (31, 20))
        assert found.facts["sum"] == pytest.approx(found.facts["value"], rel=1e-4, abs=1e-5)
        named = "kernel_folded" if found.facts["folded"] else "kernel"
        kernel, patch, products = (panel(found, key).numbers for key in (named, "patch", "products"))
        assert kernel is not None and patch is not None and products is not None
        np.testing.assert_allclose(kernel * patch, products, rtol=1e-5)
        assert products.sum() == pytest.approx(found.facts["part"], rel=1e-4, abs=1e-6)


def test_of_four_numbers_the_largest_remains(seen: Callable[..., Subject]) -> None:
    found = look(seen("lineage-residual"), "pooling", "encoder.0", (31, 20))
    four, largest = panel(found, "four_numbers").numbers, panel(found, "largest").numbers
    assert four is not None and largest is not None
    np.testing.assert_allclose(four.reshape(3, 2, 3, 2).max(axis=(1, 3)), largest)
    assert found.facts["left"] == 25


def outputs(subject: Subject, **parts: Any) -> dict[str, torch.Tensor]:
    """What these parts of the network make of the image, (C, y, x) each."""
    kept: dict[str, torch.Tensor] = {}

    def keep(name: str) -> Callable[..., None]:
        return lambda _m, _i, out: kept.update({name: out[0].clone()})

    handles = [part.register_forward_hook(keep(name)) for name, part in parts.items()]
    with torch.no_grad():
        subject.net(subject.x)
    for handle in handles:
        handle.remove()
    return kept


def in_greys(values: torch.Tensor, scale: list[torch.Tensor]) -> np.ndarray:
    """A map from black to white between the percentiles 0.5 and 99.5 of all numbers in `scale`."""
    low, high = np.percentile(np.concatenate([one.numpy().ravel() for one in scale]), (0.5, 99.5))
    return np.rint(((values.numpy() - low) * (255 / (high - low))).clip(0, 255)).astype(np.uint8)


def assert_pixels(of: Look, name: str, expected: np.ndarray) -> None:
    pixels = panel(of, name).pixels
    assert pixels is not None
    np.testing.assert_allclose(pixels.astype(int), expected.astype(int), atol=1, err_msg=name)


def test_a_transposed_convolution_returns_the_size_and_not_the_values(seen: Callable[..., Subject]) -> None:
    """Every kernel of the layer there and back, each with the scale that comes nearest (least squares)."""
    subject = seen("lineage-unet-2015")
    found = look(subject, "deconvolution", "", (31, 20))
    inner: Any = subject.inner
    number = feature_maps(subject, "encoder.0", 1).order[0]
    x = outputs(subject, map=inner.encoder[0])["map"][number].double()
    ways = []
    for kernel in inner.up[0].conv.weight.detach().double().flatten(0, 1)[:, None, None]:
        convolved = functional.conv2d(x[None, None], kernel, stride=2)
        back = functional.conv_transpose2d(convolved, kernel, stride=2)[0, 0]
        scale = np.linalg.lstsq(back.reshape(-1, 1).numpy(), x.flatten().numpy(), rcond=None)[0][0]
        ways.append((float((scale * back - x).norm() / x.norm()), kernel, convolved[0, 0], scale * back))
    best, kernel, convolved, back = min(ways, key=lambda way: way[0])
    assert 0.05 < best < 0.95, "an example in which the choice of the kernel means something"
    assert found.facts["error"] == pytest.approx(100 * best, rel=1e-4)
    assert found.facts["median"] == pytest.approx(
        100 * float(np.sort([w[0] for w in ways])[(len(ways) - 1) // 2])
    )
    assert found.facts["kernels"] == len(ways) == 8
    sizes = [f"{one.shape[1]} × {one.shape[0]}" for one in (x, convolved, back)]
    assert [found.facts[key] for key in ("before", "convolved", "after")] == sizes
    assert sizes[0] == sizes[2] != sizes[1]
    assert_pixels(found, "values_before", within(subject, in_greys(x, [x, back])))
    assert_pixels(found, "values_back", within(subject, in_greys(back, [x, back])))
    before, small, after, shown = (
        panel(found, name).numbers
        for name in ("numbers_before", "numbers_convolved", "numbers_back", "up_kernel")
    )
    assert before is not None and small is not None and after is not None and shown is not None
    np.testing.assert_allclose(shown, (kernel / kernel.norm())[0, 0].numpy(), rtol=1e-4)
    np.testing.assert_allclose(shown.ravel() @ before[:2, :2].ravel(), small[0, 0], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(np.kron(small, shown), after, rtol=1e-4, atol=1e-6)
    assert before.any() and not np.allclose(before, after, rtol=1e-2)


def test_a_map_of_nothing_is_no_example() -> None:
    way = there_and_back(torch.zeros(8, 8), torch.rand(2, 3, 2, 2))
    assert way.convolved.shape == (4, 4) and not way.back.any() and np.isnan(way.difference)


def test_the_sentence_and_the_tutorial_say_what_the_sample_shows() -> None:
    """The figure of stop 7 on the lecture's X-ray, computed again, stands in the tutorial too."""
    try:
        entry = default_library().find("lineage-unet-2015")
        entry.verify()
    except UserError as error:
        pytest.skip(f"no shipped model: {error}")
    predictor = Predictor(load_model(entry), entry.card, torch.device("cpu"))
    found = look(subject_of(predictor, read_raster(SAMPLES[1].image)), "deconvolution")
    figures = [f"{found.facts[name]:.0f} %" for name in ("error", "median")]
    (stop,) = (stop for stop in TOUR if stop.name == "deconvolution")
    for language in Language:
        assert figures[0] in stop.sentence.say(language, found.facts)
    tutorial = (Path(__file__).parents[3] / "docs" / "lineage-tutorial.md").read_text(encoding="utf-8")
    chapter = tutorial.split("## 7. ")[1].split("## 8. ")[0]
    assert all(figure in chapter for figure in figures) and str(found.facts["kernels"]) in chapter


def test_the_kernel_says_whether_normalisation_is_in_it(seen: Callable[..., Subject]) -> None:
    """That of lineage-residual is not the stored one: batch normalisation is multiplied in."""
    subject = seen("lineage-residual")
    found = look(subject, "convolution", "encoder.1", (31, 20))
    assert found.facts["folded"] and not any(one.name == "kernel" for one in found.panels)
    block: Any = subject.inner.encoder[1]  # type: ignore[index]
    kernels = block.conv1.weight.detach()[found.facts["map"] - 1].numpy()
    shown = panel(found, "kernel_folded").numbers
    assert any(np.allclose(shown, one) for one in kernels)
    for name in ("lineage-unet-2015", "lineage-ciresan", "lineage-alexnet"):
        assert not look(seen(name), "convolution").facts["folded"]


def test_numbers_are_shown_where_there_is_something_to_see() -> None:
    values = torch.zeros(20, 30)
    values[13, 23] = 2.0
    y, x = telling_corner(values, (3, 3), 4)
    assert y % 2 == x % 2 == 0 and y <= 13 < y + 4 and x <= 23 < x + 4
    assert telling_corner(values, (13, 22), 4) == (10, 20), "it stays where something is seen"
    assert telling_corner(torch.zeros(2, 2), (0, 0), 4) == (0, 0)


def test_interpolation_is_no_transposed_convolution(seen: Callable[..., Subject]) -> None:
    with pytest.raises(UserError, match="by interpolation"):
        look(seen("cxr-lung"), "deconvolution")


def test_a_residual_block_adds_its_input(seen: Callable[..., Subject]) -> None:
    subject = seen("lineage-residual")
    found = look(subject, "residual")
    assert found.facts["stage"] == "encoder level 2"
    block: Any = subject.inner.encoder[1]  # type: ignore[index]
    kept = outputs(subject, x=block.shortcut, f=block.norm2, sum=block)
    torch.testing.assert_close(torch.relu(kept["x"] + kept["f"]), kept["sum"])
    number = feature_maps(subject, "encoder.1", 1).order[0]
    assert found.facts["map"] == number + 1
    shown = {name: values[number] for name, values in kept.items()}
    assert found.facts["ratio"] == pytest.approx(float(shown["f"].norm() / shown["x"].norm()), rel=1e-4)
    for name, values in shown.items():
        assert_pixels(found, name, in_greys(values, list(shown.values())))


def test_numbers_that_remain_in_the_depth(seen: Callable[..., Subject]) -> None:
    found = look(seen("lineage-encoder-decoder"), "latent")
    assert (found.facts["given"], found.facts["numbers"]) == (64 * 64, 16 * 16 * 16)
    assert [one.facts["stage"] for one in found.panels[1:]] == [
        "encoder level 1",
        "encoder level 2",
        "bottleneck",
    ]


def test_skips_and_what_is_left_without_them(seen: Callable[..., Subject]) -> None:
    subject = seen("lineage-residual")
    found = look(subject, "skip", "up.1")
    assert found.facts["skips"] == 2 and found.facts["level"] == 2
    one = altered_mask(subject, Alteration(cut=frozenset({1})))
    every = altered_mask(subject, Alteration(cut=frozenset({0, 1})))
    assert len({mask.tobytes() for mask in (one.unaltered, one.labels, every.labels)}) == 3
    assert (found.facts["dice"], found.facts["dice_all"]) == (one.dice, every.dice)
    assert (found.facts["distance"], found.facts["distance_all"]) == (one.distance, every.distance)
    assert_pixels(found, "with_skips", outlined(subject, one.unaltered))
    assert_pixels(found, "without_skip", outlined(subject, one.labels, one.unaltered))
    assert_pixels(found, "without_skips", outlined(subject, every.labels, one.unaltered))
    inner: Any = subject.inner
    made = outputs(subject, from_encoder=inner.encoder[1], from_below=inner.up[1])
    for name, stage in (("from_encoder", "encoder.1"), ("from_below", "up.1")):
        best = made[name][feature_maps(subject, stage, 1).order[0]]
        assert_pixels(found, name, in_greys(best, [best]))
    with pytest.raises(UserError, match="no skip connection"):
        look(seen("lineage-encoder-decoder"), "skip")


@pytest.mark.parametrize(("name", "padded"), [("lineage-residual", True), ("lineage-unet-2015", False)])
def test_padding_says_what_would_remain(seen: Callable[..., Subject], name: str, padded: bool) -> None:
    """Whichever of the two the network was trained with."""
    subject = seen(name)
    found = look(subject, "padding")
    assert found.facts["padded"] is padded
    other = altered_mask(subject, Alteration(padding=not padded))
    assert not np.array_equal(other.labels, other.unaltered)
    on, off = (other.unaltered, other.labels) if padded else (other.labels, other.unaltered)
    assert_pixels(found, "with_padding", outlined(subject, on))
    assert_pixels(found, "without_padding", outlined(subject, off))
    assert (found.facts["dice"], found.facts["distance"]) == (other.dice, other.distance)
    if padded:
        facts = (found.facts["before"], found.facts["lost"], found.facts["after"])
        assert facts == ("64 × 64", 20, "24 × 24")


def test_the_two_streams_of_alexnet(seen: Callable[..., Subject]) -> None:
    subject = seen("lineage-alexnet")
    found = look(subject, "streams")
    assert found.facts["maps"] == 11 and found.facts["first"] == 4
    inner: Any = subject.inner
    maps = feature_maps(subject, "encoder.1", 22)
    second = dict(zip(maps.order, maps.maps, strict=True))
    kernels = [grey(one.mean(dim=0)) for one in inner.encoder[0].weight.detach()]
    for first, number in ((0, "one"), (11, "two")):
        mine = [k for k in maps.order if first <= k < first + 11][: found.facts["shown"]]
        assert_pixels(found, f"stream_{number}", montage([second[k] for k in mine]))
        half = kernels[:4] if number == "one" else kernels[4:]
        assert_pixels(found, f"kernels_{number}", montage(half))
    with pytest.raises(UserError, match="one stream"):
        look(seen("lineage-residual"), "streams")


@pytest.mark.parametrize("layer", [1, 3, 4])
def test_a_stream_reads_its_own_half_alone(seen: Callable[..., Subject], layer: int) -> None:
    """In the convolutions 2, 4 and 5, as the two graphics cards had them."""
    inner: Any = seen("lineage-alexnet").inner
    convolution = inner.encoder[layer]
    half = convolution.in_channels // 2
    given = torch.rand(1, 2 * half, 9, 9, generator=torch.Generator().manual_seed(0))
    other = given.clone()
    other[:, half:] = 0
    with torch.no_grad():
        before, after = (convolution(one)[0].chunk(2) for one in (given, other))
    assert torch.equal(before[0], after[0]) and not torch.allclose(before[1], after[1])


def test_there_is_no_such_operation(seen: Callable[..., Subject]) -> None:
    with pytest.raises(UserError, match="no operation magic"):
        look(seen("lineage-residual"), "magic")


def test_an_example_lies_on_the_border_of_the_mask(seen: Callable[..., Subject]) -> None:
    subject = seen("lineage-residual")
    row, column = border_pixel(subject)
    assert 0 <= row < subject.shape[0] and 0 <= column < subject.shape[1]
