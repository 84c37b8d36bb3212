"""What is wrong with a stranger's model is said in words before it is written, and nothing stays behind."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from exchange_fakes import with_replay_set, zipped
from net_fakes import saved
from safetensors.torch import load_file, save_file

from napari_unet.core.errors import UserError
from napari_unet.core.files import checksum
from napari_unet.core.input_rule import InputRule
from napari_unet.io import zip_files
from napari_unet.models.card import ModelCard
from napari_unet.models.folder import CARD_FILE, MEMORY_FILE, WEIGHTS_FILE
from napari_unet.models.importing import import_model
from napari_unet.models.library import ModelEntry, ModelLibrary

METHODS = {
    "stored": zipfile.ZIP_STORED,
    "deflate": zipfile.ZIP_DEFLATED,
    "bz2": zipfile.ZIP_BZIP2,
    "lzma": zipfile.ZIP_LZMA,
}
FLAT = [[0.5] * 24] * 24
RAMP = [[k / 24 for k in range(24)]] * 24


@pytest.fixture
def library(tmp_path: Path) -> ModelLibrary:
    return ModelLibrary(tmp_path / "own")


@pytest.fixture
def entry(tmp_path: Path) -> ModelEntry:
    return saved(tmp_path / "m", name="m", input=InputRule(size=(64, 64)))


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Bytes that were written while unpacking."""
    sizes: list[int] = []
    read = zip_files.read_chunk

    def counted(stream: Any, step: int) -> bytes:
        sizes.append(len(data := read(stream, step)))
        return data

    monkeypatch.setattr(zip_files, "read_chunk", counted)
    return sizes


def refused(source: Path, library: ModelLibrary, words: str | None = None) -> UserError:
    with pytest.raises(UserError, match=words) as error:
        import_model(source, library)
    assert ".partial" not in str(error.value)
    assert not library.own.exists() or not list(library.own.iterdir())
    return error.value


def packed(target: Path, folder: Path, method: int) -> Path:
    with zipfile.ZipFile(target, "w", method) as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, f"m/{path.name}")
    return target


def with_card(folder: Path, **fields: Any) -> Path:
    words = json.loads((folder / CARD_FILE).read_text())
    (folder / CARD_FILE).write_text(json.dumps({**words, **fields}))
    return folder


@pytest.mark.parametrize("method", METHODS)
def test_every_way_of_packing_is_read(
    tmp_path: Path, library: ModelLibrary, entry: ModelEntry, method: str
) -> None:
    import_model(packed(tmp_path / "m.zip", entry.folder, METHODS[method]), library)
    assert (library.own / "m" / WEIGHTS_FILE).read_bytes() == entry.weights.read_bytes()


@pytest.mark.parametrize("method", METHODS)
def test_a_damaged_file_is_refused_whatever_it_is_packed_with(
    tmp_path: Path, library: ModelLibrary, entry: ModelEntry, method: str
) -> None:
    source = packed(tmp_path / "m.zip", entry.folder, METHODS[method])
    whole = source.read_bytes()
    with zipfile.ZipFile(source) as archive:
        member = archive.getinfo(f"m/{WEIGHTS_FILE}")
    start = member.header_offset + 30 + len(member.filename)
    for share in (0.0, 0.02, 0.3, 0.6, 0.98):
        place = start + int(share * member.compress_size)
        source.write_bytes(
            whole[:place] + bytes(b ^ 0xA5 for b in whole[place : place + 40]) + whole[place + 40 :]
        )
        refused(source, library)


@pytest.mark.parametrize(("flag", "method"), [(1, 0), (0, 9), (0, 98), (64, 8)])
def test_what_cannot_be_unpacked_here_is_said(
    tmp_path: Path, library: ModelLibrary, entry: ModelEntry, flag: int, method: int
) -> None:
    """With a password; with deflate64; with PPMd; with strong encryption."""
    source = packed(tmp_path / "m.zip", entry.folder, zipfile.ZIP_STORED)
    data = bytearray(source.read_bytes())
    for sign, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.find(sign)
        while place >= 0:
            data[place + at] |= flag
            data[place + at + 2] = method
            place = data.find(sign, place + 1)
    source.write_bytes(data)
    assert "Unpack it yourself" in refused(source, library).remedy


@pytest.mark.parametrize("method", ["deflate", "bz2", "lzma"])
@pytest.mark.parametrize("name", [WEIGHTS_FILE, MEMORY_FILE, CARD_FILE])
def test_what_would_grow_out_of_all_proportion_is_never_written(
    tmp_path: Path, library: ModelLibrary, entry: ModelEntry, written: list[int], name: str, method: str
) -> None:
    size = 80 * zip_files.MIB
    source = tmp_path / "m.zip"
    with zipfile.ZipFile(source, "w", METHODS[method]) as archive:
        for path in sorted(entry.folder.iterdir()):
            if path.name != name:
                archive.write(path, path.name)
        with archive.open(name, "w") as stream:
            for _ in range(size // zip_files.MIB):
                stream.write(bytes(zip_files.MIB))
    assert source.stat().st_size < 2 * zip_files.MIB
    refused(source, library)
    assert sum(written) < zip_files.MIB


@pytest.mark.parametrize("megabytes", [3, 40])
def test_weights_that_are_larger_than_the_network_on_the_card_are_not_written(
    tmp_path: Path, library: ModelLibrary, entry: ModelEntry, written: list[int], megabytes: int
) -> None:
    entry.weights.write_bytes(np.random.default_rng(0).bytes(megabytes * zip_files.MIB))
    for source in (entry.folder, packed(tmp_path / "m.zip", entry.folder, zipfile.ZIP_STORED)):
        refused(source, library, "larger than 1 MB")
    assert sum(written) < zip_files.MIB


def test_a_card_of_a_gigabyte_is_not_read(
    library: ModelLibrary, entry: ModelEntry, written: list[int]
) -> None:
    with (entry.folder / CARD_FILE).open("r+b") as stream:
        stream.truncate(2**30)  # takes no room on the disk
    refused(entry.folder, library, "larger than 16 MB")
    assert not written
    entries, (unreadable,) = ModelLibrary(entry.folder.parent).scan()
    assert not entries and "larger than any card" in str(unreadable.error)


@pytest.mark.parametrize(
    "fields",
    [
        {"likeness": {"shape": [[0.1, 0.2], [0.3]]}},
        {"likeness": {"shape": [[]]}},
        {"likeness": {"shape": []}},
        {"likeness": {"shape": FLAT}},
        {"likeness": {"shape": [["NaN", 0.5], [0.2, 0.1]]}},
        {"likeness": {"shape": [[float("nan"), 0.5], [0.2, 0.1]]}},
        {"likeness": {"shape": [[float("inf"), 0.5], [0.2, 0.1]]}},
        {"likeness": {"shape": [[-3, 0.5], [0.2, 0.1]]}},
        {"likeness": {"shape": [[0.1, 0.2]] * 5000}},
        {"likeness": {"shape": RAMP, "flag": float("nan")}},
        {"likeness": {"shape": RAMP, "flag": 0.1, "refuse": 0.9}},
        {"input": {"size": [250, 250]}},
        {"input": {"size": [64, 66]}},
        {"input": {"size": [0, 64]}},
        {"input": {"size": [-64, 64]}},
        {"input": {"size": [10**6, 10**6]}},
        {"input": {"spacing_mm": [0, 0.2]}},
        {"input": {"spacing_mm": [-1, 0.2]}},
        {"input": {"spacing_mm": [1e-9, 0.2]}},
        {"input": {"spacing_mm": [1e9, 0.2]}},
        {"input": {"spacing_mm": [float("nan"), 0.2]}},
        {"threshold": 0},
        {"threshold": 1.5},
        {"threshold": -0.5},
        {"threshold": float("nan")},
        {"intensity": {"kind": "percentiles", "low": 99, "high": 1}},
        {"intensity": {"kind": "percentiles", "low": 0, "high": float("nan")}},
        {"intensity": {"kind": "window", "low": float("-inf"), "high": float("inf")}},
        {"mask_rule": {"min_part_share": float("nan")}},
        {"mask_rule": {"largest_parts": -1}},
        {"mask_rule": {"smoothing": float("inf")}},
        {"classes": []},
        {"classes": ["lung", "heart"]},
        {"net": {"kind": "unet", "arguments": {"channels": 0}}},
        {"net": {"kind": "unet", "arguments": {"channels": 3}}},
        {"net": {"kind": "unet", "arguments": {"base": 0}}},
        {"net": {"kind": "unet", "arguments": {"base": -4}}},
        {"net": {"kind": "unet", "arguments": {"depth": 0}}},
        {"net": {"kind": "unet", "arguments": {"depth": 2.5}}},
        {"net": {"kind": "unet", "arguments": {"base": None}}},
        {"net": {"kind": "unet", "arguments": {"dropout": [1]}}},
        {"net": {"kind": "resnet", "arguments": {}}},
        {"memory": {"sha256": "0" * 64, "replay": -1, "gate": 0}},
        {"trained_on": [{"id": "a", "looks": ["not a number"]}]},
    ],
)
def test_cards_that_fail_at_the_first_image_are_refused(
    library: ModelLibrary, entry: ModelEntry, fields: dict[str, Any]
) -> None:
    with_card(entry.folder, **fields)
    refused(entry.folder, library)


def test_weights_that_are_not_numbers_are_refused(library: ModelLibrary, entry: ModelEntry) -> None:
    weights = load_file(entry.weights)
    name = next(name for name, value in weights.items() if value.dtype.is_floating_point)
    weights[name].view(-1)[0] = torch.nan
    save_file(weights, entry.weights)
    with_card(entry.folder, sha256=checksum(entry.weights))
    refused(entry.folder, library, "not all numbers")


def test_a_version_of_strange_digits_breaks_no_library(tmp_path: Path) -> None:
    for k, version in enumerate(("²", "1.x", "9" * 5000, "")):
        saved(tmp_path / str(k), name="m", version=version)
    assert ModelLibrary(tmp_path).find("m").card.name == "m"


def _rewritten(folder: Path, change: Any) -> Path:
    """The replay set with other tensors, and a card that knows its checksum."""
    from safetensors import safe_open
    from safetensors.numpy import save_file as save

    path = folder / MEMORY_FILE
    with safe_open(path, framework="numpy") as file:
        words = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    change(tensors)
    save({name: np.ascontiguousarray(value) for name, value in tensors.items()}, path, metadata=words)
    spec = json.loads((folder / CARD_FILE).read_text())["memory"]
    return with_card(folder, memory={**spec, "sha256": checksum(path)})


@pytest.mark.parametrize(
    "change",
    [
        lambda tensors: tensors.update(images=tensors["images"][:, :-8]),
        lambda tensors: tensors.update(images=tensors["images"][0]),
        lambda tensors: tensors.update(images=tensors["images"][:1]),
        lambda tensors: tensors.update(images=tensors["images"][..., None]),
        lambda tensors: tensors.update(images=tensors["images"].astype(np.float32)),
        lambda tensors: tensors.update(images=tensors["images"][:0]),
        lambda tensors: tensors.update(lungs=tensors["lungs"][..., :-1]),
        lambda tensors: tensors.update(ignored=tensors["ignored"][:1]),
        lambda tensors: tensors.update({k: v[:, :-8] for k, v in tensors.items()}),
        lambda tensors: tensors.pop("lungs"),
    ],
)
def test_a_replay_set_of_odd_shapes_is_refused(tmp_path: Path, library: ModelLibrary, change: Any) -> None:
    entry = with_replay_set(tmp_path / "m")
    refused(_rewritten(entry.folder, change), library, "cannot be read")


def test_a_replay_set_that_the_card_counts_otherwise_is_refused(
    tmp_path: Path, library: ModelLibrary
) -> None:
    entry = with_replay_set(tmp_path / "m")
    assert entry.card.memory is not None
    spec = entry.card.memory.model_dump()
    refused(with_card(entry.folder, memory={**spec, "replay": spec["replay"] + 1}), library, "cannot be read")


def test_paths_and_names_that_trick(tmp_path: Path, library: ModelLibrary, entry: ModelEntry) -> None:
    for name in ("m/../../x", "/m/x", "\\\\server\\x", "m\\..\\x", "C:\\x", "m/./../../x"):
        refused(zipped(tmp_path / "m.zip", entry.folder, **{name: b"x"}), library, "not safe")
    assert ModelCard.model_validate_json((entry.folder / CARD_FILE).read_text()) == entry.card
