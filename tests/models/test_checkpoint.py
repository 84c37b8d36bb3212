from __future__ import annotations

import os
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from net_fakes import TINY, card, saved, tiny_net
from safetensors.torch import load_file, save_file

from napari_unet.core.errors import UserError
from napari_unet.core.files import checksum
from napari_unet.core.input_rule import InputRule
from napari_unet.core.network_facts import NetworkFacts
from napari_unet.models import checkpoint
from napari_unet.models.card import NetSpec
from napari_unet.models.checkpoint import build_net, load_model, save_model
from napari_unet.models.folder import CARD_FILE, WEIGHTS_FILE, read_card
from napari_unet.models.library import ModelEntry


def _resigned(entry: ModelEntry) -> ModelEntry:
    """The entry with the checksum of the weights as they are now."""
    return ModelEntry(entry.card.model_copy(update={"sha256": checksum(entry.weights)}), entry.folder)


@pytest.mark.parametrize("half", [True, False])
def test_a_model_comes_back_as_it_was_saved(tmp_path: Path, half: bool) -> None:
    net = tiny_net()
    described = save_model(net.state_dict(), card(net=NetSpec(arguments=TINY)), tmp_path / "m", half=half)
    assert read_card(tmp_path / "m") == described
    loaded = load_model(ModelEntry(described, tmp_path / "m"))
    assert not loaded.training
    for name, value in loaded.state_dict().items():
        expected = net.state_dict()[name]
        if half and expected.is_floating_point():
            expected = expected.half().float()
        assert value.dtype == expected.dtype and torch.equal(value, expected)


def test_half_precision_halves_the_file_and_changes_little(tmp_path: Path) -> None:
    net, x = tiny_net(base=16, widest=64), torch.rand(1, 1, 32, 32)
    described = card(net=NetSpec(arguments={**TINY, "base": 16, "widest": 64}))
    sizes = {}
    for half in (True, False):
        entry = ModelEntry(
            save_model(net.state_dict(), described, tmp_path / str(half), half), tmp_path / str(half)
        )
        sizes[half] = entry.weights.stat().st_size
        assert torch.allclose(load_model(entry)(x).sigmoid(), net(x).sigmoid(), atol=0.01)
    assert sizes[True] < 0.6 * sizes[False]


def test_values_that_half_precision_cannot_hold_are_kept(tmp_path: Path) -> None:
    weights = tiny_net().state_dict()
    weights["head.bias"] = torch.tensor([1e6])
    described = save_model(weights, card(net=NetSpec(arguments=TINY)), tmp_path / "m")
    assert load_model(ModelEntry(described, tmp_path / "m")).head.bias.item() == 1e6


def test_channels_last_weights_are_saved(tmp_path: Path) -> None:
    net = tiny_net().to(memory_format=torch.channels_last)
    described = save_model(net.state_dict(), card(net=NetSpec(arguments=TINY)), tmp_path / "m")
    load_model(ModelEntry(described, tmp_path / "m"))


def test_an_existing_model_is_never_overwritten(tmp_path: Path) -> None:
    entry = saved(tmp_path / "m", seed=1)
    before = {path.name: path.read_bytes() for path in entry.folder.iterdir()}
    with pytest.raises(UserError, match="already"):
        saved(tmp_path / "m", seed=2)
    assert {path.name: path.read_bytes() for path in entry.folder.iterdir()} == before


def test_a_partial_folder_left_by_a_crash_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "m.partial").mkdir()
    (tmp_path / "m.partial" / "rubbish").touch()
    entry = saved(tmp_path / "m")
    assert sorted(path.name for path in entry.folder.iterdir()) == [CARD_FILE, WEIGHTS_FILE]
    assert not (tmp_path / "m.partial").exists()


@pytest.mark.parametrize("where", ["save_file", "fsync", "replace"])
def test_a_full_disk_leaves_nothing(tmp_path: Path, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint if where == "save_file" else os, where, full)
    with pytest.raises(UserError, match="No space left"):
        saved(tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from net_fakes import saved
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    saved(Path(sys.argv[1]) / "m")
except Exception as error:
    print(type(error).__name__)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on file sizes")
def test_a_file_that_cannot_grow_leaves_nothing(tmp_path: Path) -> None:
    """The real failure, from inside safetensors, not a pretended one."""
    helpers = str(Path(__file__).parents[1])
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path), helpers]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout.strip() == "UserError", done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="could not be saved"):
        saved(tmp_path / "file" / "m")


def test_exchanged_weights_are_refused(tmp_path: Path) -> None:
    entry = saved(tmp_path / "m")
    with entry.weights.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\x55")
    with pytest.raises(UserError, match="wrong checksum"):
        load_model(entry)


class Harmful:
    """What a stranger's pickle can do."""

    def __init__(self, victim: Path) -> None:
        self.victim = victim

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.victim,))


@pytest.mark.parametrize("save", ["pickle", "torch"])
def test_a_pickle_with_another_name_is_never_opened(tmp_path: Path, save: str) -> None:
    entry, victim = saved(tmp_path / "m"), tmp_path / "owned"
    if save == "pickle":
        entry.weights.write_bytes(pickle.dumps(Harmful(victim)))
    else:
        torch.save({"state": Harmful(victim)}, entry.weights)
    with pytest.raises(UserError, match="wrong checksum"):
        load_model(entry)
    with pytest.raises(UserError, match="not a safetensors file") as error:
        load_model(_resigned(entry))  # the card was forged too
    assert "harmful" in error.value.remedy
    assert not victim.exists()


@pytest.mark.parametrize("content", [b"", b"\x00" * 7, b"\xff" * 100])
def test_weights_that_are_rubbish(tmp_path: Path, content: bytes) -> None:
    entry = saved(tmp_path / "m")
    entry.weights.write_bytes(content)
    with pytest.raises(UserError, match="not a safetensors file"):
        load_model(_resigned(entry))


def test_weights_that_are_cut_short(tmp_path: Path) -> None:
    entry = saved(tmp_path / "m")
    entry.weights.write_bytes(entry.weights.read_bytes()[:-10])
    with pytest.raises(UserError, match="not a safetensors file"):
        load_model(_resigned(entry))


def test_weights_of_another_net(tmp_path: Path) -> None:
    entry = saved(tmp_path / "m")
    weights = load_file(entry.weights)
    save_file({name: value for name, value in weights.items() if name != "head.bias"}, entry.weights)
    with pytest.raises(UserError, match="do not fit"):
        load_model(_resigned(entry))
    other = entry.card.model_copy(update={"net": NetSpec(arguments={**TINY, "base": 4})})
    with pytest.raises(UserError, match="do not fit"):
        load_model(_resigned(ModelEntry(other, entry.folder)))


@pytest.mark.parametrize(
    "arguments", [{"bass": 16}, {"base": "wide"}, {"base": -2}, {"norm": "layer"}, {"dropout": 7}]
)
def test_a_net_that_cannot_be_made(arguments: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="cannot be made"):
        build_net(NetSpec(arguments=arguments))


@pytest.mark.usefixtures("toy_nets")
@pytest.mark.parametrize(
    ("net", "input_", "facts"),
    [
        ({"arguments": TINY}, InputRule(), NetworkFacts(2, 1, 4, 23)),
        ({"arguments": {**TINY, "channels": 3}}, InputRule(neighbours=1), NetworkFacts(2, 3, 4, 23)),
        ({"arguments": {**TINY, "norm": "instance"}}, InputRule(), NetworkFacts(2, 1, 4, None)),
        ({"arguments": {**TINY, "padded": False}}, InputRule(), NetworkFacts(2, 1, 4, 23, 20)),
        ({"kind": "sliding-window"}, InputRule(), NetworkFacts(2, 1, 1, 47, 47)),
        ({"kind": "toy-volume"}, InputRule(axes=3), NetworkFacts(3, 1, 2, 5)),
    ],
)
def test_the_card_of_a_saved_model_has_the_facts_of_its_network(
    tmp_path: Path, net: dict[str, Any], input_: InputRule, facts: NetworkFacts
) -> None:
    spec = NetSpec(**net)  # not before the toys are registered
    described = card(net=spec, input=input_, facts=NetworkFacts(2, 9, 99, 9))  # those of another network
    saved_card = save_model(build_net(spec).state_dict(), described, tmp_path / "m")
    assert saved_card.facts == read_card(tmp_path / "m").facts == facts
    load_model(ModelEntry(saved_card, tmp_path / "m"))


def test_facts_of_another_network_are_refused_and_old_cards_need_none(tmp_path: Path) -> None:
    entry = saved(tmp_path / "m")
    assert entry.card.facts is not None
    old = ModelEntry(entry.card.model_copy(update={"facts": None}), entry.folder)
    load_model(old)
    wrong = replace(entry.card.facts, stride=2)
    with pytest.raises(UserError, match="describes another network"):
        load_model(ModelEntry(entry.card.model_copy(update={"facts": wrong}), entry.folder))


@pytest.mark.usefixtures("toy_nets")
def test_a_network_of_volumes_does_not_fit_a_card_of_images(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="2 axes"):
        load_model(saved(tmp_path / "m", net=NetSpec(kind="toy-volume")))


def test_asking_what_a_network_is_does_not_load_the_compiler_of_torch() -> None:
    code = (
        "import sys; from napari_unet.models.checkpoint import bare_net; "
        "from napari_unet.models.library import default_library; "
        "net = bare_net(default_library().find('cxr-lung').card.net); "
        "print('torch._dynamo' in sys.modules, all(p.is_meta for p in net.parameters()))"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert said.split() == ["False", "True"]
