from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from net_fakes import saved

from napari_unet.core.errors import UserError
from napari_unet.core.input_rule import InputRule
from napari_unet.models import export_onnx as module
from napari_unet.models.export_onnx import OPSET, TOLERANCE, export_onnx
from napari_unet.models.library import ModelEntry
from napari_unet.models.standalone import standalone


def _largest_difference(path: Path, entry: ModelEntry, *shapes: tuple[int, ...]) -> float:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    off = []
    for shape in shapes:
        x = torch.rand(shape)
        (found,) = session.run(["probability"], {"image": x.numpy()})
        off.append(float(np.abs(found - standalone(entry)(x).numpy()).max()))
    return max(off)


def test_onnxruntime_gives_what_torch_gives(tmp_path: Path) -> None:
    entry = saved(tmp_path / "m", flips=True)
    path = tmp_path / "m.onnx"
    assert export_onnx(entry, path) <= TOLERANCE
    assert _largest_difference(path, entry, (1, 1, 4, 8), (5, 1, 64, 40)) <= TOLERANCE
    written = onnx.load(path)
    onnx.checker.check_model(written)
    assert {each.domain: each.version for each in written.opset_import}[""] == OPSET
    words = {each.key: json.loads(each.value) for each in written.metadata_props}
    assert (words["name"], words["threshold"], words["sha256"]) == ("tiny", 0.5, entry.card.sha256)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m", "m.onnx"]


def test_a_copy_that_differs_gets_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = saved(tmp_path / "m", input=InputRule(size=(8, 12)))
    monkeypatch.setattr(module, "TOLERANCE", -1.0)
    with pytest.raises(UserError, match="does not do what the model does"):
        export_onnx(entry, tmp_path / "m.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None if name == "onnxscript" else object())
    with pytest.raises(UserError, match="without onnxscript") as error:
        export_onnx(saved(tmp_path / "m"), tmp_path / "m.onnx")
    assert "pip install 'napari-unet-lung[onnx]'" in error.value.remedy


def test_an_existing_file_stays(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_text("precious")
    with pytest.raises(UserError, match="already"):
        export_onnx(saved(tmp_path / "m"), tmp_path / "m.onnx")
    assert (tmp_path / "m.onnx").read_text() == "precious"
