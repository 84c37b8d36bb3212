"""Models for teaching are offered nowhere; who names one gets it, with a warning."""

from __future__ import annotations

from pathlib import Path

import pytest
from net_fakes import lungs, saved, xray

from napari_unet.core.errors import UserError
from napari_unet.core.image_kind import XRAY, Kind
from napari_unet.core.raster import Raster
from napari_unet.core.steps import run
from napari_unet.inference.segment import segment_steps
from napari_unet.models.card import ModelCard
from napari_unet.models.library import ModelLibrary

USES = ("teaching", "Teaching: the network of 2012 on chest X-rays of adults")


@pytest.fixture
def library(tmp_path: Path) -> ModelLibrary:
    return ModelLibrary(tmp_path / "own", (tmp_path / "shipped",))


@pytest.mark.parametrize("use", [*USES, "chest X-rays for teaching", "teachings", ""])
def test_its_use_begins_with_the_word(use: str) -> None:
    card = ModelCard(name="a", use=use)
    assert card.for_teaching is (use in USES)
    assert ("a is for teaching" in card.warning) is (use in USES)


def test_it_is_in_the_library_and_not_among_what_is_offered(library: ModelLibrary) -> None:
    saved(library.shipped[0] / "old", name="old", use=USES[1])
    saved(library.own / "mine", name="mine")
    assert [entry.card.name for entry in library.list()] == ["old", "mine"]
    assert [entry.card.name for entry in library.offered()[0]] == ["mine"]
    assert library.find("old").card.for_teaching


def test_auto_never_takes_it(library: ModelLibrary) -> None:
    saved(library.shipped[0] / "a-first", name="a-first", use="teaching")
    kind = Kind(XRAY, "it is one")
    with pytest.raises(UserError, match="no model named cxr-lung"):
        library.for_image("auto", kind)
    saved(library.own / "z-last", name="z-last")
    library.preferred = {XRAY: "a-first"}
    assert library.for_image("auto", kind)[0].card.name == "z-last"
    assert library.for_image("a-first", kind)[0].card.name == "a-first"


def test_it_cannot_be_made_the_one_in_use_and_stays_out_of_an_old_record(library: ModelLibrary) -> None:
    saved(library.own / "old", name="old", use="teaching")
    saved(library.own / "mine", name="mine")
    with pytest.raises(UserError, match="old is for teaching"):
        library.use("old")
    library.use("mine")
    record = library.own / "current.json"
    record.write_text(record.read_text().replace('"mine"', '"mine", "old"'))
    assert library.current() == "mine" and library.history() == ("mine",)


def test_what_it_draws_comes_with_a_warning(library: ModelLibrary) -> None:
    entries = [
        saved(library.own / name, name=name, use=use) for name, use in (("old", "teaching"), ("b", ""))
    ]
    raster = Raster(xray(lungs()))
    told = [
        run(segment_steps(raster, model=entry.card.name, device="cpu", library=library)).notes
        for entry in entries
    ]
    assert entries[0].card.warning in told[0]
    assert not any("teaching" in note for note in told[1])
