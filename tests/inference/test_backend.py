"""OpenVINO beside torch: the same numbers, taken only where it is faster, and said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from net_fakes import VolumeNet, card, dark_is_lung, tiny_net
from torch import nn

from napari_unet.core.input_rule import InputRule
from napari_unet.core.raster import Raster
from napari_unet.core.steps import run
from napari_unet.inference import backend as backend_module
from napari_unet.inference.backend import FastestBackend, TorchBackend, backends, calibrated, is_there
from napari_unet.inference.fold import folded
from napari_unet.inference.measured import Measured
from napari_unet.inference.predictor import Predictor

needs_openvino = pytest.mark.skipif(not is_there("openvino"), reason="OpenVINO (extra fast) is not installed")
CPU = torch.device("cpu")
BATCH = torch.rand(2, 1, 32, 48, generator=torch.Generator().manual_seed(0))


class Other:
    """In place of OpenVINO. added : to its logits. fails_from : the call at which it gives up."""

    added, fails_from, made = 0.0, 10**9, 0

    def __init__(self, net: nn.Module, batch: torch.Tensor) -> None:
        self.name, self.calls, self._torch = "other 1", 0, TorchBackend(net)
        Other.made += 1

    def __call__(self, batch: torch.Tensor) -> Any:
        self.calls += 1
        if self.calls >= self.fails_from:
            raise RuntimeError("no more")
        logits, bottleneck = self._torch(batch)
        return logits + self.added, bottleneck


@pytest.fixture
def other(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> type[Other]:
    """`FastestBackend` tries it after its first pass, and finds it in half of the time."""
    import sys
    from types import SimpleNamespace

    made = type("Made", (Other,), {})
    Other.made = 0
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    module = "napari_unet.inference.openvino_backend"
    monkeypatch.setitem(sys.modules, module, SimpleNamespace(OpenVinoBackend=made))
    monkeypatch.setattr(backend_module, "is_there", lambda _: True)
    monkeypatch.setattr(backend_module, "_WORTH_S", 0.0)
    monkeypatch.setattr(backend_module, "calibrated", lambda *_: 0.5)
    return made


@needs_openvino
@pytest.mark.parametrize(
    "arguments", [{}, {"up": "interpolate"}, {"block": "residual"}, {"norm": "instance"}, {"classes": 3}]
)
@torch.inference_mode()
def test_openvino_gives_the_same_numbers(arguments: dict[str, Any]) -> None:
    from napari_unet.inference.openvino_backend import OpenVinoBackend

    net = folded(tiny_net(**arguments)).to(memory_format=torch.channels_last)
    batch = BATCH.to(memory_format=torch.channels_last)
    ours, bottleneck = TorchBackend(net)(batch)
    theirs, their_bottleneck = OpenVinoBackend(net, batch)(batch)
    assert theirs.dtype == torch.float32
    np.testing.assert_allclose(torch.sigmoid(theirs), torch.sigmoid(ours), atol=1e-4)
    assert bottleneck is not None and their_bottleneck is not None
    np.testing.assert_allclose(their_bottleneck, bottleneck, rtol=1e-3, atol=1e-4)
    again = OpenVinoBackend(net, batch)(batch.flip(-1))[0]
    np.testing.assert_allclose(torch.sigmoid(again), torch.sigmoid(net(batch.flip(-1))), atol=1e-4)


@needs_openvino
@torch.inference_mode()
def test_openvino_computes_volumes_too() -> None:
    from napari_unet.inference.openvino_backend import OpenVinoBackend

    net, batch = VolumeNet().eval(), torch.rand(1, 1, 8, 16, 24)
    logits, _ = OpenVinoBackend(net, batch)(batch)
    np.testing.assert_allclose(torch.sigmoid(logits), torch.sigmoid(net(batch)), atol=1e-4)


@needs_openvino
@torch.inference_mode()
def test_a_network_without_a_bottleneck_gives_logits_alone() -> None:
    from napari_unet.inference.openvino_backend import OpenVinoBackend

    net = dark_is_lung()
    logits, bottleneck = OpenVinoBackend(net, BATCH)(BATCH)
    np.testing.assert_allclose(logits, net(BATCH), atol=1e-4)
    assert bottleneck is None


@needs_openvino
@torch.inference_mode()
def test_a_calibration_measures_and_compares(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend_module, "_CALIBRATION_S", 0.0)
    from napari_unet.inference.openvino_backend import OpenVinoBackend

    net = folded(tiny_net())
    ours, theirs = TorchBackend(net), OpenVinoBackend(net, BATCH)
    assert 0 < calibrated(ours, theirs, BATCH) < float("inf")
    wrong = Other(net, BATCH)
    wrong.added = 0.01
    assert calibrated(ours, wrong, BATCH) == float("inf")
    wrong.added = float("nan")
    assert calibrated(ours, wrong, BATCH) == float("inf")


@needs_openvino
def test_openvino_reports_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    openvino_telemetry = pytest.importorskip("openvino_telemetry")
    from napari_unet.inference.openvino_backend import OpenVinoBackend

    def refused(*_: object, **__: object) -> None:
        raise AssertionError("telemetry")

    for name in ("send_event", "start_session", "force_shutdown"):
        monkeypatch.setattr(openvino_telemetry.Telemetry, name, refused)
    OpenVinoBackend(folded(tiny_net()), BATCH)


@torch.inference_mode()
def test_the_faster_one_is_taken_and_said_once(other: type[Other]) -> None:
    net = tiny_net()
    chosen = FastestBackend(net, "a")
    for _ in range(3):
        assert torch.equal(chosen(BATCH)[0], net(BATCH))
    assert chosen.said == ["From here on other 1 computes the network, in 0.50 of the time."]
    assert Other.made == 1
    chosen(BATCH[..., :16])  # another shape is another question
    assert Other.made == 2 and len(chosen.said) == 2


@torch.inference_mode()
def test_torch_works_until_another_is_worth_its_start(
    other: type[Other], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend_module, "_WORTH_S", 1e6)
    chosen = FastestBackend(tiny_net(), "a")
    chosen(BATCH), chosen(BATCH)
    assert Other.made == 0 and not chosen.said


@pytest.mark.parametrize("ratio", [0.96, 1.5, float("inf")])
@torch.inference_mode()
def test_what_is_not_faster_or_not_equal_is_not_taken(
    other: type[Other], monkeypatch: pytest.MonkeyPatch, ratio: float
) -> None:
    monkeypatch.setattr(backend_module, "calibrated", lambda *_: ratio)
    for _ in range(2):
        chosen = FastestBackend(tiny_net(), "a")
        chosen(BATCH), chosen(BATCH)
        assert not chosen.said
    assert Other.made == 1  # the second one knows it from the first


@torch.inference_mode()
def test_a_calibration_is_kept_for_the_same_weights_shape_threads_and_versions(
    other: type[Other], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    monkeypatch.setattr(backend_module, "calibrated", lambda *_: asked.append(1) or 0.5)
    for key, batch in (("a", BATCH), ("a", BATCH), ("b", BATCH), ("a", BATCH[:1])):
        FastestBackend(tiny_net(), key)(batch)
    assert len(asked) == 3
    monkeypatch.setattr(backend_module, "backends", lambda _: "torch 99")
    FastestBackend(tiny_net(), "a")(BATCH)
    assert len(asked) == 4


@torch.inference_mode()
def test_a_backend_that_fails_leaves_the_work_to_torch(other: type[Other]) -> None:
    other.fails_from = 2
    net = tiny_net()
    chosen = FastestBackend(net, "a")
    for _ in range(4):
        assert torch.equal(chosen(BATCH)[0], net(BATCH))
    assert Other.made == 1


@torch.inference_mode()
def test_a_network_that_it_cannot_compute_stays_with_torch(
    other: type[Other], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend_module, "calibrated", lambda *_: 1 / 0)
    net = tiny_net()
    chosen = FastestBackend(net, "a")
    assert torch.equal(chosen(BATCH)[0], net(BATCH)) and not chosen.said


def test_a_prediction_is_the_same_and_says_who_computed_it(other: type[Other]) -> None:
    raster = Raster(np.random.default_rng(0).random((64, 64), dtype=np.float32))
    described = card(input=InputRule(size=(32, 32)), flips=True)
    plain = Predictor(tiny_net(), described, CPU)
    fastest = Predictor(tiny_net(), described, CPU, fastest=True)
    expected, first, second = (run(one.steps(raster)) for one in (plain, fastest, fastest))
    assert [sum("other 1" in note for note in one.notes) for one in (expected, first, second)] == [0, 1, 0]
    for found in (first, second):
        np.testing.assert_array_equal(found.maps, expected.maps)
        np.testing.assert_array_equal(found.features, expected.features)


def test_the_backends_are_named_with_their_versions() -> None:
    named = backends("cpu")
    assert named.startswith("torch 2") and named.endswith(" on cpu")
    assert ("openvino" in named) == is_there("openvino")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": "b"}', "\xff"])
def test_a_damaged_record_of_ratios_is_as_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "backends.json"
    path.write_text(text, encoding="latin-1")
    assert Measured(path).get("a") is None
    Measured(path).put("a", 0.7)
    assert Measured(path).get("a") == 0.7 and len(json.loads(path.read_text())) == 1


def test_ratios_that_cannot_be_kept_are_measured_again(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    measured = Measured(tmp_path / "file" / "backends.json")
    measured.put("a", 0.7)
    assert measured.get("a") is None
