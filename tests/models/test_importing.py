from __future__ import annotations

import json
import os
import pickle
import shutil
import stat
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from evidence_fakes import masks
from exchange_fakes import contents, with_replay_set, zipped
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from net_fakes import TINY, saved

from napari_unet.core.acceptance_report import AcceptanceReport
from napari_unet.core.errors import UserError
from napari_unet.core.files import checksum
from napari_unet.models import importing, unpacking
from napari_unet.models.card import TrainedCase
from napari_unet.models.checkpoint import load_model
from napari_unet.models.export_zip import export_zip
from napari_unet.models.folder import CARD_FILE, MEMORY_FILE, WEIGHTS_FILE
from napari_unet.models.importing import import_model
from napari_unet.models.library import ModelLibrary
from napari_unet.models.replay_set import read_replay_set


@pytest.fixture
def library(tmp_path: Path) -> ModelLibrary:
    """An own folder that does not exist yet."""
    return ModelLibrary(tmp_path / "own")


def _empty(library: ModelLibrary) -> bool:
    return not library.own.exists() or not list(library.own.iterdir())


def _card_with(folder: Path, **fields: Any) -> Path:
    words = json.loads((folder / CARD_FILE).read_text())
    (folder / CARD_FILE).write_text(json.dumps({**words, **fields}))
    return folder


@pytest.mark.parametrize("with_memory", [True, False])
def test_saved_exported_imported_is_the_same(
    tmp_path: Path, library: ModelLibrary, with_memory: bool
) -> None:
    entry = with_replay_set(tmp_path / "there" / "mine")
    export_zip(entry, tmp_path / "mine.zip", with_memory)
    imported = import_model(tmp_path / "mine.zip", library)
    assert imported.left_out == () and imported.entry == library.find("mine")
    if with_memory:
        assert contents(imported.entry.folder) == contents(entry.folder)
        assert read_replay_set(imported.entry) is not None
    else:
        assert imported.entry.card == entry.card.model_copy(update={"memory": None})
        assert sorted(contents(imported.entry.folder)) == [CARD_FILE, WEIGHTS_FILE]
    old, new = load_model(entry).state_dict(), load_model(imported.entry).state_dict()
    assert all(torch.equal(old[name], new[name]) for name in old)


def test_the_same_model_gives_the_same_file_and_no_other_is_replaced(tmp_path: Path) -> None:
    entry = with_replay_set(tmp_path / "mine")
    for name in ("a.zip", "b.zip"):
        export_zip(entry, tmp_path / name, True)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    (tmp_path / "a.zip").write_text("precious")
    with pytest.raises(UserError, match="already"):
        export_zip(entry, tmp_path / "a.zip", True)
    assert (tmp_path / "a.zip").read_text() == "precious"
    with pytest.raises(UserError, match="does not exist"):
        export_zip(entry, tmp_path / "none" / "a.zip", True)


def test_a_damaged_model_is_not_exported(tmp_path: Path) -> None:
    entry = with_replay_set(tmp_path / "mine")
    entry.replay_file.write_bytes(b"x")
    with pytest.raises(UserError, match="wrong checksum"):
        export_zip(entry, tmp_path / "mine.zip", False)
    assert not (tmp_path / "mine.zip").exists()


@pytest.mark.parametrize("top", ["", "any name/"])
def test_zip_files_that_others_packed(tmp_path: Path, library: ModelLibrary, top: str) -> None:
    entry = saved(tmp_path / "m", name="m")
    junk = {"__MACOSX/m/._card.json": b"", "m/.DS_Store": b"", "notes/read me.txt": b"hello"}
    imported = import_model(zipped(tmp_path / "m.zip", entry.folder, top, **junk), library)
    assert contents(imported.entry.folder) == contents(entry.folder)
    assert sorted(imported.left_out) == sorted(junk)


def test_a_folder_is_copied_without_what_is_no_part_of_it(tmp_path: Path, library: ModelLibrary) -> None:
    entry = saved(tmp_path / "m", name="m")
    before = contents(entry.folder)
    (entry.folder / "curves.csv").write_text("1")
    (entry.folder / MEMORY_FILE).write_bytes(b"not on the card")
    imported = import_model(entry.folder, library)
    assert contents(imported.entry.folder) == before
    assert imported.left_out == ("curves.csv", MEMORY_FILE)


def test_a_name_is_taken_once(tmp_path: Path, library: ModelLibrary) -> None:
    entry = saved(tmp_path / "m", name="m")
    import_model(entry.folder, library)
    before = contents(library.own / "m")
    with pytest.raises(UserError, match="named m already"):
        import_model(entry.folder, library)
    loud = saved(tmp_path / "loud", name="M")
    with pytest.raises(UserError, match="named M already"):
        import_model(loud.folder, library)
    with pytest.raises(UserError, match="named m already"):
        import_model(entry.folder, ModelLibrary(tmp_path / "other", (library.own,)))
    assert contents(library.own / "m") == before and len(list(library.own.iterdir())) == 1
    renamed = import_model(entry.folder, library, "n").entry
    assert renamed.card == entry.card.model_copy(update={"name": "n"}) == library.find("n").card


@pytest.mark.parametrize("name", ["../up", "", "a/b", "x.partial", "current.json"])
def test_names_that_cannot_be(tmp_path: Path, library: ModelLibrary, name: str) -> None:
    entry = saved(tmp_path / "m", name="m")
    with pytest.raises(UserError):
        import_model(entry.folder, library, name)
    assert _empty(library)


@pytest.mark.parametrize("suffix", sorted(unpacking.PICKLES))
def test_pickles_are_refused_unopened(tmp_path: Path, library: ModelLibrary, suffix: str) -> None:
    entry = saved(tmp_path / "m", name="m")
    file = tmp_path / f"model{suffix}"
    torch.save({"a": torch.zeros(1)}, file)
    for source in (
        file,
        zipped(tmp_path / "a.zip", entry.folder, **{f"m/data/x{suffix.upper()}": pickle.dumps(1)}),
        shutil.copytree(entry.folder, tmp_path / "f"),
    ):
        if source.is_dir():
            shutil.copy(file, source)
        with pytest.raises(UserError, match="can run programs") as error:
            import_model(source, library)
        assert "safetensors" in error.value.remedy
    assert _empty(library)


class Harmful:
    def __init__(self, victim: Path) -> None:
        self.victim = victim

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.victim,))


def test_a_pickle_called_safetensors_is_refused(tmp_path: Path, library: ModelLibrary) -> None:
    entry, victim = saved(tmp_path / "m", name="m"), tmp_path / "owned"
    entry.weights.write_bytes(pickle.dumps(Harmful(victim)))
    _card_with(entry.folder, sha256=checksum(entry.weights))
    with pytest.raises(UserError, match="not a safetensors file"):
        import_model(entry.folder, library)
    assert not victim.exists() and _empty(library)


@pytest.mark.parametrize(
    "name", ["../evil", "/evil", "m/../../evil", "..\\evil", "C:evil", "m/sub/../card.json"]
)
def test_paths_that_lead_out_are_refused(tmp_path: Path, library: ModelLibrary, name: str) -> None:
    entry = saved(tmp_path / "m", name="m")
    source = zipped(tmp_path / "m.zip", entry.folder, **{name: b"x"})
    with pytest.raises(UserError, match="not safe"):
        import_model(source, library)
    assert _empty(library) and not list(tmp_path.rglob("evil"))


def test_links_are_refused(tmp_path: Path, library: ModelLibrary) -> None:
    entry = saved(tmp_path / "m", name="m")
    source = zipped(tmp_path / "m.zip", entry.folder)
    link = zipfile.ZipInfo("m/other")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(source, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(UserError, match="is a link"):
        import_model(source, library)
    if hasattr(os, "symlink"):
        entry.weights.rename(tmp_path / "elsewhere")
        entry.weights.symlink_to(tmp_path / "elsewhere")
        with pytest.raises(UserError, match="is a link"):
            import_model(entry.folder, library)
    assert _empty(library)


@pytest.mark.parametrize("packed", [False, True])
def test_sizes_are_limited(
    tmp_path: Path, library: ModelLibrary, monkeypatch: pytest.MonkeyPatch, packed: bool
) -> None:
    entry = saved(tmp_path / "m", name="m")
    monkeypatch.setitem(unpacking.LIMITS, WEIGHTS_FILE, entry.weights.stat().st_size - 1)
    source = zipped(tmp_path / "m.zip", entry.folder) if packed else entry.folder
    with pytest.raises(UserError, match="larger than"):
        import_model(source, library)
    assert _empty(library)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_zip_files_that_are_no_single_model(tmp_path: Path, library: ModelLibrary) -> None:
    entry = saved(tmp_path / "m", name="m")
    card = (entry.folder / CARD_FILE).read_bytes()
    cases = {
        "no card.json": zipped(tmp_path / "1.zip", entry.folder, "a/b/"),
        "more than one card.json": zipped(tmp_path / "2.zip", entry.folder, **{"n/card.json": card}),
        "there twice": zipped(tmp_path / "3.zip", entry.folder, **{"m/card.json": card}),
        "BioImage.IO": zipped(tmp_path / "4.zip", entry.folder, **{"rdf.yaml": b"", "weights.pt": b""}),
        "not one model": zipped(tmp_path / "5.zip", entry.folder, **{f"{k}": b"" for k in range(1001)}),
        "has no weights": zipped(tmp_path / "6.zip", entry.folder),
        "There is no file": tmp_path / "nothing",
        "neither a model folder nor a readable zip": tmp_path / "text.zip",
        "is not a model": tmp_path / "empty",
    }
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.zip").write_text("hello")
    with zipfile.ZipFile(cases["has no weights"], "w") as archive:
        archive.writestr("m/card.json", card)
    for reason, source in cases.items():
        with pytest.raises(UserError, match=reason) as error:
            import_model(source, library)
        assert ".partial" not in str(error.value), error.value
    assert _empty(library)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"format_version": 99}, "model m.zip was made by a newer version"),
        ({"sha256": "0" * 64}, "wrong checksum"),
        ({"classes": 3}, "is damaged"),
        ({"net": {"kind": "unet", "arguments": {**TINY, "base": 3}}}, "do not fit"),
        ({"net": {"kind": "unet", "arguments": {"base": 3}}}, "describes another network"),
        ({"net": {"kind": "unet", "arguments": {"base": 10**9}}}, "too large"),
        ({"net": {"kind": "unet", "arguments": {"depth": 10**9}}}, "too large"),
        ({"net": {"kind": "unet", "arguments": {"depth": "deep"}}}, "cannot be made"),
        ({"memory": {"sha256": "0" * 64, "replay": 1, "gate": 1}}, "is missing"),
    ],
)
def test_bad_cards(tmp_path: Path, library: ModelLibrary, fields: dict[str, Any], reason: str) -> None:
    entry = saved(tmp_path / "m", name="m")
    source = zipped(tmp_path / "m.zip", _card_with(entry.folder, **fields))
    with pytest.raises(UserError, match=reason) as error:
        import_model(source, library)
    assert ".partial" not in str(error.value) and _empty(library)


def test_memory_that_was_exchanged_is_refused(tmp_path: Path, library: ModelLibrary) -> None:
    entry = with_replay_set(tmp_path / "m")
    entry.replay_file.write_bytes(b"rubbish")
    with pytest.raises(UserError, match="wrong checksum"):
        import_model(entry.folder, library)
    spec = {"sha256": checksum(entry.replay_file), "replay": 1, "gate": 1}
    with pytest.raises(UserError, match="cannot be read"):
        import_model(_card_with(entry.folder, memory=spec), library)
    assert _empty(library)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.floats(0, 1), flip=st.booleans())
def test_a_file_cut_or_changed_anywhere_is_refused_or_whole(
    tmp_path: Path, library: ModelLibrary, cut: float, flip: bool
) -> None:
    folder = tmp_path / "m"
    if not folder.exists():
        saved(folder, name="m")
        zipped(tmp_path / "good.zip", folder)
    data = bytearray((tmp_path / "good.zip").read_bytes())
    place = int(cut * (len(data) - 1))
    if flip:
        data[place] ^= 0x5A
    else:
        del data[place:]
    (tmp_path / "bad.zip").write_bytes(data)
    try:
        entry = import_model(tmp_path / "bad.zip", library).entry
    except UserError:
        assert _empty(library)
    else:
        assert entry.weights.read_bytes() == (folder / WEIGHTS_FILE).read_bytes()
        shutil.rmtree(library.own)


@pytest.mark.parametrize("where", ["fsync", "replace"])
def test_a_full_disk_leaves_nothing(
    tmp_path: Path, library: ModelLibrary, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    entry = saved(tmp_path / "m", name="m")
    monkeypatch.setattr(importing.os, where, full)
    with pytest.raises(UserError, match="No space left"):
        import_model(entry.folder, library)
    assert _empty(library)


def test_another_name_changes_nothing_else(tmp_path: Path, library: ModelLibrary) -> None:
    report = AcceptanceReport(
        "tiny", "m", masks("your images", [(0.8, 0.9)], [(float("nan"), 3.0)], "mm", ["7f"])
    )
    entry = saved(tmp_path / "m", name="m", gate=report, trained_on=(TrainedCase(id="7f", patient="a1"),))
    renamed = import_model(entry.folder, library, "n").entry
    before, after = (
        json.loads((folder / CARD_FILE).read_text()) for folder in (entry.folder, renamed.folder)
    )
    assert after == {**before, "name": "n"}
    assert library.find("n").card.gate is not None
