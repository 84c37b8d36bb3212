"""The small network for findings: its pooling, its cells, its size, and whose encoder it can begin with."""

from __future__ import annotations

import pytest
import torch

from napari_unet.core.errors import UserError
from napari_unet.core.input_rule import InputRule
from napari_unet.models.card import ModelCard, NetSpec
from napari_unet.models.checkpoint import build_net, check_fits, load_model
from napari_unet.models.library import default_library
from napari_unet.models.output import Output
from napari_unet.nets.finding_net import FindingNet
from napari_unet.nets.registry import facts_of
from napari_unet.training.encoder import begin_with_encoder

SMALL = {"base": 2, "depth": 3, "widest": 8}


def test_it_has_less_than_four_million_parameters_and_fits_a_card() -> None:
    spec = NetSpec(kind="finding", arguments={"classes": 2})
    with torch.device("meta"):
        net = build_net(spec)
    assert sum(p.numel() for p in net.parameters()) < 4_000_000
    output = Output(id="findings", task="classification", findings=("abnormal", "tb_like"))
    check_fits(net, ModelCard(name="a", net=spec, outputs=(output,), input=InputRule(size=(64, 64))))
    assert (facts_of(net).stride, facts_of(net).cell) == (32, 16)


def test_a_cell_has_one_logit_that_stands_everywhere_in_it() -> None:
    net = FindingNet(classes=3, **SMALL).eval()
    with torch.inference_mode():
        logits = net(torch.rand(2, 1, 32, 48))
    assert logits.shape == (2, 3, 32, 48) and net.cell == 4
    cells = logits.unfold(2, 4, 4).unfold(3, 4, 4).flatten(4)
    assert torch.equal(cells, cells[..., :1].expand_as(cells))


@pytest.mark.parametrize("sharpness", [0.0, 1.0, 5.0])
def test_the_score_is_the_log_mean_exp_of_the_cells(sharpness: float) -> None:
    net = FindingNet(classes=2, sharpness=sharpness, **SMALL).eval()
    with torch.inference_mode():
        x = torch.rand(1, 1, 32, 32)
        cells, pooled = net.cells(x).double(), net.pool(net(x))
    flat = cells.flatten(2)
    by_hand = flat.mean(2) if not sharpness else (sharpness * flat).exp().mean(2).log() / sharpness
    torch.testing.assert_close(pooled.double(), by_hand, rtol=1e-5, atol=1e-6)
    assert (pooled <= flat.amax(2) + 1e-6).all() and (pooled >= flat.mean(2) - 1e-6).all()


def test_a_cell_that_is_raised_raises_the_score() -> None:
    net = FindingNet(classes=1, **SMALL)
    cells = torch.randn(1, 1, 4, 4)
    raised = cells.clone()
    raised[0, 0, 2, 3] += 1
    assert net.pooled(raised) > net.pooled(cells)


def test_it_begins_with_the_encoder_of_the_model_for_whole_lungs() -> None:
    net = FindingNet(classes=2)
    sources = begin_with_encoder(net, "cxr-lung-whole")
    theirs = load_model(default_library().find_shipped("cxr-lung-whole"))
    x = torch.rand(1, 1, 64, 64)
    with torch.inference_mode():
        ours = net.eval().bottleneck
        for mine, other in ((net.encoder[0], theirs.encoder[0]), (net.encoder[-1], theirs.encoder[-1])):
            for name, value in mine.state_dict().items():
                assert torch.equal(value, other.state_dict()[name]), name
        assert torch.equal(ours.conv1.weight, theirs.bottleneck.conv1.weight)
        net(x)
    assert [source.name for source in sources] == [
        source.name for source in default_library().find_shipped("cxr-lung-whole").card.data
    ]


def test_an_encoder_of_another_size_is_refused() -> None:
    with pytest.raises(UserError, match="levels differ"):
        begin_with_encoder(FindingNet(**SMALL), "cxr-lung-whole")
    with pytest.raises(UserError, match="no-such is missing"):
        begin_with_encoder(FindingNet(**SMALL), "no-such")


@pytest.mark.parametrize("odd", [{"classes": 0}, {"depth": 1}, {"widest": 0}, {"sharpness": -1.0}])
def test_what_it_cannot_be_built_with(odd: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        FindingNet(**{**SMALL, **odd})  # type: ignore[arg-type]


def test_levels_that_do_not_learn_keep_their_statistics() -> None:
    net = FindingNet(**SMALL)
    for level in (net.encoder[0], net.encoder[1]):
        level.requires_grad_(False)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    net.train()
    net(torch.rand(4, 1, 32, 32))
    moved = {name for name, value in net.state_dict().items() if not torch.equal(value, before[name])}
    assert not [name for name in moved if name.startswith(("encoder.0.", "encoder.1."))]
    assert [name for name in moved if name.startswith("encoder.2.")] and "norm.running_mean" in moved


def test_what_the_head_weighs_varies_by_one_from_image_to_image() -> None:
    net = FindingNet(**SMALL)
    for level in (*net.encoder, net.bottleneck):
        level.requires_grad_(False)
    images = torch.rand(64, 1, 32, 32) * torch.rand(64, 1, 1, 1)
    net.train()
    for _ in range(200):
        net.features(images)
    with torch.inference_mode():
        means = net.eval().features(images).mean(dim=(2, 3))
    torch.testing.assert_close(means.mean(0), torch.zeros(means.shape[1]), atol=0.01, rtol=0)
    spread = means.std(0)
    assert spread.max() < 1.02 and spread.median() > 0.95  # less where nearly nothing is found


def test_a_new_network_says_nothing_yet() -> None:
    with torch.inference_mode():
        assert not FindingNet(classes=2, **SMALL).eval()(torch.rand(1, 1, 32, 32)).any()


def test_what_is_usual_at_a_place_leaves_the_map_and_not_the_score() -> None:
    torch.manual_seed(0)
    net = FindingNet(classes=2, **SMALL).eval()
    torch.nn.init.normal_(net.head.weight)
    x = torch.rand(1, 1, 48, 48)  # 12 by 12 cells
    with torch.inference_mode():
        before, score = net.cells(x), net.pool(net(x))
        net.usual.copy_(torch.randn_like(net.usual))
        net.spread.copy_(torch.tensor([2.0, 0.5]))
        torch.testing.assert_close(net.pool(net(x)), score, rtol=0, atol=1e-5)
        mean = before.mean(dim=(2, 3), keepdim=True)
        expected = before - mean - (net.usual - net.usual.mean(dim=(1, 2), keepdim=True))
        away = (net.cells(x) - mean) * net.spread[:, None, None]
        torch.testing.assert_close(away, expected, rtol=0, atol=1e-4)
