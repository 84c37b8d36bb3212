"""Two models with several outputs, labels or findings on the same cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from net_fakes import TINY, card, lungs, saved
from tuning_fakes import case, finish

from napari_unet.core.acceptance_report import AcceptanceReport
from napari_unet.core.errors import UserError
from napari_unet.core.events import CaseDone
from napari_unet.core.evidence import Evidence
from napari_unet.core.input_rule import InputRule
from napari_unet.core.label_set import LUNGS, RIGHT_AND_LEFT, Label, LabelSet
from napari_unet.core.raster import Raster
from napari_unet.core.training_pair import TrainingPair
from napari_unet.models.card import NetSpec
from napari_unet.models.checkpoint import build_net, save_model
from napari_unet.models.library import ModelLibrary
from napari_unet.models.output import Output
from napari_unet.training.acceptance import compare_models

SIZE = InputRule(size=(32, 48))
OLD = Output(id="old", labels=LUNGS)
SIDES = Output(id="new", labels=RIGHT_AND_LEFT, swaps=((0, 1),))
CHEST = Output(
    id="chest", labels=LabelSet("chest", (Label(1, "lungs"), Label(3, "heart"), Label(7, "trachea")))
)
SIGNS = Output(id="signs", task="classification", findings=("Effusion",))

pytestmark = pytest.mark.usefixtures("toy_nets")


@pytest.fixture
def library(tmp_path: Path) -> ModelLibrary:
    return ModelLibrary(tmp_path)


def unet(library: ModelLibrary, name: str, seed: int, *outputs: Output) -> None:
    classes = sum(len(output.channels) for output in outputs)
    net = NetSpec(arguments={**TINY, "classes": classes})
    saved(library.own / name, seed, name=name, net=net, input=SIZE, outputs=outputs)


def brightness(library: ModelLibrary, name: str, sign: int, *outputs: Output) -> None:
    """A model whose scores grow with the mean of the image, or fall."""
    spec = NetSpec(kind="toy-scores", arguments={"classes": sum(len(output.channels) for output in outputs)})
    net = build_net(spec)
    with torch.no_grad():
        for part, weight in (*((one, None) for one in net.encoder), (net.head, sign * 4.0)):
            part.weight.fill_(weight if weight is not None else 1 / part.weight[0].numel())
            part.bias.fill_(-sign * 6.0 if weight is not None else 0.0)
    described = card(name=name, net=spec, input=SIZE, outputs=outputs)
    save_model(net.state_dict(), described, library.own / name)


def bright(k: int, has: bool | None, **fields: Any) -> TrainingPair:
    """An image that is bright if the case has the finding; no mask."""
    noise = np.random.default_rng(k).random((40, 48), np.float32) * 0.2
    raster = Raster(noise + (0.7 if has else 0.1), spacing_mm=(0.5, 0.5), inverted=False)
    findings = {} if has is None else {"effusion": has}
    return TrainingPair(f"case-{k}", raster, None, findings=findings, **fields)


def compared(
    library: ModelLibrary, pairs: Sequence[TrainingPair], old: str = "a", new: str = "b"
) -> tuple[tuple[Evidence, ...], list[Any]]:
    return finish(compare_models(old, new, pairs, "cpu", library=library))  # type: ignore[return-value]


def what(evidence: Sequence[Evidence]) -> list[tuple[str, str, str]]:
    return [(one.output, one.label, one.metric) for one in evidence]


def test_a_classifier_passes_through_the_acceptance_test(library: ModelLibrary) -> None:
    brightness(library, "a", -1, SIGNS)
    brightness(library, "b", 1, SIGNS)
    cases = [bright(k, k % 2 == 0) for k in range(10)]
    evidence, _ = compared(library, cases)
    (auc,) = evidence
    assert what(evidence) == [("signs", "Effusion", "auc")]
    assert (auc.old, auc.new, auc.wins, auc.patients) == (0.0, 1.0, 10, 10)
    assert [score.truth for score in auc.cases] == [True, False] * 5
    assert all(0 < score.old < 1 and 0 < score.new < 1 for score in auc.cases)
    report = AcceptanceReport("a", "b", evidence)
    assert report.passed and auc.p_value == pytest.approx(2 / 2**10)
    assert report.verdict() == ("Better for Effusion by AUC on these images (0.00 → 1.00, 10 of 10 cases).")
    back, _ = compared(library, cases, "b", "a")
    assert not AcceptanceReport("b", "a", back).passed


def test_cases_of_one_kind_give_no_auc(library: ModelLibrary) -> None:
    brightness(library, "a", -1, SIGNS)
    brightness(library, "b", 1, SIGNS)
    evidence, _ = compared(library, [bright(k, True) for k in range(3)])
    report = AcceptanceReport("a", "b", evidence)
    assert not report.passed and report.remarks() and "cases without" in report.remarks()[0]


def test_a_case_without_what_is_scored_is_told_and_left_out(library: ModelLibrary) -> None:
    brightness(library, "a", -1, SIGNS)
    brightness(library, "b", 1, SIGNS)
    evidence, events = compared(library, [bright(0, True), bright(1, None), bright(2, False)])
    assert len(evidence[0].cases) == 2
    assert "case-1 has no reference" in next(
        one.error for one in events if isinstance(one, CaseDone) and one.error
    )


def test_masks_and_scores_of_one_model_are_each_compared(library: ModelLibrary) -> None:
    brightness(library, "a", -1, SIGNS, OLD)
    brightness(library, "b", 1, SIGNS, OLD)
    mask = lungs(40, 48).astype(np.uint8)
    cases = [replace(bright(k, k % 2 == 0), mask=mask) for k in range(3)]
    evidence, _ = compared(library, [*cases, bright(8, True)])
    assert what(evidence) == [("old", "", "dice"), ("old", "", "hd95"), ("signs", "Effusion", "auc")]
    assert [len(one.cases) for one in evidence] == [3, 3, 4]
    only, _ = compared(library, [bright(8, True), bright(9, False)])  # nobody drew a mask: scores come first
    assert what(only) == [("signs", "Effusion", "auc")]


def test_a_new_output_is_compared_with_the_parents_default(library: ModelLibrary) -> None:
    unet(library, "a", 0, OLD)
    unet(library, "b", 1, OLD, SIDES)
    mask = lungs(40, 48) * np.where(np.arange(48) < 24, 1, 2)
    pairs = [replace(case(k), mask=mask.astype(np.uint8)) for k in range(2)]
    evidence, _ = compared(library, pairs)
    assert what(evidence)[::2] == [
        ("new", "", "dice"),
        ("new", "right lung", "dice"),
        ("new", "left lung", "dice"),
        ("old", "", "dice"),
    ]
    assert {one.output: one.against for one in evidence} == {"new": "old", "old": ""}
    assert not evidence[2].compared  # the parent has no right lung
    assert "a has no answer new" in AcceptanceReport("a", "b", evidence).remarks()[0]


def test_three_labels_are_each_measured(library: ModelLibrary) -> None:
    for seed, name in enumerate(("a", "b")):
        unet(library, name, seed, CHEST)
    mask = lungs(40, 48).astype(np.uint8)
    mask[30:36, 10:40], mask[2:8, 20:26] = 3, 7
    evidence, _ = compared(library, [replace(case(k), mask=mask) for k in range(2)])
    assert what(evidence)[::2] == [("chest", name, "dice") for name in ("", "lungs", "heart", "trachea")]
    assert all(len(one.compared) == 2 for one in evidence[2::2])
    whole, *parts = evidence[::2]
    assert whole.new == pytest.approx(np.mean([one.new for one in parts]))


def test_masks_are_not_compared_with_scores(library: ModelLibrary) -> None:
    unet(library, "a", 0, OLD)
    brightness(library, "b", 1, SIGNS)
    with pytest.raises(UserError, match="cannot be compared"):
        compared(library, [bright(0, True)])
