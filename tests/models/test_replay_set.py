"""The replay set of a model, on disk and back."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from evidence_fakes import masks
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from net_fakes import TINY, card, saved, tiny_net
from safetensors.numpy import save_file

from napari_unet.core.acceptance_report import AcceptanceReport
from napari_unet.core.errors import UserError
from napari_unet.core.files import checksum
from napari_unet.core.input_rule import InputRule
from napari_unet.core.label_set import LUNGS, named_set
from napari_unet.core.labels import IGNORE
from napari_unet.models.card import DataSource, NetSpec, TrainedCase
from napari_unet.models.checkpoint import load_model, save_model
from napari_unet.models.folder import CARD_FILE, read_card
from napari_unet.models.library import ModelEntry
from napari_unet.models.replay_set import ReplayItem, ReplaySet, read_replay_set, write_replay_set
from napari_unet.training.samples import from_replay_set

SOURCE = DataSource(name="a place", licence="CC BY 4.0", attribution="its people")
ITEMS = st.builds(
    ReplayItem,
    role=st.sampled_from(["replay", "gate"]),
    patient=st.text(max_size=8),
    content_hash=st.text("0123456789abcdef", max_size=64),
    phash=st.integers(0, 2**256 - 1),
    source=st.text(max_size=8),
)


@st.composite
def replay_sets(draw: st.DrawFn) -> ReplaySet:
    """Any replay set, of odd sizes too."""
    shape = tuple(draw(st.integers(0 if axis == 0 else 1, 11)) for axis in range(3))
    return ReplaySet(
        draw(arrays(np.uint8, shape)),
        draw(arrays(np.uint8, shape, elements=st.sampled_from([0, 1, IGNORE]))),
        tuple(draw(st.lists(ITEMS, min_size=shape[0], max_size=shape[0]))),
        (SOURCE,),
    )


def some(roles: str = "rrg") -> ReplaySet:
    """A small replay set; r is for replay, g for the acceptance test."""
    labels = np.zeros((len(roles), 16, 20), np.uint8)
    labels[:, 4:12, 2:8], labels[:, :2] = 1, IGNORE
    items = tuple(ReplayItem("replay" if role == "r" else "gate", f"p{k}") for k, role in enumerate(roles))
    return ReplaySet(np.arange(labels.size, dtype=np.uint8).reshape(labels.shape), labels, items, (SOURCE,))


def with_replay_set(folder: Path, replay_set: ReplaySet) -> ModelEntry:
    """A tiny model with a replay set."""
    described = card(net=NetSpec(arguments=TINY))
    return ModelEntry(save_model(tiny_net().state_dict(), described, folder, replay_set=replay_set), folder)


def _same(a: ReplaySet, b: ReplaySet) -> bool:
    arrays_equal = np.array_equal(a.images, b.images) and np.array_equal(a.labels, b.labels)
    return arrays_equal and a.images.shape == b.images.shape and (a.items, a.sources) == (b.items, b.sources)


@settings(max_examples=40, deadline=None)
@given(replay_sets())
def test_a_replay_set_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, replay_set: ReplaySet
) -> None:
    entry = with_replay_set(tmp_path_factory.mktemp("model") / "m", replay_set)
    assert _same(read_replay_set(entry), replay_set)


@settings(max_examples=40)
@given(replay_sets())
def test_its_parts_are_all_of_it(replay_set: ReplaySet) -> None:
    replay, tests = replay_set.part("replay"), replay_set.part("gate")
    assert len(replay) + len(tests) == len(replay_set)
    again = replay.joined(tests)
    assert sorted(again.items, key=repr) == sorted(replay_set.items, key=repr)
    assert again.images.sum() == replay_set.images.sum() and again.sources == replay_set.sources


def test_the_card_says_what_is_remembered(tmp_path: Path) -> None:
    entry = with_replay_set(tmp_path / "m", some("rrg"))
    spec = read_card(tmp_path / "m").memory
    assert (spec.replay, spec.gate, spec.sha256) == (2, 1, checksum(entry.replay_file))
    entry.verify()


def test_a_model_without_a_memory(tmp_path: Path) -> None:
    entry = saved(tmp_path / "m")
    assert read_replay_set(entry) is None and not entry.replay_file.exists()
    entry.verify()


def test_a_card_saved_again_without_the_memory_does_not_promise_one(tmp_path: Path) -> None:
    entry = with_replay_set(tmp_path / "m", some())
    again = save_model(load_model(entry).state_dict(), entry.card, tmp_path / "n")
    assert again.memory is None


@pytest.mark.parametrize("harm", ["missing", "replaced"])
def test_a_replay_set_that_is_not_the_cards_is_told_and_the_model_still_segments(
    tmp_path: Path, harm: str
) -> None:
    entry = with_replay_set(tmp_path / "m", some())
    if harm == "missing":
        entry.replay_file.unlink()
    else:
        write_replay_set(some("gg"), entry.replay_file)
    for act in (entry.verify, lambda: read_replay_set(entry)):
        with pytest.raises(UserError, match="missing" if harm == "missing" else "wrong checksum") as error:
            act()
        assert error.value.remedy
    load_model(entry)


@pytest.mark.parametrize("content", [b"", b"\xff" * 100, "tensors without words", "too few items"])
def test_a_file_that_is_no_memory(tmp_path: Path, content: bytes | str) -> None:
    entry = with_replay_set(tmp_path / "m", some())
    if isinstance(content, bytes):
        entry.replay_file.write_bytes(content)
    else:
        planes = {name: np.zeros((2, 4, 1), np.uint8) for name in ("lungs", "ignored")}
        words = {"memory": json.dumps({"items": [], "sources": []})} if content == "too few items" else None
        save_file({"images": np.zeros((2, 4, 8), np.uint8), **planes}, entry.replay_file, words)
    spec = entry.card.memory.model_copy(update={"sha256": checksum(entry.replay_file)})
    forged = ModelEntry(entry.card.model_copy(update={"memory": spec}), entry.folder)
    with pytest.raises(UserError, match="cannot be read"):
        read_replay_set(forged)


def test_parts_that_do_not_fit() -> None:
    good = some()
    for wrong in (
        {"images": good.images[:2]},
        {"items": good.items[:2]},
        {"images": good.images.astype(np.float32)},
        {"labels": good.labels.astype(np.int16)},
        {"labels": good.labels[:, 1:]},
    ):
        parts = {"images": good.images, "labels": good.labels, "items": good.items} | wrong
        with pytest.raises(ValueError):
            ReplaySet(**parts)


def test_a_network_sees_what_is_remembered() -> None:
    replay_set = some()
    cases = from_replay_set(replay_set, card())
    for part in (cases.images, cases.masks, cases.valid):
        assert part.shape == (3, 1, 16, 20) and part.dtype == np.float32
    np.testing.assert_array_equal(np.rint(cases.images[:, 0] * 255), replay_set.images)
    np.testing.assert_array_equal(cases.masks[:, 0] > 0, replay_set.labels == 1)
    np.testing.assert_array_equal(cases.valid[:, 0] == 0, replay_set.labels == IGNORE)
    nothing = from_replay_set(replay_set.subset([]), card())
    assert len(nothing) == 0 and nothing.images.shape == nothing.masks.shape == (0, 1, 16, 20)


def test_labels_and_neighbours_come_back(tmp_path: Path) -> None:
    good = some()
    labels = np.where(good.labels == 1, np.uint8(3), good.labels)
    labels[:, 14:], labels[:, 12:14] = 2, 1
    images = np.stack([good.images, 255 - good.images, good.images // 2], axis=1)
    replay_set = replace(good, images=images, labels=labels)
    described = card(labels=named_set(("one", "two", "three")), input=InputRule(neighbours=1))
    path = tmp_path / "m"
    write_replay_set(replay_set, path)
    described = described.model_copy(update={"memory": replay_set.spec(checksum(path))})
    (tmp_path / "model").mkdir()
    entry = ModelEntry(described, tmp_path / "model")
    path.rename(entry.replay_file)
    assert _same(read_replay_set(entry), replay_set)
    seen = from_replay_set(replay_set, described)
    assert seen.images.shape == (3, 3, 16, 20) and seen.masks.shape == (3, 3, 16, 20)
    np.testing.assert_array_equal(seen.labels(described.output.labels), labels)
    lungs_only = ModelEntry(described.with_output(labels=LUNGS), entry.folder)
    with pytest.raises(UserError, match="cannot be read"):  # label 3 means nothing there
        read_replay_set(lungs_only)


def test_masks_take_a_bit_a_pixel(tmp_path: Path) -> None:
    side = np.zeros((4, 256, 256), np.uint8)
    write_replay_set(ReplaySet(side, side, (ReplayItem("gate"),) * 4), tmp_path / "m")
    assert (tmp_path / "m").stat().st_size < 1.3 * side.size


def test_an_acceptance_report_and_the_cases_it_was_trained_on_come_back(tmp_path: Path) -> None:
    """Distances of empty masks are nan, which JSON does not have."""
    site = masks("your images", [(0.5, 0.7)] * 2, [(float("nan"), 3.0), (4.0, 2.0)], "mm")
    report = AcceptanceReport("tiny", "mine", site)
    written = card(name="mine", gate=report, trained_on=(TrainedCase(id="a", revision="1f"),))
    text = written.model_dump_json()
    json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    (tmp_path / CARD_FILE).write_text(text)
    read = read_card(tmp_path)
    assert isinstance(read.gate, AcceptanceReport) and repr(read.gate) == repr(report)
    assert read.trained_on == written.trained_on and read.gate.verdict() == report.verdict()


def test_reading_a_memory_needs_no_torch(tmp_path: Path) -> None:
    with_replay_set(tmp_path / "m", some())
    program = (
        "import sys; from pathlib import Path; from napari_unet.models.library import ModelEntry;"
        "from napari_unet.models.folder import read_card;"
        "from napari_unet.models.replay_set import read_replay_set;"
        "folder = Path(sys.argv[1]); assert len(read_replay_set(ModelEntry(read_card(folder), folder))) == 3;"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "m")], check=True)
