"""Models of every kind go the whole way: masks and scores, a comparison, a fine-tune, other programs."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from clinic_rooms import command
from room_models import SCORES, SLICES, TOYS, Room, room
from typer.testing import CliRunner

from napari_unet import fine_tune, segment
from napari_unet.cli.main import app
from napari_unet.core.acceptance_report import AcceptanceReport
from napari_unet.core.errors import UserError
from napari_unet.core.prediction import Prediction
from napari_unet.core.source import Source
from napari_unet.core.steps import run
from napari_unet.core.training_pair import TrainingPair
from napari_unet.engine.client import ChildEngine
from napari_unet.inference.segment import segment_steps
from napari_unet.io.formats import read_labels, read_raster
from napari_unet.training.acceptance import compare_models
from napari_unet.training.adapt_config import AdaptConfig

QUICK = AdaptConfig(steps=2, batch=2, check_every=2)


@pytest.fixture(scope="module", params=TOYS, ids=lambda toy: toy.name)
def at(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with room(request.param, tmp_path_factory.mktemp(request.param.name)) as made:
        yield made


@pytest.fixture(scope="module")
def by_hand(at: Room) -> list[Prediction]:
    """What the model makes of each image in this process."""
    asked = {"model": at.toy.name, "device": "cpu", "masks_only": False}
    return [run(segment_steps(read_raster(image), **asked)) for image in at.images]


def refused(*arguments: object, code: int = 1) -> str:
    """What the command line says of what it cannot do."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == code, done.output
    return " ".join(f"{done.stderr} {done.exception}".split())


def test_python(at: Room, by_hand: list[Prediction]) -> None:
    output = at.toy.output
    for image, expected in zip(at.images, by_hand, strict=True):
        raster = read_raster(image)
        header = {"spacing_mm": raster.spacing_mm, "inverted": raster.inverted}
        if at.toy is SCORES:
            with pytest.raises(UserError, match="gives scores and no masks"):
                segment(raster.pixels, at.toy.name, device="cpu", **header)
            assert list(expected.scores) == list(output.findings)
            assert not expected.mask().any()
        else:
            found = segment(raster.pixels, at.toy.name, device="cpu", **header)
            np.testing.assert_array_equal(found.labels(), expected.labels())
            assert set(np.unique(found.labels())) == {0, *output.labels.values}
        assert expected.probability.shape == (len(output.channels), *raster.shape)


def test_engine(at: Room, by_hand: list[Prediction]) -> None:
    engine = ChildEngine()
    try:
        for image, expected in zip(at.images, by_hand, strict=True):
            asked = {"model": at.toy.name, "device": "cpu", "masks_only": False}
            found = engine.submit("segment", raster=read_raster(image), **asked).result()
            np.testing.assert_array_equal(found.labels(), expected.labels())
            np.testing.assert_array_equal(found.maps, expected.maps)
            assert found.scores == expected.scores
    finally:
        engine.close()


def test_command_line(at: Room, by_hand: list[Prediction]) -> None:
    out = at.folder / "out"
    asked = ("segment", at.inputs, "-o", out, "--model", at.toy.name, "--device", "cpu", "--recursive")
    more = ("--probability", "--overlay", "--json")
    if at.toy is SCORES:
        assert "gives scores and no masks" in refused(*asked)
        return
    done = map(json.loads, command(*asked, *more).splitlines())
    for image, expected, said in zip(at.images, by_hand, done, strict=True):
        known, drawn = expected.label_set, expected.labels()
        labels = read_labels(Path(said["files"][0]), of=image, labels=known).labels
        np.testing.assert_array_equal(labels, drawn > 0 if known.of_lungs else drawn)
        assert said["area_px"] == np.count_nonzero(drawn)
        assert (said["right_px"] is None) == (not known.of_lungs)
        for label in () if known.of_lungs else known.labels:
            assert said[f"{label.name}_px"] == np.count_nonzero(drawn == label.value)
        assert len(said["files"]) == 3
        assert known.of_lungs or said["checks"] == []
    assert len(list(csv.DictReader((out / "report.csv").open()))) == len(at.images)
    sides = (*asked[:3], at.folder / "sides", *asked[4:], "--labels", "left-right")
    if at.toy is SLICES:
        assert "airway" in refused(*sides, code=2)


def pairs_of(by_hand: list[Prediction], at: Room) -> list[TrainingPair]:
    """The images with the first version's own answers, as of several patients; of volumes two slices each."""
    return [
        TrainingPair(
            f"case-{k}",
            image,
            found.labels(),
            f"patient-{k}",
            image.content_hash(),
            slices=(40, 90) if len(found.shape) == 3 else None,
            label_set=found.label_set,
            findings={name: _is_high(name, found, by_hand) for name in found.scores},
        )
        for k, (image, found) in enumerate(zip(at.images, by_hand, strict=True))
    ]


def _is_high(name: str, found: Prediction, among: list[Prediction]) -> bool:
    return found.scores[name] > np.median([one.scores[name] for one in among])


def test_acceptance(at: Room, by_hand: list[Prediction]) -> None:
    steps = compare_models(at.toy.name, at.toy.other, pairs_of(by_hand, at), "cpu")
    found = run(steps)
    evidence = tuple(one for one in found if one.output == at.toy.output.id)
    if at.toy is SCORES:
        assert [(one.metric, one.label) for one in evidence] == [("auc", "nodule"), ("auc", "effusion")]
        assert all(one.old == 1 and 0 <= one.new <= 1 for one in evidence)
        return
    names = at.toy.output.labels.names
    assert [one.label for one in evidence if one.metric == "dice"] == ["", *(names if len(names) > 1 else ())]
    assert {one.output for one in found} == {each.id for each in at.toy.fields["outputs"]}
    assert {len(one.cases) for one in evidence} == {len(at.images)}
    for one in evidence:
        if one.metric == "dice":
            assert one.old == pytest.approx(1) and one.new < 0.95
    assert "orse" in AcceptanceReport(at.toy.name, at.toy.other, evidence).verdict()


def test_fine_tune(at: Room, by_hand: list[Prediction]) -> None:
    pairs = pairs_of(by_hand, at)
    asked = {"config": QUICK, "protocol": "Ours.", "same_protocol": True, "device": "cpu", "threads": 1}
    if at.toy is SCORES:
        with pytest.raises(UserError, match="gives scores and no masks"):
            fine_tune(pairs, at.toy.name, "ours", **asked)
        return
    made = fine_tune(pairs, at.toy.name, "ours", **asked)
    assert made.card.parent == at.toy.name
    assert [output.id for output in made.card.outputs] == [each.id for each in at.toy.fields["outputs"]]
    assert made.card.output.protocol == "Ours." and made.card.output.labels == at.toy.output.labels
    held_out = {case.id for one in made.report.evidence for case in one.cases}
    assert held_out == {pair.id for pair in pairs}
    again = segment_of(at.images[0], "ours")
    assert set(np.unique(again.labels())) <= {0, *at.toy.output.labels.values}


def segment_of(image: Source, model: str) -> Prediction:
    """What a model of the library makes of an image."""
    return run(segment_steps(read_raster(image), model=model, device="cpu", masks_only=False))


def test_other_programs(at: Room, by_hand: list[Prediction]) -> None:
    made = at.folder / "exported.zip"
    command("models", "export", at.toy.name, "--to", made)
    command("models", "import", made, "--name", "back")
    again = segment_of(at.images[0], "back")
    np.testing.assert_array_equal(again.maps, by_hand[0].maps)
    assert again.scores == by_hand[0].scores
    onnxruntime = pytest.importorskip("onnxruntime")
    command("models", "export", at.toy.name, "--onnx", at.folder / "toy.onnx")
    session = onnxruntime.InferenceSession(str(at.folder / "toy.onnx"), providers=["CPUExecutionProvider"])
    rule = at.toy.fields["input"]
    found = session.run(None, {"image": np.full((1, rule.channels, *rule.size), 0.5, np.float32)})
    outputs = at.toy.fields["outputs"]
    assert [one.shape[1] for one in found][: len(outputs)] == [len(each.channels) for each in outputs]
    pytest.importorskip("bioimageio.core")
    package = at.folder / "toy.bioimageio.zip"
    command("models", "export", at.toy.name, "--bioimageio", "--to", package, "--author", "Ann")
    assert "which other programs run" in refused("models", "import", package)
