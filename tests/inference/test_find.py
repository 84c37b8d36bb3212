"""From a chest X-ray to scores, zones and ranks; and every reason for which there is no score."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from finding_fakes import FINDINGS, library_with, no_chest, sample
from PIL import Image

import napari_unet
from napari_unet.core.errors import UserError
from napari_unet.core.events import TileDone
from napari_unet.core.heat import heat
from napari_unet.core.lung_thirds import OUTSIDE, ZONES
from napari_unet.core.raster import Modality, Raster
from napari_unet.core.steps import run
from napari_unet.inference.find import NoScore, find_steps
from napari_unet.inference.first_mask import first_mask_steps
from napari_unet.inference.segment import segment_steps
from napari_unet.io.formats import read_raster
from napari_unet.models.library import ModelLibrary
from napari_unet.resources_path import resource


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ModelLibrary:
    return library_with(tmp_path_factory.mktemp("models"))


def test_scores_maps_zones_and_ranks(library: ModelLibrary) -> None:
    raster, events = sample(), []
    found = run(find_steps(raster, model="toy-finding", device="cpu", library=library), events.append)
    assert tuple(found.scores) == FINDINGS and found.task == "classification"
    assert all(0 <= score <= 1 for score in found.scores.values())
    assert [type(event) for event in events].count(TileDone) == 2  # the lungs, then the findings
    assert (found.model, found.shape, found.maps.shape) == ("toy-finding", raster.shape, (3, 64, 64))
    lungs = run(segment_steps(raster, model="cxr-lung-whole", device="cpu", library=library)).mask()
    rows, columns = found.boxes[0]
    inside = np.zeros_like(lungs)
    inside[rows, columns] = True
    assert (lungs <= inside).all() and not inside.all()
    reading = found.reading
    assert reading is not None and np.array_equal(reading.thirds.labels > 0, lungs)
    assert set(reading.zones.values()) <= {*ZONES, OUTSIDE}
    assert reading.thresholds == {"abnormal": 0.5} and reading.higher_than == {"abnormal": 75}
    assert any("higher than 75 of 100 normal images" in note for note in found.notes)
    cells = (rows.stop - rows.start) / 16, (columns.stop - columns.start) / 16  # 64 pixels, cells of 4
    assert reading.cell_px == pytest.approx(cells)
    full = heat(found, "abnormal")
    assert full.max() == pytest.approx(found.scores["abnormal"], rel=1e-5) and not full[~inside].any()


def test_the_size_of_the_file_does_not_matter_to_the_scores(library: ModelLibrary) -> None:
    raster = sample()
    doubled = Raster(raster.pixels.repeat(2, axis=0).repeat(2, axis=1))
    once, twice = (
        run(find_steps(one, model="toy-finding", device="cpu", library=library)) for one in (raster, doubled)
    )
    assert once.scores == pytest.approx(dict(twice.scores), abs=0.02)


def test_bones_that_are_dark_change_nothing(library: ModelLibrary) -> None:
    raster = sample()
    negative = replace(raster, pixels=raster.pixels.max() - raster.pixels, inverted=True)
    once, other = (
        run(find_steps(one, model="toy-finding", device="cpu", library=library)) for one in (raster, negative)
    )
    assert once.scores == pytest.approx(dict(other.scores), abs=0.02) and other.inverted


def test_a_model_that_looks_at_the_whole_image_still_gets_zones(tmp_path: Path) -> None:
    library = library_with(tmp_path, name="whole", frame=None)
    found = run(find_steps(sample(), model="whole", device="cpu", library=library))
    assert found.boxes == ((slice(0, 512), slice(0, 512)),)
    assert found.reading is not None and found.reading.cell_px == (32, 32)


@pytest.mark.parametrize(
    ("raster", "words"),
    [
        (Raster(np.full((64, 64), -1000.0) + np.eye(64)), "No score, because the image is a CT"),
        (Raster(np.eye(64), modality=Modality.CT), "because the image is a CT"),
        (Raster(np.random.default_rng(0).random((5, 64, 64))), "because this is a stack of 5 images"),
        (Raster(no_chest()), "because the lungs were not found"),
        (Raster(np.ones((64, 64))), "No score: The image is empty"),
        (Raster(no_chest(), modality=Modality.DX, view="LL"), "No score: "),
    ],
)
def test_what_gets_no_score(library: ModelLibrary, raster: Raster, words: str) -> None:
    with pytest.raises(NoScore, match=words):
        run(find_steps(raster, model="toy-finding", device="cpu", library=library))


def test_a_model_for_masks_is_refused(library: ModelLibrary) -> None:
    with pytest.raises(UserError, match="cxr-lung draws masks and gives no scores"):
        run(find_steps(sample(), model="cxr-lung", device="cpu", library=library))


def test_it_can_be_closed_half_way_and_asked_again(library: ModelLibrary) -> None:
    steps = find_steps(sample(), model="toy-finding", device="cpu", library=library)
    next(steps)
    steps.close()
    assert run(find_steps(sample(), model="toy-finding", device="cpu", library=library)).scores


def test_the_function_for_scripts(library: ModelLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAPARI_UNET_MODELS", str(library.own))
    found = napari_unet.find(sample().pixels, model="toy-finding", device="cpu", row_direction="L")
    assert tuple(found.scores) == FINDINGS
    assert found.reading is not None and not found.reading.thirds.assumed


def test_random_weights_give_another_map(tmp_path: Path) -> None:
    """Adebayo 2018: a map that does not change with the weights shows the image and not the network."""
    library = library_with(tmp_path)
    raster = sample()
    first = run(find_steps(raster, model="toy-finding", device="cpu", library=library))
    from napari_unet.models.checkpoint import build_net, save_model

    entry = library.find("toy-finding")
    torch.manual_seed(1)
    net = build_net(entry.card.net)
    torch.nn.init.normal_(net.head.weight, std=0.5)
    save_model(net.state_dict(), entry.card.model_copy(update={"name": "other"}), tmp_path / "other")
    second = run(find_steps(raster, model="other", device="cpu", library=library))
    alike = np.corrcoef(heat(first, "abnormal").ravel(), heat(second, "abnormal").ravel())[0, 1]
    inside = first.boxes[0]
    inside_alike = np.corrcoef(
        heat(first, "abnormal")[inside].ravel(), heat(second, "abnormal")[inside].ravel()
    )[0, 1]
    assert inside_alike < 0.7 and alike < 1


def test_occlusion_finds_the_patch_that_alone_raises_the_score(tmp_path: Path) -> None:
    """A network whose score is the brightness of one cell: hiding any other patch changes nothing."""
    from napari_unet.inference.occlusion import occlusion_steps
    from napari_unet.inference.predictor import Predictor
    from napari_unet.models.checkpoint import load_model

    entry = library_with(tmp_path).find("toy-finding")

    class OneCell(torch.nn.Module):
        axes, channels, classes, stride, cell = 2, 1, len(FINDINGS), 8, 4
        receptive_radius, output_margin = None, 0

        def __init__(self) -> None:
            super().__init__()
            self.encoder = torch.nn.ModuleList()
            self.bottleneck = torch.nn.Identity()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return 4 * self.bottleneck(x).expand(-1, len(FINDINGS), -1, -1)

        def pool(self, logits: torch.Tensor) -> torch.Tensor:
            return logits[..., 20:24, 40:44].mean(dim=(2, 3))

    check_facts = load_model(entry)  # the card's own network, whose facts the other shares
    assert check_facts.cell == 4
    predictor = Predictor(OneCell(), entry.card, torch.device("cpu"))
    pixels = np.random.default_rng(0).integers(0, 100, (64, 64)).astype(np.float32)
    pixels[20:24, 40:44] = 255
    steps = occlusion_steps(predictor, Raster(pixels, inverted=False), 4)
    events: list[object] = []
    maps = run(steps, events.append)
    cells = maps[0, ::4, ::4]
    assert maps.shape == (3, 64, 64) and np.unravel_index(cells.argmax(), cells.shape) == (5, 10)
    far = cells.copy()
    far[3:8, 8:13] = 0
    assert not far.any() and isinstance(events[-1], TileDone) and events[-1].done == events[-1].total


def test_maps_by_occlusion_have_the_same_scores_and_another_map(library: ModelLibrary) -> None:
    steps = (
        find_steps(sample(), model="toy-finding", device="cpu", library=library, method=method)
        for method in ("activation", "occlusion")
    )
    one, other = (run(each) for each in steps)
    assert one.scores == other.scores and one.maps.shape == other.maps.shape
    assert not np.allclose(one.maps, other.maps) and other.reading is not None


def test_a_review_gets_the_same_scores(library: ModelLibrary, tmp_path: Path) -> None:
    """The first mask of a case goes the same way: lungs, frame, scores."""
    image = next(iter(sorted(resource("samples").glob("*[0-9a-f].png"))))
    asked = {"model": "toy-finding", "device": "cpu", "library": library}
    expected = run(find_steps(read_raster(image), **asked))
    found = run(first_mask_steps(image, **asked))
    assert found.scores == expected.scores and found.drawn is None and found.maps.dtype == np.uint8
    Image.fromarray(no_chest()).save(tmp_path / "none.png")
    refused = run(first_mask_steps(tmp_path / "none.png", **asked))
    assert refused.refused.startswith("No score") and not refused.scores
