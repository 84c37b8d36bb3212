"""Each stop of the tour with small models: its panels have captions, and missing models are named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from inside_models import SIDE, chest, lineage, teaching_model

from napari_unet.core.errors import UserError
from napari_unet.core.inside import Look, NetworkDone, WindowsDone
from napari_unet.core.lineage import LINEAGE, STOPS
from napari_unet.core.raster import Raster
from napari_unet.core.steps import run
from napari_unet.inference.inside import tour
from napari_unet.inference.inside.lineage import lineage_steps
from napari_unet.inference.inside.tour import tour_stop_steps
from napari_unet.inference.segment import PredictorCache
from napari_unet.io.formats import read_raster
from napari_unet.models.library import ModelLibrary, default_library
from napari_unet.samples import CT
from napari_unet.tour.captions import CAPTIONS
from napari_unet.tour.stops import TOUR
from napari_unet.tour.words import Language


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ModelLibrary:
    return lineage(tmp_path_factory.mktemp("lineage"))


def visit(library: ModelLibrary, stop: str) -> tuple[Look, list[object]]:
    events: list[object] = []
    steps = tour_stop_steps(chest(), stop, seconds=0.3, device="cpu", library=library, cache=PredictorCache())
    return run(steps, events.append), events


@pytest.mark.parametrize("stop", TOUR, ids=lambda stop: stop.name)
def test_every_figure_of_a_sentence_is_known(library: ModelLibrary, stop: object) -> None:
    look, _ = visit(library, stop.name)  # type: ignore[attr-defined]
    assert look.name == stop.name and not look.missing  # type: ignore[attr-defined]
    assert look.panels
    for language in Language:
        for panel in look.panels:
            assert "–" not in CAPTIONS[panel.name].say(language, panel.facts).replace(
                "boundary –", ""
            ).replace("경계 –", "")
            assert panel.pixels is not None or panel.numbers is not None
        said = stop.sentence.say(language, look.facts)  # type: ignore[attr-defined]
        assert "{" not in said


@pytest.mark.parametrize("stop", STOPS)
def test_with_an_empty_library_each_stop_says_what_it_needs(tmp_path: Path, stop: str) -> None:
    look, _ = visit(ModelLibrary(tmp_path / "nothing"), stop)
    assert look.missing and not look.panels


def test_the_nearest_model_stands_in(tmp_path: Path) -> None:
    look, _ = visit(lineage(tmp_path, "cxr-lung"), "skip")
    assert look.missing == ("lineage-encoder-decoder",)
    assert [panel.name for panel in look.panels][-1] == "without_skips"


@pytest.mark.parametrize("stop", [stop for stop in STOPS if stop != "window"])
def test_a_cancel_is_heard_between_the_parts_of_a_stop(library: ModelLibrary, stop: str) -> None:
    _, events = visit(library, stop)
    assert len(events) >= 3  # begun, between, done: the engine looks for a cancel at each


def test_the_window_counts(library: ModelLibrary) -> None:
    look, events = visit(library, "window")
    counts = [event.done for event in events if isinstance(event, WindowsDone)]
    assert counts == sorted(counts) and 0 < look.facts["done"] < look.facts["total"] == SIDE * SIDE


def test_the_last_stop_reads_a_ct_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []

    def reading(path: Path) -> Raster:
        read.append(path)
        return read_raster(path)

    monkeypatch.setattr(tour, "read_raster", reading)
    tour._middle.cache_clear()
    for _ in range(2):
        look = run(tour_stop_steps(chest(), "use", ct=CT.image, device="cpu", library=default_library()))
        assert any(panel.name.startswith("ct_mask") for panel in look.panels)
    assert read == [CT.image]


def test_there_is_no_such_stop(library: ModelLibrary) -> None:
    with pytest.raises(UserError, match="no stop nowhere"):
        visit(library, "nowhere")


def test_the_whole_lineage_on_one_image(library: ModelLibrary) -> None:
    events: list[NetworkDone] = []
    found = run(lineage_steps(chest(), device="cpu", library=library, cache=PredictorCache()), events.append)
    assert list(found) == events and tuple(one.name for one in found) == LINEAGE
    assert all(one.seconds > 0 and one.parameters > 0 and not one.missing for one in found)
    assert found[0].labels is None and set(found[0].scores) == {"pneumonia"}
    assert all(one.labels is not None and one.labels.shape == (SIDE, SIDE) for one in found[1:])
    assert np.isfinite([one.seconds for one in found]).all()


def test_networks_that_are_not_there_are_missing(tmp_path: Path) -> None:
    teaching_model(tmp_path, "lineage-residual")
    found = run(lineage_steps(chest(), device="cpu", library=ModelLibrary(tmp_path)))
    assert [one.name for one in found if not one.missing] == ["lineage-residual"]
