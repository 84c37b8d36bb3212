"""Networks are altered for a moment; afterwards they are as they were, bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from inside_models import NETS, chest

from napari_unet.core.errors import UserError
from napari_unet.core.inside import Alteration, AskField, AskLook, AskMaps, AskMask
from napari_unet.core.steps import run
from napari_unet.inference.inside.altered import altered, altered_mask, logits_of
from napari_unet.inference.inside.operations import OPERATIONS
from napari_unet.inference.inside.steps import _answer
from napari_unet.inference.inside.subject import Subject, subject_of
from napari_unet.inference.predictor import Predictor
from napari_unet.nets.stages import stages_of

ALTERATIONS = (
    Alteration(cut=frozenset({0})),
    Alteration(silenced=frozenset({"encoder.0"})),
    Alteration(silenced_maps=frozenset({("encoder.0", 1)})),
    Alteration(padding=False),
    Alteration(padding=True),
)


@pytest.mark.parametrize("name", NETS)
def test_the_prediction_afterwards_is_the_one_before_bit_for_bit(
    predictor: Callable[..., Predictor], name: str
) -> None:
    one = predictor(name)
    before = run(one.steps(chest()))
    state = {key: value.clone() for key, value in one.network.net.state_dict().items()}
    wanted = [parameter.requires_grad for parameter in one.network.net.parameters()]
    subject = subject_of(one, chest())
    stage = next(name for name, _ in stages_of(subject.inner))
    questions: list[Any] = [AskMask(alteration) for alteration in ALTERATIONS]
    questions += [AskMaps(stage), AskField((20, 20)), *(AskLook(operation) for operation in OPERATIONS)]
    answered = 0
    for question in questions:
        try:
            _answer(subject, question)
            answered += 1
        except UserError:
            pass  # the network has no such part
    assert answered >= 5
    after = run(one.steps(chest()))
    np.testing.assert_array_equal(after.maps, before.maps)
    assert dict(after.scores) == dict(before.scores)
    assert all(torch.equal(value, state[key]) for key, value in one.network.net.state_dict().items())
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in one.network.net.modules())
    assert [parameter.requires_grad for parameter in one.network.net.parameters()] == wanted


def test_after_a_failure_too(seen: Callable[..., Subject]) -> None:
    subject = seen("lineage-residual")
    before = logits_of(subject)
    changes = Alteration(
        frozenset({0, 1}), frozenset({"bottleneck"}), frozenset({("encoder.0", 0)}), padding=False
    )
    with pytest.raises(RuntimeError, match="in the middle"), altered(subject.net, changes):
        raise RuntimeError("in the middle")
    assert torch.equal(logits_of(subject), before)
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in subject.net.modules())


def test_nothing_altered_is_the_prediction(predictor: Callable[..., Predictor]) -> None:
    one = predictor("lineage-residual", flips=True)
    expected = run(one.steps(chest())).labels()
    found = altered_mask(subject_of(one, chest()), Alteration())
    np.testing.assert_array_equal(found.labels, expected)
    np.testing.assert_array_equal(found.unaltered, expected)
    assert found.dice == 1


def test_a_cut_skip_brings_zeros(seen: Callable[..., Subject]) -> None:
    """The same as zeros among the weights that read it."""
    subject = seen("lineage-residual")
    found = logits_of(subject, Alteration(cut=frozenset({1})))
    stage: Any = subject.net.decoder[1]  # type: ignore[index]
    with torch.no_grad():
        for convolution in (stage.conv1, stage.shortcut):
            convolution.weight[:, : convolution.in_channels // 2] = 0
    torch.testing.assert_close(found, logits_of(subject), rtol=1e-5, atol=1e-5)


def test_a_silent_map_is_missing_for_all_that_reads_it(seen: Callable[..., Subject]) -> None:
    subject = seen("lineage-residual")
    found = logits_of(subject, Alteration(silenced_maps=frozenset({("decoder.0", 2)})))
    with torch.no_grad():
        subject.net.head.weight[:, 2] = 0  # type: ignore[union-attr, index]
    torch.testing.assert_close(found, logits_of(subject), rtol=1e-5, atol=1e-5)
    silent = logits_of(subject, Alteration(silenced=frozenset({"decoder.0"})))
    assert float(silent.std()) < 1e-6  # only the bias of the head is left


@pytest.mark.parametrize("name", ["lineage-residual", "lineage-unet-2015"])
def test_far_from_the_border_padding_changes_nothing(seen: Callable[..., Subject], name: str) -> None:
    """On an image that is larger than twice the receptive field; at its border it does."""
    subject = seen(name)
    reach = subject.predictor.network.facts.receptive_radius
    assert reach is not None
    stride = subject.predictor.network.facts.stride
    side = (2 * reach + 64) // stride * stride
    wide = torch.rand(1, 1, side, side, generator=torch.Generator().manual_seed(0))
    object.__setattr__(subject, "x", wide)
    on, off = (logits_of(subject, Alteration(padding=switch)) for switch in (True, False))
    middle = slice(reach + stride, side - reach - stride)
    torch.testing.assert_close(on[..., middle, middle], off[..., middle, middle], rtol=1e-4, atol=1e-4)
    assert not torch.allclose(on[..., :8, :8], off[..., :8, :8], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "alteration", "problem"),
    [
        ("lineage-encoder-decoder", Alteration(cut=frozenset({0})), "no skip connection at level 0"),
        ("lineage-residual", Alteration(cut=frozenset({7})), "no skip connection at level 7"),
        ("lineage-residual", Alteration(silenced=frozenset({"nowhere"})), "no stage nowhere"),
        ("lineage-residual", Alteration(silenced_maps=frozenset({("encoder.0", 99)})), "no map 100"),
        ("lineage-ciresan", Alteration(padding=True), "cannot be switched"),
    ],
)
def test_what_a_network_does_not_have(
    seen: Callable[..., Subject], name: str, alteration: Alteration, problem: str
) -> None:
    with pytest.raises(UserError, match=problem):
        logits_of(seen(name), alteration)


def test_a_word_changes_too(seen: Callable[..., Subject]) -> None:
    found = altered_mask(seen("lineage-alexnet"), Alteration(silenced=frozenset({"encoder.4"})))
    assert set(found.scores) == {"pneumonia"} and not found.labels.any()
