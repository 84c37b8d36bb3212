"""Models with several answers, slices with neighbours, volumes and scores, in files for other programs."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import yaml
from bioimageio.core import load_description, test_description
from bioimageio.spec.model.v0_5 import ModelDescr
from net_fakes import TINY, saved

from napari_unet.core.input_rule import InputRule
from napari_unet.core.intensity import IntensityRule
from napari_unet.core.label_set import LUNGS, RIGHT_AND_LEFT
from napari_unet.models.card import ModelCard, NetSpec
from napari_unet.models.export_bioimageio import export_bioimageio
from napari_unet.models.export_onnx import TOLERANCE, export_onnx
from napari_unet.models.export_zip import export_zip
from napari_unet.models.importing import import_model
from napari_unet.models.library import ModelEntry, ModelLibrary
from napari_unet.models.output import Output
from napari_unet.models.standalone import Standalone, answers, as_tuple, standalone

test_description.__test__ = False

OLD = Output(id="old", labels=LUNGS, protocol="heart left out", threshold=0.4)
SIDES = Output(id="Sides.2", labels=RIGHT_AND_LEFT, protocol="with the heart", swaps=((0, 1),))
FOUND = Output(id="signs", task="classification", findings=("nodule", "effusion"), threshold=0.3)
PERCENTILES = IntensityRule("percentiles", 1, 99)


def two(folder: Path) -> ModelEntry:
    return saved(folder, net=NetSpec(arguments={**TINY, "classes": 3}), outputs=(OLD, SIDES), flips=True)


def further(folder: Path) -> ModelEntry:
    """A network with an answer beside that of its parent."""
    spec = NetSpec(kind="further-answer", arguments={"base": {"kind": "unet", "arguments": TINY}})
    spec = NetSpec(kind="further-answer", arguments={"base": spec.model_dump(), "classes": 2})
    new = Output(id="lungs-2", labels=LUNGS, protocol="with the heart")
    return saved(folder, net=spec, outputs=(OLD, new, SIDES), flips=True)


def slices(folder: Path) -> ModelEntry:
    return saved(
        folder,
        net=NetSpec(arguments={**TINY, "channels": 3, "classes": 2}),
        input=InputRule(size=(32, 48), neighbours=1),
        outputs=(SIDES,),
        intensity=PERCENTILES,
    )


def volume(folder: Path) -> ModelEntry:
    spec = NetSpec(kind="toy-volume", arguments={"classes": 2})
    return saved(folder, net=spec, input=InputRule(spacing_mm=(5, 1, 1), axes=3), outputs=(SIDES,))


def scores(folder: Path) -> ModelEntry:
    spec = NetSpec(kind="toy-scores", arguments={"classes": 2})
    return saved(folder, net=spec, input=InputRule(size=(32, 48)), outputs=(FOUND,), flips=True)


def mixed(folder: Path) -> ModelEntry:
    spec = NetSpec(kind="toy-scores", arguments={"classes": 3})
    return saved(folder, net=spec, input=InputRule(size=(32, 48)), outputs=(FOUND, OLD))


def published(folder: Path) -> ModelEntry:
    """Without padding: what other programs get has the image's size all the same."""
    spec = NetSpec(kind="unet-2015", arguments={"base": 1})
    return saved(folder, net=spec, input=InputRule(size=(32, 48)), outputs=(OLD,))


def word(folder: Path) -> ModelEntry:
    spec = NetSpec(kind="alexnet", arguments={"width": 1 / 32, "channels": 1, "classes": 2})
    return saved(folder, net=spec, input=InputRule(size=(227, 227)), outputs=(FOUND,))


KINDS = {
    two: (["probability_old", "probability_sides_2"], (1, 8, 12)),
    further: (["probability_old", "probability_lungs_2", "probability_sides_2"], (1, 8, 12)),
    slices: (["probability"], (3, 32, 48)),
    volume: (["probability"], (1, 6, 8, 4)),
    scores: (["probability", "scores"], (1, 32, 48)),
    mixed: (["probability_signs", "scores_signs", "probability_old"], (1, 32, 48)),
    published: (["probability"], (1, 32, 48)),
    word: (["probability", "scores"], (1, 227, 227)),
}
EVERY = pytest.mark.parametrize("made", list(KINDS), ids=lambda made: made.__name__)
pytestmark = pytest.mark.usefixtures("toy_nets")


def _expected(entry: ModelEntry, x: torch.Tensor) -> list[torch.Tensor]:
    """By hand: what each tensor has to hold."""
    net, card = standalone(entry).net, entry.card
    with torch.inference_mode():
        views = [net(x)] + ([net(x.flip(-1)).flip(-1)[:, card.mirrored_channels]] if card.flips else [])
        maps = sum(view.sigmoid() for view in views) / len(views)
        found, first = [], 0
        for output in card.outputs:
            own = slice(first, first := first + len(output.channels))
            found.append(maps[:, own])
            if output.task == "classification":
                found.append(sum(view.mean(dim=(2, 3)).sigmoid() for view in views)[:, own] / len(views))
    return found


@EVERY
def test_a_tensor_for_each_answer(tmp_path: Path, made: Any) -> None:
    entry, (names, shape) = made(tmp_path / "m"), KINDS[made]
    model = standalone(entry)
    assert [answer.name for answer in model.answers] == names
    x = torch.rand(2, *shape)
    found, expected = as_tuple(model(x)), _expected(entry, x)
    assert len(found) == len(names)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=0)


@EVERY
def test_onnxruntime_gives_what_torch_gives(tmp_path: Path, made: Any) -> None:
    entry, (names, shape) = made(tmp_path / "m"), KINDS[made]
    path = tmp_path / "m.onnx"
    assert export_onnx(entry, path) <= TOLERANCE
    written = onnx.load(path)
    onnx.checker.check_model(written)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    assert [tensor.name for tensor in session.get_outputs()] == names
    for batch in (1, 3):
        x = torch.rand(batch, *shape)
        for one, other in zip(session.run(names, {"image": x.numpy()}), _expected(entry, x), strict=True):
            assert np.abs(one - other.numpy()).max() <= TOLERANCE
    words = {each.key: json.loads(each.value) for each in written.metadata_props}
    assert [each["tensor"] for each in words["outputs"]] == names
    assert {each["id"]: each["protocol"] for each in words["outputs"]} == {
        output.id: output.protocol for output in entry.card.outputs
    }
    assert [each["threshold"] for each in words["outputs"] if not each["pooled"]] == [
        output.threshold for output in entry.card.outputs
    ]
    assert words["input"]["neighbours"] == entry.card.input.neighbours
    assert words["facts"]["stride"] == entry.card.facts.stride


@EVERY
def test_bioimageio_core_runs_all_answers(tmp_path: Path, made: Any) -> None:
    entry, (names, _) = made(tmp_path / "m"), KINDS[made]
    export_bioimageio(entry, tmp_path / "m.zip")
    described = load_description(tmp_path / "m.zip")
    assert isinstance(described, ModelDescr), described.validation_summary.format()
    summary = test_description(described)
    assert summary.status == "passed", summary.format()
    assert [str(tensor.id) for tensor in described.outputs] == names
    with zipfile.ZipFile(tmp_path / "m.zip") as archive:
        words = yaml.safe_load(archive.read("rdf.yaml"))
        text = archive.read("README.md").decode()
    own = words["config"]["napari_unet_lung"]
    assert [each["tensor"] for each in own["outputs"]] == names
    for output in entry.card.outputs:
        assert output.protocol in text and f"{output.threshold:g} or more" in text
    assert len(names) == 1 or len(entry.card.outputs) == 1 or all(f"`{name}`" in text for name in names)


def test_what_is_done_before_is_told(tmp_path: Path) -> None:
    for made, told in (
        (slices, ("48 × 32 pixels", "3 channels are a slice", "1 neighbours")),
        (volume, ("Resample the volume to 5 × 1 × 1 mm",)),
    ):
        export_bioimageio(made(tmp_path / made.__name__), tmp_path / f"{made.__name__}.zip")
        with zipfile.ZipFile(tmp_path / f"{made.__name__}.zip") as archive:
            text = archive.read("README.md").decode()
        assert all(words in text for words in told)


@EVERY
def test_it_comes_back_from_a_zip_file_as_it_was(tmp_path: Path, made: Any) -> None:
    entry = made(tmp_path / "m")
    export_zip(entry, tmp_path / "m.zip", with_memory=False)
    found = import_model(tmp_path / "m.zip", ModelLibrary(tmp_path / "library")).entry
    assert found.card == entry.card
    x = torch.rand(1, *KINDS[made][1])
    for one, other in zip(as_tuple(standalone(found)(x)), as_tuple(standalone(entry)(x)), strict=True):
        assert torch.equal(one, other)


def test_names_of_tensors_that_would_be_equal_or_too_long() -> None:
    outputs = tuple(Output(id=id_) for id_ in ("a.b", "a-b", "lungs-with-the-heart-and-more"))
    named = [answer.name for answer in answers(ModelCard(name="m", outputs=outputs))]
    assert named == ["probability_a_b", "probability_2", "probability_3"]


def test_pooling_that_is_not_the_mean_is_the_networks_own(tmp_path: Path) -> None:
    entry = scores(tmp_path / "m")
    model = standalone(entry)
    model.net.pool = lambda logits: logits[..., 0, 0]  # the upper left corner
    x = torch.rand(1, 1, 32, 48)
    maps, found = model(x)
    assert isinstance(model, Standalone)
    corners = [model.net(view)[..., 0, 0].sigmoid() for view in (x, x.flip(-1))]
    torch.testing.assert_close(found, (corners[0] + corners[1]) / 2)
    assert maps.shape == (1, 2, 32, 48)
