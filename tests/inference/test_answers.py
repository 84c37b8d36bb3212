"""Models with several answers, and answers that are scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from net_fakes import TINY, PointNet, ScoreNet, card, lung_prior, lungs, saved, xray
from PIL import Image
from torch import Tensor, nn

from napari_unet.core.errors import UserError
from napari_unet.core.input_rule import InputRule
from napari_unet.core.intensity import IntensityRule
from napari_unet.core.label_set import LUNGS, RIGHT_AND_LEFT
from napari_unet.core.prediction import Prediction
from napari_unet.core.raster import Raster
from napari_unet.core.second_reading import FindingCall
from napari_unet.core.steps import run
from napari_unet.inference.first_mask import first_mask_steps
from napari_unet.inference.predictor import Predictor
from napari_unet.inference.segment import PredictorCache, segment_steps
from napari_unet.models.card import NetSpec
from napari_unet.models.library import ModelLibrary
from napari_unet.models.output import Output
from napari_unet.review.add import add_found, gather
from napari_unet.review.check_results import store_first_mask
from napari_unet.review.store import ReviewProject

OLD = Output(id="lungs", labels=LUNGS, threshold=0.3)
NEW = Output(id="sides", labels=RIGHT_AND_LEFT, threshold=0.6, swaps=((0, 1),))
SIGNS = Output(id="signs", task="classification", findings=("nodule", "effusion"), threshold=0.4)
RULE = IntensityRule("percentiles", 0, 100)
WHOLE = InputRule(size=(16, 24))


def _predict(net: nn.Module, pixels: np.ndarray, output: str | None = None, **fields: Any) -> Prediction:
    predictor = Predictor(net, card(**{"input": WHOLE, **fields}), torch.device("cpu"))
    return run(predictor.steps(Raster(pixels), False, output))


def _three(x: Tensor) -> Tensor:
    return torch.cat([torch.logit(x, 1e-6), torch.logit(x / 2, 1e-6), torch.logit(x / 4, 1e-6)], dim=1)


@pytest.mark.parametrize("how", [WHOLE, InputRule()])
@pytest.mark.parametrize(
    ("name", "answer", "parts"),
    [
        ("lungs", OLD, (1,)),
        ("old", OLD, (1,)),
        ("new", NEW, (2, 4)),
        ("sides", NEW, (2, 4)),
        (None, NEW, (2, 4)),
    ],
)
def test_the_chosen_answer_is_given(
    how: InputRule, name: str | None, answer: Output, parts: tuple[int, ...]
) -> None:
    net = PointNet(_three)
    net.classes = 3
    image = np.random.default_rng(0).random((16, 24), dtype=np.float32)
    found = _predict(net, image, name, outputs=(OLD, NEW), input=how)
    assert (found.output, found.label_set, found.threshold) == (answer.id, answer.labels, answer.threshold)
    assert (found.task, found.scores) == ("segmentation", {})
    np.testing.assert_allclose(found.probability, np.stack([image / part for part in parts]), atol=1e-5)


def test_an_answer_that_is_none_of_the_models_is_an_error() -> None:
    with pytest.raises(UserError, match="no answer named heart"):
        _predict(PointNet(lambda x: x), np.eye(16), "heart")


@pytest.mark.parametrize("flips", [False, True])
def test_scores_are_what_the_network_pools_and_the_map_is_its_own(flips: bool) -> None:
    torch.manual_seed(0)
    net = ScoreNet(classes=2).eval()
    image = np.random.default_rng(0).random((16, 24), dtype=np.float32)
    found = _predict(net, image, outputs=(SIGNS,), flips=flips)
    x = torch.from_numpy(image)[None, None]
    with torch.inference_mode():
        views = [net(x), net(x.flip(-1)).flip(-1)][: 1 + flips]
        scores = torch.stack([net.pool(view).sigmoid()[0] for view in views]).mean(dim=0)
        maps = torch.stack([view.sigmoid()[0] for view in views]).mean(dim=0)
    assert (found.task, found.output, list(found.scores)) == (
        "classification",
        "signs",
        ["nodule", "effusion"],
    )
    np.testing.assert_allclose(list(found.scores.values()), scores, atol=1e-6)
    np.testing.assert_allclose(found.maps, maps, atol=1e-6)
    assert not found.mask().any()


def test_a_finding_of_a_stack_has_the_highest_score_of_any_image() -> None:
    torch.manual_seed(0)
    net = ScoreNet(classes=2).eval()
    stack = np.random.default_rng(0).random((3, 16, 24), dtype=np.float32) * np.float32(
        [[[1]], [[0.5]], [[0.1]]]
    )
    alone = [_predict(net, image, outputs=(SIGNS,)).scores for image in stack]
    found = _predict(net, stack, outputs=(SIGNS,)).scores
    assert found == {name: max(scores[name] for scores in alone) for name in SIGNS.findings}
    assert len({scores["nodule"] for scores in alone}) == 3


def test_sides_of_a_finding_change_places_when_the_image_is_mirrored() -> None:
    class Halves(ScoreNet):
        """What is bright in the left half and in the right half of the image."""

        def forward(self, x: Tensor) -> Tensor:
            left = torch.arange(x.shape[-1]) < x.shape[-1] // 2
            return torch.cat([torch.where(left, 8 * x - 4, -4), torch.where(left, -4, 8 * x - 4)], dim=1)

    image = np.zeros((16, 24), np.float32)
    image[:, 20:] = 1
    one_sided = SIGNS.model_copy(update={"swaps": ((0, 1),)})
    plain = _predict(Halves(classes=2), image, outputs=(one_sided,)).scores
    both = _predict(Halves(classes=2), image, outputs=(one_sided,), flips=True).scores
    assert plain["effusion"] > plain["nodule"]
    assert both == pytest.approx(plain)
    still = _predict(Halves(classes=2), image, outputs=(SIGNS,), flips=True).scores
    assert still["nodule"] == pytest.approx(still["effusion"])


def test_a_network_without_a_pooling_gives_no_scores() -> None:
    net = PointNet(lambda x: x)
    net.classes = 2
    with pytest.raises(UserError, match="no pooling"):
        _predict(net, np.eye(16), outputs=(SIGNS,))


@pytest.fixture
def library(tmp_path: Path, toy_nets: None, monkeypatch: pytest.MonkeyPatch) -> ModelLibrary:
    """Models of two answers, of scores, and of a mask and scores."""
    fields = {"input": InputRule(size=(32, 32)), "intensity": RULE}
    two = NetSpec(arguments={**TINY, "classes": 3})
    saved(tmp_path / "models" / "two", name="two", net=two, outputs=(OLD, NEW), **fields)
    for name, outputs in (("scores", (SIGNS,)), ("mixed", (OLD, SIGNS))):
        classes = sum(len(output.channels) for output in outputs)
        net = NetSpec(kind="toy-scores", arguments={"classes": classes})
        saved(tmp_path / "models" / name, name=name, net=net, outputs=outputs, **fields)
    monkeypatch.setenv("NAPARI_UNET_MODELS", str(tmp_path / "models"))
    return ModelLibrary(tmp_path / "models")


def _segmented(library: ModelLibrary, model: str, output: str | None = None, **options: Any) -> Prediction:
    raster = Raster(xray(lungs()))
    steps = segment_steps(
        raster, model=model, output=output, library=library, cache=PredictorCache(), **options
    )
    return run(steps)


def test_segmenting_gives_the_answer_that_is_asked_for(library: ModelLibrary) -> None:
    assert _segmented(library, "two").output == "sides"
    assert _segmented(library, "two", "old").output == "lungs"
    assert _segmented(library, "mixed", "lungs").output == "lungs"
    with pytest.raises(UserError, match="no answer named heart"):
        _segmented(library, "two", "heart")


def test_scores_are_refused_where_a_mask_is_wanted_and_given_where_they_are(library: ModelLibrary) -> None:
    with pytest.raises(UserError, match="The model scores gives scores and no masks"):
        _segmented(library, "scores")
    with pytest.raises(UserError, match="answer signs of the model mixed gives scores"):
        _segmented(library, "mixed")
    assert set(_segmented(library, "mixed", masks_only=False).scores) == {"nodule", "effusion"}


def test_the_likeness_of_the_chosen_answer_counts(library: ModelLibrary) -> None:
    odd = OLD.model_copy(update={"likeness": lung_prior()})
    saved(
        library.own / "odd",
        name="odd",
        net=NetSpec(arguments={**TINY, "classes": 3}),
        outputs=(odd, NEW),
        input=InputRule(size=(32, 32)),
        intensity=RULE,
    )
    assert len(_segmented(library, "odd", "old", input_check=False).plausibility) == 1
    assert _segmented(library, "odd", "new").plausibility == ()


def test_a_first_look_by_scores_draws_nothing_and_keeps_the_scores_alone(
    tmp_path: Path, library: ModelLibrary
) -> None:
    (tmp_path / "images").mkdir()
    path = tmp_path / "images" / "a.png"
    Image.fromarray(np.rint(xray(lungs()) * 255).astype(np.uint8)).save(path)
    found = run(first_mask_steps(str(path), "scores", "cpu"))
    assert (found.drawn, found.checks, found.boundary_uncertainty) == (None, (), None)
    assert found.maps.dtype == np.uint8 and set(found.scores) == {"nodule", "effusion"}
    drawn = run(first_mask_steps(str(path), "mixed", "cpu", output="old"))
    assert drawn.output == "lungs" and drawn.drawn is not None
    with ReviewProject.create(tmp_path / "project") as project:
        ((case, _),) = add_found(project, gather([path]), "somebody")
        assert not store_first_mask(project, case, found, "somebody")
        assert project.case(case).revision is None
        assert project.map(case) is None  # where a finding lies is not for who has not looked yet
        project.first_call(case, "somebody", {"nodule": FindingCall(2)})
        assert {one.finding: one.score for one in project.show_scores(case, "somebody")} == found.scores
