"""AlexNet against the table of its paper."""

from __future__ import annotations

import pytest
import torch

from napari_unet.core.label_set import LUNGS
from napari_unet.models.card import ModelCard
from napari_unet.models.checkpoint import build_net, check_fits
from napari_unet.nets.alexnet import AlexNet


def test_it_has_the_sixty_million_parameters_of_the_paper() -> None:
    convolutions = (
        (96 * 3 * 11 * 11 + 96)
        + (256 * 48 * 5 * 5 + 256)  # two groups: each kernel sees half of the 96 maps
        + (384 * 256 * 3 * 3 + 384)
        + (384 * 192 * 3 * 3 + 384)
        + (256 * 192 * 3 * 3 + 256)
    )
    connected = (4096 * 256 * 6 * 6 + 4096) + (4096 * 4096 + 4096) + (1000 * 4096 + 1000)
    with torch.device("meta"):
        net = AlexNet()
    assert sum(p.numel() for p in net.parameters()) == convolutions + connected == 60_965_224


def test_its_layers_have_as_many_neurons_as_can_be_counted() -> None:
    """The paper prints 253,440 for the first, which is 55 × 48 × 96: its maps of 55 × 55 make 290,400."""
    with torch.device("meta"):
        net = AlexNet()
        counted = []
        layers = (*net.encoder, *(part for part in net.connected if hasattr(part, "weight")), net.output)
        for layer in layers:
            layer.register_forward_hook(lambda module, inputs, output: counted.append(output[0].numel()))
        net(torch.zeros(1, 3, 227, 227))
    assert counted == [290_400, 186_624, 64_896, 64_896, 43_264, 4096, 4096, 1000]


def test_its_two_streams_meet_in_the_third_convolution_only() -> None:
    net = AlexNet(width=1 / 8, classes=2).eval()
    second, third = net.encoder[1:3]
    maps = torch.zeros(1, 12, 27, 27)
    other = maps.clone()
    other[:, 6:] = 1  # what the second card computes
    assert torch.equal(second(maps)[:, :16], second(other)[:, :16])
    assert not torch.equal(second(maps)[:, 16:], second(other)[:, 16:])
    assert (third(second(maps)) != third(second(other))).any(dim=(2, 3)).all()


def test_responses_are_normalised_by_the_formula_of_section_3_3() -> None:
    a = torch.rand(1, 9, 2, 2, dtype=torch.float64) * 100
    found = AlexNet(width=1 / 16).normalise(a)
    for k in range(9):
        beside = a[:, max(0, k - 2) : k + 3]
        by_hand = a[:, k] / (2 + 1e-4 * (beside**2).sum(dim=1)) ** 0.75
        torch.testing.assert_close(found[:, k], by_hand)


def test_each_image_has_one_logit_per_class_which_stands_everywhere() -> None:
    net = AlexNet(width=1 / 16, channels=1, classes=2).eval()
    with torch.inference_mode():
        logits = net(torch.rand(3, 1, 227, 227))
    assert logits.shape == (3, 2, 227, 227)
    assert (logits == net.pool(logits)[..., None, None]).all()
    assert len(net.pool(logits).unique()) == 6  # dropout rests, and the images differ


def test_dropout_silences_the_neurons_of_both_hidden_layers_and_no_map() -> None:
    """Section 4.2: it sets the output of hidden neurons to zero, in the first two connected layers."""
    net = AlexNet(width=1 / 8, channels=1, classes=2, dropout=0.9).train()
    given = []
    for layer in (*(part for part in net.connected if hasattr(part, "weight")), net.output):
        layer.register_forward_pre_hook(lambda module, inputs: given.append(inputs[0]))
    net(torch.rand(4, 1, 227, 227))
    zeros = [float((values == 0).float().mean()) for values in given]
    assert zeros[0] < 0.8  # the maps: only what ReLU leaves out
    assert min(zeros[1:]) > 0.9


def test_a_larger_image_is_cut_into_squares_whose_mean_is_pooled() -> None:
    net = AlexNet(width=1 / 32, channels=1, classes=2).eval()
    image = torch.rand(1, 1, 227, 454)
    with torch.inference_mode():
        logits = net(image)
        left, right = net(image[..., :227]), net(image[..., 227:])
    torch.testing.assert_close(logits, torch.cat([left, right], dim=3))
    torch.testing.assert_close(net.pool(logits), (net.pool(left) + net.pool(right)) / 2)


def test_a_card_may_name_it_and_its_answer_is_findings() -> None:
    output = {"id": "word", "task": "classification", "findings": ("normal", "pneumonia"), "labels": LUNGS}
    card = ModelCard(
        name="word",
        net={"kind": "alexnet", "arguments": {"width": 0.0625, "channels": 1, "classes": 2}},
        input={"size": (227, 227)},
        outputs=(output,),
    )
    check_fits(build_net(card.net), card)


@pytest.mark.parametrize("arguments", [{"width": 0}, {"width": 1.5}, {"width": 0.01}, {"classes": 0}])
def test_what_is_no_network_is_refused(arguments: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        AlexNet(**arguments)


def test_an_image_reaches_the_end_of_a_narrow_network_and_can_be_learned() -> None:
    """With other initial weights all images give the same logit, and nothing is learned."""
    torch.manual_seed(0)
    net = AlexNet(width=1 / 16, classes=1, channels=1, dropout=0.0)
    images = torch.rand(6, 1, 1, 1) * torch.rand(6, 1, 227, 227)
    truth = (torch.arange(6) % 2)[:, None].float()
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
    for _ in range(40):
        logits = net.pool(net(images))
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, truth)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1
