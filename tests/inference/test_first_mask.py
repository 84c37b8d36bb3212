"""First masks from the path of a file: what is kept of a prediction, and images that a model is not for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from net_fakes import dark_is_lung, in_place_of, lung_prior, lungs, saved, xray
from PIL import Image

from napari_unet.core.errors import UserError
from napari_unet.core.events import TileDone
from napari_unet.core.input_rule import InputRule
from napari_unet.core.prediction import Prediction
from napari_unet.core.steps import run
from napari_unet.engine.handlers import HANDLERS
from napari_unet.inference import segment
from napari_unet.inference.first_mask import first_mask_steps


@pytest.fixture(autouse=True)
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library with one model, `tiny`, which sees 64 × 64 pixels and takes all that is dark for lung."""
    fields = {"modalities": ("CR", "DX"), "views": ("PA",), "use": "chest X-rays"}
    card = {"input": InputRule(size=(64, 64)), "likeness": lung_prior(), "version": "3", **fields}
    saved(tmp_path / "models" / "tiny", **card)
    monkeypatch.setenv("NAPARI_UNET_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(segment, "load_model", lambda entry: in_place_of(entry, dark_is_lung()))
    monkeypatch.setattr(segment, "shared_cache", segment.PredictorCache())


def picture(path: Path, values: np.ndarray) -> Path:
    Image.fromarray(np.rint(values * 255).astype(np.uint8)).save(path)
    return path


def first(path: Path) -> Prediction:
    return run(first_mask_steps(str(path), "tiny", "cpu"))


def as_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' card takes 0..1; files hold 0..255."""
    from napari_unet.core.intensity import IntensityRule

    apply = IntensityRule.apply
    monkeypatch.setattr(
        IntensityRule, "apply", lambda self, p, inverted=False: apply(self, p / np.float32(255), inverted)
    )


def test_labels_at_the_image_s_size_maps_at_the_model_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_unit(monkeypatch)
    large = lungs(256, 192)
    found = first(picture(tmp_path / "a.png", xray(large)))
    assert (found.model, found.version, found.refused) == ("tiny", "3", "")
    assert (found.image_checks, found.checks) == ((), ())
    assert found.drawn is not None and found.entropy is not None
    assert found.drawn.dtype == np.uint8 and found.drawn.shape == found.shape == large.shape
    assert np.mean(found.drawn.astype(bool) == large) > 0.97
    assert found.maps.shape == (1, 64, 64) and found.entropy.shape == (64, 64)
    assert found.maps.dtype == found.entropy.dtype == np.uint8
    assert found.maps.max() > 250 and found.maps.min() < 5
    assert found.boundary_uncertainty is not None and 0 <= found.boundary_uncertainty < 0.2


def test_maps_are_never_larger_than_the_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_unit(monkeypatch)
    found = first(picture(tmp_path / "a.png", xray(lungs(48, 80))))
    assert found.maps.shape == (1, 48, 64)


def test_stacks_keep_their_slices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_unit(monkeypatch)
    values = np.stack([xray(lungs(128, 128), seed) for seed in range(3)])
    tifffile.imwrite(tmp_path / "a.tif", np.rint(values * 255).astype(np.uint8), photometric="minisblack")
    steps = first_mask_steps(str(tmp_path / "a.tif"), "tiny", "cpu")
    assert next(steps) == TileDone(1, 3)
    found = run(steps)
    assert found.drawn is not None and found.drawn.shape == (3, 128, 128)
    assert found.maps.shape == (1, 3, 64, 64)


def test_images_that_the_model_is_not_for_are_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_unit(monkeypatch)
    halves = np.repeat(np.float32([0.2, 0.8]), 32)[:, None].repeat(64, axis=1)
    for path in (picture(tmp_path / "a.png", halves), picture(tmp_path / "b.png", np.zeros((64, 64)))):
        found = first(path)
        assert found.refused and found.drawn is None and found.image_checks == ("unlike",)


def test_what_is_missing_or_unreadable_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG")
    with pytest.raises(UserError, match="damaged"):
        first(tmp_path / "a.png")
    path = picture(tmp_path / "b.png", xray(lungs()))
    with pytest.raises(UserError, match="no model named none"):
        run(first_mask_steps(str(path), "none", "cpu"))


def test_the_engine_knows_it() -> None:
    assert HANDLERS["first_mask"] == "napari_unet.inference.first_mask:first_mask_steps"
