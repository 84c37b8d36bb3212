"""From case to file and back: the linking table, and exports that are called as their sources."""

from __future__ import annotations

import csv
import stat
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from dicom_files import NUMBER, save
from export_rooms import SECRET, Room, finished, lungs, reviewed
from hypothesis import given
from hypothesis import strategies as st

from napari_unet.core.errors import UserError
from napari_unet.io.names import folded
from napari_unet.review.exporting.export import ExportOptions, Format, export_steps
from napari_unet.review.key import COLUMNS, first_names, key_steps, unique_names
from napari_unet.review.scan import scan_steps
from napari_unet.review.types import NewCase


@pytest.fixture
def room(tmp_path):
    room = reviewed(tmp_path)
    yield room
    room.project.close()


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_key_joins_cases_to_files_and_patients(room, tmp_path):
    film = room.sources / "film.dcm"
    save(film, np.full((60, 80), 7, np.uint8))
    ((case, _),) = room.project.add([NewCase(str(film))], "R")
    finished(scan_steps(room.project, [case]))
    path = finished(key_steps(room.project, tmp_path / "key.csv", "Ann"))
    rows = rows_of(path)
    assert tuple(rows[0]) == COLUMNS
    assert {row["case"]: row["file"] for row in rows} == {
        id: source.name for id, source in room.project.sources().items()
    }
    assert rows[0]["folder"] == str(room.sources) and rows[0]["number"] == "1"
    assert [row["patient"] for row in rows if row["case"] == case] == [NUMBER]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    last = room.project.events()[-1]
    assert (last.kind, last.who, last.details) == ("key written", "Ann", {"cases": 6})
    files = ["plain.png", "fixed.png", "volume.nii.gz"]
    assert first_names(room.project) == [f"{SECRET}_{file}" for file in files]


def test_the_key_is_refused_where_it_would_be_given_away(room, tmp_path):
    finished(export_steps(room.project, room.out))
    events = len(room.project.events())
    (tmp_path / "link").symlink_to(room.project.folder)
    (tmp_path / "there.csv").write_text("mine")
    for place in (
        room.project.folder / "key.csv",
        room.project.folder / "masks" / "key.csv",
        tmp_path / "link" / "key.csv",
        room.out / "key.csv",
        room.out / "png" / "key.csv",
        tmp_path / "there.csv",
    ):
        with pytest.raises(UserError) as error:
            finished(key_steps(room.project, place, "Ann"))
        assert error.value.remedy and SECRET not in str(error.value)
    assert (tmp_path / "there.csv").read_text() == "mine" and len(room.project.events()) == events


def test_an_export_by_choice_is_called_as_its_sources_and_says_so(room):
    formats = (Format.PNG, Format.TIFF, Format.COCO, Format.NNUNET)
    result = finished(
        export_steps(room.project, room.out, formats, ExportOptions(source_names=True, by="Ann"))
    )
    assert (room.out / "png" / "images" / f"{SECRET}_plain.png").is_file()
    assert (room.out / "png" / "masks" / f"{SECRET}_fixed.png").is_file()
    assert (room.out / "tiff" / "masks" / f"{SECRET}_volume.tif").is_file()
    readme = (room.out / "README.txt").read_text()
    assert "THE FILES ARE NAMED AFTER THEIR SOURCES" in readme
    masks = {row["case"]: row["mask"] for row in rows_of(room.out / "manifest.csv") if row["format"] == "png"}
    assert masks[room.ids["plain"]] == f"png/masks/{SECRET}_plain.png"
    assert set(result.exported) == {room.ids[name] for name in ("plain", "fixed", "volume")}
    assert room.project.events()[-1].kind == "exported with source names"
    assert all(SECRET not in str(event.details) for event in room.project.events())


def test_sources_of_one_name_get_different_ones_and_are_told(tmp_path):
    room = Room(tmp_path)
    from PIL import Image

    for k, folder in enumerate(("a", "b", "c")):
        place = room.sources / folder / ("Film.png" if k == 2 else "film.png")
        place.parent.mkdir()
        Image.fromarray(np.random.default_rng(k).integers(0, 255, (60, 80)).astype(np.uint8)).save(place)
        ((case, _),) = room.project.add([NewCase(str(place))], "R")
        finished(scan_steps(room.project, [case]))
        room.ids[folder] = case
        room.mask(folder, lungs())
        room.decide(folder)
    result = finished(export_steps(room.project, room.out, options=ExportOptions(source_names=True)))
    room.project.close()
    assert sorted(path.name for path in (room.out / "png" / "masks").iterdir()) == [
        "Film-3.png",
        "film-2.png",
        "film.png",
    ]
    assert any("case 2 is film-2; case 3 is Film-3" in note for note in result.notes)
    assert "case 2 is film-2" in (room.out / "README.txt").read_text()


names = st.lists(
    st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="/\0"), min_size=1), max_size=8
)


@given(names)
def test_names_are_unique_whatever_the_sources_are_called(texts):
    sources = {f"c{k}": Path("/in", text) for k, text in enumerate(texts)}
    found, _ = unique_names(sources)
    assert len({folded(name) for name in found.values()}) == len(texts)
    for name in found.values():
        assert unicodedata.is_normalized("NFC", name) and name and not set(name) & set('<>:"/\\|?*')


def test_names_are_composed_and_numbers_are_no_suffix():
    decomposed = unicodedata.normalize("NFD", "Müller")
    sources = {"a": Path(f"/in/{decomposed}.png"), "b": Path("/in/1.2.840.55"), "c": Path("/in/con.png")}
    assert unique_names(sources) == ({"a": "Müller", "b": "1.2.840.55", "c": "con_"}, ["c"])
    slices = unique_names({"a": Path("ct.nii.gz"), "b": Path("ct_z0001.png")})
    assert slices == ({"a": "ct", "b": "ct_z0001-2"}, ["b"])
    assert unique_names({"a": Path("x-2"), "b": Path("x"), "c": Path("X")})[0] == {
        "a": "x-2",
        "b": "x",
        "c": "X-3",
    }
