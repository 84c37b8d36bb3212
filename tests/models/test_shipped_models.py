"""The models that come with the package."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

from napari_unet.core.auto import FINDING_MODEL
from napari_unet.core.files import checksum
from napari_unet.core.image_kind import CT, XRAY
from napari_unet.core.input_rule import InputRule
from napari_unet.core.label_set import RIGHT_AND_LEFT
from napari_unet.core.protocol import protocols_differ
from napari_unet.models.library import SHIPPED, ModelEntry, default_library
from napari_unet.models.replay_set import read_replay_set
from napari_unet.training.choose_replay import recipe_replay_set
from napari_unet.training.recipe import read_recipe

RECIPES = Path(__file__).parents[2] / "resources" / "recipes"
ENTRIES = {entry.card.name: entry for entry in default_library().list() if entry.shipped}


@pytest.fixture
def whole() -> ModelEntry:
    return ENTRIES["cxr-lung-whole"]


TEACHING = sorted(name for name, entry in ENTRIES.items() if entry.card.for_teaching)


def test_four_are_for_work_and_that_for_x_rays_is_used_where_nobody_has_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAPARI_UNET_MODELS", str(tmp_path))
    library = default_library()
    assert [entry.card.name for entry in library.offered()[0]] == [
        "ct-lung",
        "cxr-finding",
        "cxr-lung",
        "cxr-lung-whole",
    ]
    drawing = [entry.card.name for entry in library.offered(drawing=True)[0]]
    assert drawing == ["ct-lung", "cxr-lung", "cxr-lung-whole"]
    assert library.current() is None and SHIPPED == {XRAY: "cxr-lung", CT: "ct-lung"}
    assert [library.for_kind(kind).card.name for kind in (XRAY, CT)] == ["cxr-lung", "ct-lung"]


@pytest.mark.parametrize("name", sorted(ENTRIES.keys() - {FINDING_MODEL}))
def test_each_is_whole_small_and_says_what_its_recipe_says(name: str) -> None:
    entry = ENTRIES[name]
    entry.verify()
    if name in TEACHING:
        assert entry.weights.stat().st_size <= 1_000_000 and entry.card.memory is None
    else:
        assert entry.weights.stat().st_size <= 4_000_000 and entry.replay_file.stat().st_size < 3_000_000
    recipe, card = read_recipe(RECIPES / f"{name}.yaml"), entry.card
    written = {**recipe.card}
    said = {"protocol": card.output.protocol, "threshold": card.output.threshold, **card.model_dump()}
    for field, text in written.items():
        assert said[field] == (tuple(text) if isinstance(text, list) else text), field
    assert card.net == recipe.net and card.input.size == recipe.input.size
    assert [(one.name, one.split, one.licence, one.attribution) for one in card.data] == [
        (one.name, one.train, one.licence, one.attribution) for one in recipe.data
    ]
    assert len(card.scores) + len(card.finding_scores) == len(recipe.scores)


def test_that_for_findings_is_small_and_has_nothing_of_montgomery() -> None:
    entry = ENTRIES[FINDING_MODEL]
    entry.verify()
    recipe, card = read_recipe(RECIPES / f"{FINDING_MODEL}.yaml"), entry.card
    assert sum(list_parameters(entry)) <= 4_000_000 and entry.weights.stat().st_size <= 8_000_000
    assert card.memory is None and card.for_teaching is False
    for field in ("title", "use", "views", "chosen_by"):
        said = getattr(card, field)
        assert said == (tuple(recipe.card[field]) if isinstance(said, tuple) else recipe.card[field])
    assert card.limits[-len(recipe.card["limits"]) :] == tuple(recipe.card["limits"])
    given = [finding.name for finding in recipe.findings if finding.name not in recipe.withheld]
    assert card.output.findings == tuple(given) and set(recipe.withheld.values()) <= set(card.limits)
    arguments = recipe.net.arguments | {"classes": len(given)}
    assert (card.net.kind, card.net.arguments) == (recipe.net.kind, arguments)
    assert (card.input, card.frame) == (recipe.input, recipe.frame)
    used = {card.frame.model} | ({recipe.encoder} if recipe.encoder else set()) if card.frame else set()
    sources = [*card.data, *(source for name in used for source in ENTRIES[name].card.data)]
    assert sources and all("montgomery" not in source.name.casefold() for source in sources)
    assert used <= {"cxr-lung-whole"}


def test_each_finding_has_its_counts_its_threshold_and_its_figures() -> None:
    card = ENTRIES[FINDING_MODEL].card
    counts = card.training["training_pictures"]
    for finding in card.output.findings:
        reference = card.output.reference(finding)
        assert reference is not None and counts[finding]["with"] >= 50
        assert list(reference.normal) == sorted(reference.normal) and len(reference.normal) >= 50
        assert any(row.finding == finding and row.positives >= 20 for row in card.finding_scores)
    assert {row.n for row in card.finding_scores if row.set == "Montgomery"} <= set(range(130, 139))


def test_their_protocols_differ_in_words(whole: ModelEntry) -> None:
    assert protocols_differ(whole.card.output.protocol, ENTRIES["cxr-lung"].card.output.protocol)
    for words in ("behind the heart", "dome of the diaphragm", "inside the ribs"):
        assert words in whole.card.output.protocol
    child = whole.card.facts_against({"age_years": 4, "view": "AP", "modality": "CR"})
    assert not child and ENTRIES["cxr-lung"].card.facts_against({"age_years": 4, "modality": "CR"})


def test_that_for_ct_tells_the_lungs_apart_and_keeps_slices_of_the_training_volumes() -> None:
    entry = ENTRIES["ct-lung"]
    card = entry.card
    assert card.in_hounsfield and card.output.labels == RIGHT_AND_LEFT and card.output.swaps == ((0, 1),)
    assert card.output.mask_rule.both_lungs and not card.output.mask_rule.per_slice
    assert card.output.likeness is None  # slices of a volume do not look alike
    assert card.input == InputRule(size=(256, 256), neighbours=1)
    for words in ("consolidated", "tumour", "pleural fluid", "pneumothorax", "main bronchi", "bowel"):
        assert words in card.output.protocol
    assert all("CC BY 3.0" in source.licence and "10.7937" in source.attribution for source in card.data)
    kept = read_replay_set(entry)
    assert kept is not None and kept.images.shape[1:] == (3, 256, 256)
    assert Counter(item.role for item in kept.items) == {"replay": 7, "gate": 4}
    assert len(list_parameters(entry)) and sum(list_parameters(entry)) <= 2_000_000


def list_parameters(entry: ModelEntry) -> list[int]:
    """How many numbers each tensor of the weights file has."""
    with safe_open(entry.weights, framework="np") as file:
        return [int(np.prod(file.get_slice(name).get_shape())) for name in file.keys()]  # noqa: SIM118


def test_the_whole_lung_s_model_learned_from_free_images_and_keeps_some(whole: ModelEntry) -> None:
    assert all("CC BY" in source.licence and source.attribution for source in whole.card.data)
    words = " ".join(source.name + source.attribution for source in whole.card.data)
    assert "Montgomery" not in words and "Shenzhen" not in words
    kept = read_replay_set(whole)
    assert kept is not None
    count = Counter((item.role, item.source) for item in kept.items)
    assert sorted(count.values()) == [4, 4, 8, 8]
    assert all("CC BY" in source.licence and source.attribution for source in kept.sources)
    patients = [{item.patient for item in kept.part(role).items} for role in ("replay", "gate")]
    assert not patients[0] & patients[1]


@pytest.mark.data
def test_its_replay_set_is_what_the_recipe_chooses_and_no_test_image(data: Path, whole: ModelEntry) -> None:
    kept = read_replay_set(whole)
    again = recipe_replay_set(read_recipe(RECIPES / "cxr-lung-whole.yaml"), whole.card)
    assert kept is not None and again is not None
    assert [item.content_hash for item in kept.items] == [item.content_hash for item in again.items]
    tested = set()
    for name in ("children", "covid"):
        place = data / "cxr" / name
        with (place / "manifest.csv").open(encoding="utf-8") as stream:
            rows = [row for row in csv.DictReader(stream) if row["split"] == "test"]
        tested |= {checksum(place / "images" / row["file"]) for row in rows}
    assert len(tested) == 227 and not tested & {item.content_hash for item in kept.items}
