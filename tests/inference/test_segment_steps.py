from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ct_phantom import chest_ct
from net_fakes import dark_is_lung, in_place_of, lung_prior, lungs, saved, xray

from napari_unet.core.errors import UserError
from napari_unet.core.events import Note, TileDone
from napari_unet.core.input_check import NotForModel
from napari_unet.core.input_rule import InputRule
from napari_unet.core.intensity import IntensityRule
from napari_unet.core.prediction import Prediction
from napari_unet.core.raster import Modality, Raster
from napari_unet.core.steps import run
from napari_unet.inference import segment
from napari_unet.inference.predictor import Predictor
from napari_unet.inference.segment import PredictorCache, segment_steps
from napari_unet.models.library import ModelLibrary


@pytest.fixture
def library(tmp_path: Path) -> ModelLibrary:
    """One model, `tiny`, for frontal X-rays, which knows what lungs look like."""
    fields = {"modalities": ("CR", "DX"), "views": ("PA",), "body_parts": ("CHEST",), "use": "chest X-rays"}
    saved(tmp_path / "tiny", input=InputRule(size=(64, 64)), likeness=lung_prior(), **fields)
    return ModelLibrary(tmp_path)


def _segment(library: ModelLibrary, raster: Raster, **options: Any) -> Prediction:
    return run(segment_steps(raster, model="tiny", library=library, cache=PredictorCache(), **options))


@pytest.fixture
def sees_dark(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model's network is exchanged for one that takes all that is dark for lung."""
    monkeypatch.setattr(segment, "load_model", lambda entry: in_place_of(entry, dark_is_lung()))


@pytest.mark.usefixtures("sees_dark")
def test_a_usual_image_gives_a_mask_and_no_notes(library: ModelLibrary) -> None:
    raster = Raster(xray(lungs()), spacing_mm=(1.0, 1.0), row_direction="R")
    steps = segment_steps(raster, model="tiny", library=library, cache=PredictorCache())
    assert next(steps) == TileDone(1, 1)
    found = run(steps)
    np.testing.assert_array_equal(found.mask(), lungs())
    assert (found.notes, found.image_checks) == ((), ())
    assert (found.spacing_mm, found.row_direction, found.threshold) == ((1.0, 1.0), "R", 0.5)


@pytest.mark.usefixtures("sees_dark")
def test_polarity_is_found_and_told(library: ModelLibrary) -> None:
    dark = 1 - xray(lungs())
    measured = _segment(library, Raster(dark))
    assert measured.inverted and "Bones look dark" in measured.notes[0]
    told = _segment(library, Raster(dark, inverted=True))
    assert told.inverted and "MONOCHROME1" in told.notes[0]
    for found in (measured, told):
        assert found.image_checks == ("inverted",)
        np.testing.assert_array_equal(found.mask(), lungs())


@pytest.mark.usefixtures("sees_dark")
def test_what_does_not_look_like_it_is_refused_or_flagged(library: ModelLibrary) -> None:
    halves = Raster(np.repeat(np.float32([0.2, 0.8]), 32)[:, None].repeat(64, axis=1))
    with pytest.raises(NotForModel, match="does not look like") as error:
        _segment(library, halves)
    assert "chest X-rays" in error.value.remedy
    assert _segment(library, halves, input_check=False).plausibility[0] < 0
    both = np.stack([xray(lungs()), halves.pixels])
    found = _segment(library, Raster(both))
    assert "Image 2 of the stack may not be" in found.notes[0]
    assert "unlike" in found.image_checks


@pytest.mark.usefixtures("sees_dark")
def test_what_the_reader_says_of_a_file_is_told(library: ModelLibrary) -> None:
    raster = Raster(xray(lungs()), inverted=False, notes=("Turned as its file asks.",))
    steps = segment_steps(raster, model="tiny", library=library, cache=PredictorCache())
    events: list[object] = []
    found = run(steps, events.append)
    assert Note("Turned as its file asks.") in events
    assert "Turned as its file asks." in found.notes
    assert "Turned as its file asks." in raster.header()["notes"]


def test_notes_are_events_and_stay_with_the_result(library: ModelLibrary) -> None:
    steps = segment_steps(
        Raster(xray(lungs()), inverted=True),
        model="tiny",
        library=library,
        cache=PredictorCache(),
        input_check=False,
    )
    events = []
    while True:
        try:
            events.append(next(steps))
        except StopIteration as end:
            found = end.value
            break
    assert [event.text for event in events if isinstance(event, Note)] == list(found.notes)
    assert found.notes


@pytest.mark.parametrize(
    ("pixels", "header"),
    [
        (np.zeros((64, 64)), {}),
        (np.full((64, 64), np.nan), {}),
        (np.ones((31, 64)) * np.arange(64), {}),
        (xray(lungs()), {"modality": Modality.CT}),
        (xray(lungs()), {"view": "LL"}),
        (xray(lungs()), {"body_part": "HAND"}),
        (xray(lungs()) * 2000 - 1000, {}),
    ],
)
def test_unusable_images_are_refused_before_anything_runs(
    library: ModelLibrary, pixels: np.ndarray, header: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segment, "load_model", lambda entry: pytest.fail("the model was loaded"))
    with pytest.raises(NotForModel) as error:
        _segment(library, Raster(pixels, **header))
    assert error.value.remedy


def test_the_threshold_is_the_card_s_or_one_s_own(library: ModelLibrary) -> None:
    raster = Raster(xray(lungs()))
    assert _segment(library, raster, input_check=False).threshold == 0.5
    assert _segment(library, raster, input_check=False, threshold=0.2).threshold == 0.2
    for wrong in (-0.1, 1.5, float("nan")):
        with pytest.raises(UserError, match="not a probability"):
            _segment(library, raster, threshold=wrong)


def test_a_model_that_is_not_there(library: ModelLibrary) -> None:
    with pytest.raises(UserError, match="no model named none") as error:
        run(segment_steps(Raster(xray(lungs())), model="none", library=library))
    assert "tiny" in error.value.remedy


def test_assumed_polarity_is_said(tmp_path: Path) -> None:
    saved(tmp_path / "tiny")
    assert _segment(ModelLibrary(tmp_path), Raster(xray(lungs()))).notes == ("Bright bones are assumed.",)


def test_a_model_is_loaded_once_and_again_when_it_changes(tmp_path: Path) -> None:
    cache = PredictorCache(size=1)
    first = saved(tmp_path / "a", seed=1)
    one = cache.get(first, "cpu")
    assert isinstance(one, Predictor)
    assert cache.get(first, "cpu") is one
    other = cache.get(saved(tmp_path / "b", seed=2), "cpu")
    assert other is not one
    assert cache.get(first, "cpu") is not one  # only one is kept


def test_segment_without_events(tmp_path: Path) -> None:
    saved(tmp_path / "tiny")
    found = segment.segment(Raster(xray(lungs())), model=str(tmp_path / "tiny"), device="cpu", threshold=0.1)
    assert found.probability.shape == (1, 64, 64)
    assert found.threshold == 0.1


def test_a_model_for_ct_refuses_one_that_shows_no_lung_and_flags_one_that_shows_little(
    tmp_path: Path,
) -> None:
    window = IntensityRule("window", -1000, 400)
    saved(tmp_path / "tiny", input=InputRule(size=(64, 64)), intensity=window, modalities=("CT",))
    library = ModelLibrary(tmp_path)
    pixels, labels = chest_ct((24, 64, 64))
    spacing = (8.0, 4.5, 4.5)

    def found(pixels: np.ndarray, **options: Any) -> Prediction:
        return _segment(library, Raster(pixels, spacing, modality=Modality.CT), **options)

    assert found(pixels).image_checks == ()
    without = np.where(labels > 0, np.int16(40), pixels)
    with pytest.raises(NotForModel, match="no aerated lung"):
        found(without)
    assert found(without, input_check=False).planes == 24
    little = without.copy()
    little[10:14, 28:36, 40:48] = -800  # 13 cm²
    little[12, 26:38, 38:50] = -800  # 29 cm²
    flagged = found(little)
    assert "unlike" in flagged.image_checks
    assert flagged.notes[0].startswith("Hardly any aerated lung")


def test_a_ct_under_the_name_of_another_part_is_taken_for_what_it_shows(tmp_path: Path) -> None:
    window = IntensityRule("window", -1000, 400)
    fields = {"modalities": ("CT",), "body_parts": ("CHEST",), "use": "chest CT"}
    saved(tmp_path / "tiny", input=InputRule(size=(64, 64)), intensity=window, **fields)
    library = ModelLibrary(tmp_path)
    pixels, labels = chest_ct((24, 64, 64))

    def found(pixels: np.ndarray, body_part: str, **options: Any) -> Prediction:
        raster = Raster(pixels, (8.0, 4.5, 4.5), modality=Modality.CT, body_part=body_part)
        return _segment(library, raster, **options)

    assert found(pixels, "CHEST").notes == ()
    taken = found(pixels, "ABDOMEN")
    assert taken.notes[0].startswith("The header says ABDOMEN, but the image shows lung")
    assert taken.image_checks == ()
    abdomen = np.where(labels > 0, np.int16(40), pixels)
    with pytest.raises(NotForModel, match="no aerated lung"):
        found(abdomen, "ABDOMEN")
    assert found(abdomen, "ABDOMEN", input_check=False).planes == 24
    for options in ({}, {"input_check": False}):
        with pytest.raises(NotForModel, match="The header says HEAD"):
            found(pixels, "HEAD", **options)
