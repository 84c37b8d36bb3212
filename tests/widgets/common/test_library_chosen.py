"""A model folder set in napari's preferences is the library everywhere: in every dock and in the engine."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import yaml
from casework_fakes import Review, asked, first_mask, write_images

from napari_unet.core.input_rule import InputRule
from napari_unet.models.card import ModelCard
from napari_unet.models.checkpoint import build_net, save_model
from napari_unet.models.library import ModelLibrary
from napari_unet.review.types import Author, AuthorKind
from napari_unet.widgets.common.preferences import PLUGIN, chosen_library
from napari_unet.widgets.segment import SegmentWidget


def choose(folder: Path | str) -> None:
    """As the settings page does."""
    from napari.settings import get_plugin_settings

    get_plugin_settings(PLUGIN).segmentation.library_folder = str(folder)


def add_net(folder: Path, name: str, seed: int = 0, version: str = "1") -> None:
    """A small network with weights of its own."""
    card = ModelCard(
        name=name,
        version=version,
        net={"kind": "unet", "arguments": {"base": 4, "depth": 2}},
        input=InputRule(size=(32, 32)),
    )
    torch.manual_seed(seed)
    save_model(build_net(card.net).state_dict(), card, folder / name)


@pytest.fixture
def mine(tmp_path):
    """A folder of models that no environment variable names."""
    folder = tmp_path / "hospital models"
    add_net(folder, "ours")
    return folder


def test_the_setting_is_kept_in_napari_s_own_file_and_read_from_it(mine, tmp_path):
    choose(mine)
    kept = tmp_path / "napari" / f"{PLUGIN}.yaml"
    assert yaml.safe_load(kept.read_text()) == {"segmentation": {"library_folder": str(mine)}}
    assert chosen_library().own == mine and chosen_library().find("ours").folder == mine / "ours"
    choose("~nobody-known-here/models")
    assert chosen_library().current() is None  # and nothing raises


def test_first_masks_and_new_masks_are_asked_of_the_chosen_library(review, engine, models, mine, tmp_path):
    choose(mine)
    review.start(write_images(tmp_path / "images", 1), masks=False)
    review.work.masks.make_first_masks("ours")
    job = asked(review, engine, 1)
    assert job.arguments["library"].own == mine
    job.end(first_mask())
    review.qtbot.waitUntil(lambda: all(case.revision for case in review.work.cases.values()))
    review.work.masks.predict_again("ours")
    assert asked(review, engine, 2).arguments["library"].own == mine


def test_a_real_engine_draws_first_masks_with_a_model_of_the_chosen_folder(
    make_napari_viewer, models, mine, qtbot, tmp_path, monkeypatch
):
    """Two models of one name: the one that draws is the one in the chosen folder."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    add_net(models, "twin", seed=1, version="7")
    add_net(mine, "twin", seed=2, version="3")
    choose(mine)
    review = Review(make_napari_viewer(show=True), qtbot, tmp_path / "project")
    try:
        (id,) = review.start(write_images(tmp_path / "images", 1), masks=False)
        masks = review.work.masks
        for ask, name, version in (
            (masks.make_first_masks, "twin", "3"),
            (masks.predict_again, "ours", "1"),
        ):
            with qtbot.waitSignal(masks.first_masks.ended, timeout=60_000):
                ask(name)
            review.settle()
            assert not review.failures, [str(error) for error in review.failures]
            made = review.work.project.revisions(id)[-1]
            assert made.author == Author(AuthorKind.MODEL, name, version)
    finally:
        review.close()


def test_docks_that_are_open_follow_the_preference(viewer, engine, models, mine, qtbot):
    dock = SegmentWidget(viewer)
    viewer.window.add_dock_widget(dock, name="Segment")
    assert dock.model.findText("test-lung") >= 0 and dock.model.findText("ours") < 0
    ModelLibrary(mine).use("ours")
    choose(mine)
    qtbot.waitUntil(lambda: dock.model.currentText() == "ours")
    assert dock.model.findText("test-lung") < 0 and dock._session.model == "ours"
    choose("")
    qtbot.waitUntil(lambda: dock.model.findText("test-lung") >= 0)
    assert dock._session.model == dock.model.entry().card.name != "ours"


def test_of_two_models_of_one_name_the_user_s_own_is_offered_first(viewer, engine, models, qtbot):
    add_net(models, "cxr-lung", version="1")
    dock = SegmentWidget(viewer)
    viewer.window.add_dock_widget(dock, name="Segment")
    dock._session.use_model("test-lung")
    dock._session.use_model("cxr-lung")
    assert dock.model.entry() == chosen_library().find("cxr-lung")
    assert dock.model.entry().folder == models / "cxr-lung"
