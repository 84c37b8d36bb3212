"""Slices of CT are looked at as the network sees them, and shown as they lie in the image."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from net_fakes import saved

from napari_unet.core.input_rule import InputRule
from napari_unet.core.inside import Alteration, AskField, AskMaps, AskMask, slab
from napari_unet.core.intensity import IntensityRule
from napari_unet.core.label_set import named_set
from napari_unet.core.raster import Modality, Raster
from napari_unet.core.steps import run
from napari_unet.inference.inside.steps import inside_steps
from napari_unet.models.card import NetSpec
from napari_unet.models.output import Output


def volume(flipped: bool) -> Raster:
    """Noise that looks like a CT; flipped : its rows begin on the patient's left."""
    pixels = np.random.default_rng(1).integers(-1000, 300, (5, 64, 64)).astype(np.int16)
    affine = np.diag([4.0, 1.0, -1.0 if flipped else 1.0, 1.0])
    return Raster(
        pixels[..., ::-1] if flipped else pixels,
        spacing_mm=(4.0, 1.0, 1.0),
        affine=affine,
        modality=Modality.CT,
    )


@pytest.fixture
def model(tmp_path: Path) -> str:
    output = Output(labels=named_set(("right lung", "left lung")), swaps=((0, 1),))
    entry = saved(
        tmp_path / "ct",
        name="ct",
        net=NetSpec(arguments={"base": 4, "depth": 2, "channels": 3, "classes": 2}),
        input=InputRule(size=(64, 64), neighbours=1),
        intensity=IntensityRule("window", -1000.0, 300.0),
        modalities=("CT",),
        outputs=(output,),
    )
    return str(entry.folder)


def answer(model: str, raster: Raster, question: Any, index: int = 2) -> Any:
    part, at = slab(raster, index, 1)
    return run(inside_steps(part, question, model=model, index=at, device="cpu"))


@pytest.mark.parametrize("index", [0, 2, 4])
def test_a_slab_says_what_the_whole_volume_says(model: str, index: int) -> None:
    whole = volume(flipped=False)
    question = AskMask(Alteration(cut=frozenset({1})))
    alone = answer(model, whole, question, index)
    beside = run(inside_steps(whole, question, model=model, index=index, device="cpu"))
    np.testing.assert_array_equal(alone.labels, beside.labels)
    assert alone.unit == "mm" and alone.labels.any()


def test_a_slice_that_is_stored_the_other_way_round_gets_its_answer_that_way(model: str) -> None:
    plain, other = (answer(model, volume(flipped), AskMask()) for flipped in (False, True))
    np.testing.assert_array_equal(plain.labels, other.labels[:, ::-1])
    maps, mirrored = (answer(model, volume(flipped), AskMaps("encoder.1")) for flipped in (False, True))
    np.testing.assert_array_equal(maps.maps, mirrored.maps[..., ::-1])
    assert maps.place == mirrored.place
    field = answer(model, volume(False), AskField((20, 10)))
    turned = answer(model, volume(True), AskField((20, 53)))
    assert turned.pixel == (20, 53)
    np.testing.assert_array_equal(field.measured, turned.measured[:, ::-1])
    top, bottom, left, right = field.box
    assert turned.box == (top, bottom, 64 - right, 64 - left)


def test_a_slab_keeps_what_is_known_of_the_image() -> None:
    part, at = slab(volume(False), 4, 1)
    assert part.pixels.shape == (2, 64, 64) and at == 1
    assert replace(part, pixels=volume(False).pixels).modality is Modality.CT
