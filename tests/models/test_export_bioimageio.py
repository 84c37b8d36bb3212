from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from bioimageio.core import load_description, predict, test_description
from bioimageio.spec.model.v0_5 import ModelDescr
from exchange_fakes import with_replay_set
from net_fakes import TINY, card, saved, tiny_net, xray

from napari_unet.core.errors import UserError
from napari_unet.core.input_rule import InputRule
from napari_unet.core.intensity import IntensityRule
from napari_unet.core.raster import Raster
from napari_unet.core.steps import run
from napari_unet.inference.predictor import Predictor
from napari_unet.models import export_bioimageio as module
from napari_unet.models.card import NetSpec, TrainedCase
from napari_unet.models.checkpoint import load_model, save_model
from napari_unet.models.export_bioimageio import export_bioimageio
from napari_unet.models.library import ModelEntry, default_library

test_description.__test__ = False

PERCENTILES = IntensityRule("percentiles", 1, 99)


def _inside(package: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(package) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _words(package: Path) -> dict[str, Any]:
    words: dict[str, Any] = yaml.safe_load(_inside(package)["rdf.yaml"])
    return words


def _passes(package: Path) -> ModelDescr:
    described = load_description(package)
    assert isinstance(described, ModelDescr), described.validation_summary.format()
    summary = test_description(described)
    assert summary.status == "passed", summary.format()
    return described


def _ours(entry: ModelEntry, pixels: np.ndarray) -> np.ndarray:
    predictor = Predictor(load_model(entry), entry.card, torch.device("cpu"))
    return run(predictor.steps(Raster(pixels), inverted=False)).probability


def _theirs(described: ModelDescr, pixels: np.ndarray) -> np.ndarray:
    sample = predict(model=described, inputs={"image": pixels[None, None].astype(np.float32)})
    return np.asarray(sample.members["probability"].data)[0]


def test_the_shipped_model_is_validated_and_run_by_bioimageio_core(tmp_path: Path) -> None:
    entry = default_library().find("cxr-lung")
    package = tmp_path / "cxr-lung.zip"
    export_bioimageio(entry, package, ("Somebody",), "BSD-3-Clause")
    described = _passes(package)
    assert (described.authors[0].name, str(described.license)) == ("Somebody", "BSD-3-Clause")
    inside = _inside(package)
    assert set(inside) == {
        "rdf.yaml",
        "weights.torchscript.pt",
        "test_input.npy",
        "test_output.npy",
        "cover.png",
        "README.md",
    }
    text = inside["README.md"].decode()
    sentences = ("Hannover", "CC BY 3.0", "256 × 256", "## Validation", "0.978", "0.55", "National Library")
    for sentence in (*sentences, *entry.card.limits):
        assert sentence in text
    lung = np.load(io.BytesIO(inside["test_output.npy"]))[0, 0] >= entry.card.output.threshold
    assert 0.1 < lung.mean() < 0.5


@pytest.mark.parametrize(
    ("fields", "low"),
    [
        ({"input": InputRule(size=(32, 48)), "intensity": PERCENTILES, "flips": True}, 0),
        ({"input": InputRule(), "intensity": IntensityRule("window", -1000, 400)}, -1000),
    ],
)
def test_it_does_what_our_own_prediction_does(tmp_path: Path, fields: dict[str, Any], low: float) -> None:
    entry = saved(tmp_path / "m", classes=("lung",), **fields)
    export_bioimageio(entry, tmp_path / "m.zip")
    described = _passes(tmp_path / "m.zip")
    pixels = low + 1400 * xray(np.arange(32 * 48).reshape(32, 48) % 7 > 3)
    assert np.abs(_theirs(described, pixels) - _ours(entry, pixels)).max() < 1e-4


def test_spacing_and_classes_are_told(tmp_path: Path) -> None:
    described = card(
        name="m.1",
        version="2.rc",
        net=NetSpec(arguments={**TINY, "classes": 2}),
        classes=("left lung", "Right-lung"),
        input=InputRule(spacing_mm=(0.5, 0.7)),
    )
    described = save_model(tiny_net(classes=2).state_dict(), described, tmp_path / "two")
    export_bioimageio(ModelEntry(described, tmp_path / "two"), tmp_path / "two.zip")
    assert isinstance(load_description(tmp_path / "two.zip"), ModelDescr)
    words = _words(tmp_path / "two.zip")
    y, x = words["inputs"][0]["axes"][2:]
    assert (y["scale"], x["scale"], y["unit"], y["size"]) == (0.5, 0.7, "millimeter", {"min": 4, "step": 4})
    assert "version" not in words and words["authors"] == [{"name": "Not stated"}]


def test_nothing_about_cases_goes_with_it(tmp_path: Path) -> None:
    entry = with_replay_set(tmp_path / "m", name="child")
    cases = (TrainedCase(id="SECRET-CASE", patient="SECRET"),)
    entry = ModelEntry(entry.card.model_copy(update={"trained_on": cases}), entry.folder)
    export_bioimageio(entry, tmp_path / "m.zip")
    inside = _inside(tmp_path / "m.zip")
    assert not [name for name in inside if "memory" in name]
    assert not [name for name, content in inside.items() if b"SECRET" in content]
    assert "Drawn by a program" in inside["README.md"].decode()


def test_an_existing_file_stays(tmp_path: Path) -> None:
    entry = saved(tmp_path / "m")
    (tmp_path / "m.zip").write_text("precious")
    with pytest.raises(UserError, match="already"):
        export_bioimageio(entry, tmp_path / "m.zip")
    assert (tmp_path / "m.zip").read_text() == "precious"


def test_a_copy_that_does_something_else_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = saved(tmp_path / "m")
    monkeypatch.setattr(module, "TOLERANCE", -1.0)
    with pytest.raises(UserError, match="does not do what the model does"):
        export_bioimageio(entry, tmp_path / "m.zip")
    assert not (tmp_path / "m.zip").exists()


def test_a_rule_that_the_spec_has_no_word_for(tmp_path: Path) -> None:
    entry = saved(tmp_path / "m", intensity=IntensityRule("percentiles", 0, 1))
    with pytest.raises(UserError, match="cannot express"):
        export_bioimageio(entry, tmp_path / "m.zip")
