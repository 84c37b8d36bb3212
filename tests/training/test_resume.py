from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from net_fakes import TINY, card, tiny_samples

from napari_unet.core.errors import UserError
from napari_unet.core.input_rule import InputRule
from napari_unet.nets.unet import UNet
from napari_unet.training import resume
from napari_unet.training.config import TrainingConfig
from napari_unet.training.fit import fit

CONFIG = TrainingConfig(epochs=3, batch=2)
STATE = "training.safetensors"


def _steps(folder: Path, config: TrainingConfig = CONFIG, images: int = 2, base: int = 2) -> Any:
    torch.manual_seed(0)
    net = UNet(**{**TINY, "base": base})
    return fit(
        net,
        tiny_samples(images),
        tiny_samples(1, side=32),
        card(input=InputRule(size=(32, 32))),
        config,
        folder,
    )


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """A training that was broken off after its first epoch, of which nothing was validated."""
    steps = _steps(tmp_path / "deep" / "state")
    assert math.isnan(next(steps).val_dice)
    steps.close()
    return tmp_path / "deep" / "state"


def test_one_file_holds_all_and_nothing_else_is_left(begun: Path) -> None:
    assert [path.name for path in begun.iterdir()] == [STATE]
    assert next(_steps(begun)).epoch == 2


@pytest.mark.parametrize("content", [b"", b"rubbish", None])
def test_a_damaged_state_says_what_to_delete(begun: Path, content: bytes | None) -> None:
    whole = (begun / STATE).read_bytes()
    (begun / STATE).write_bytes(whole[:-9] if content is None else content)
    with pytest.raises(UserError, match="damaged") as error:
        next(_steps(begun))
    assert "Delete" in error.value.remedy


def test_a_state_without_words_is_damaged(begun: Path) -> None:
    resume.save_file({"net.x": torch.zeros(1)}, begun / STATE)
    with pytest.raises(UserError, match="damaged"):
        next(_steps(begun))


def test_other_settings_or_images_do_not_go_on(begun: Path) -> None:
    for other in ({"config": TrainingConfig(epochs=9, batch=2)}, {"images": 3}):
        with pytest.raises(UserError, match="other settings or other images"):
            next(_steps(begun, **other))


def test_the_state_of_an_earlier_version_goes_on(begun: Path) -> None:
    """One that does not know some settings of today."""
    words, tensors = resume._read(begun / STATE)
    del words["settings"]["training"]["half_size"]
    del words["settings"]["training"]["augment"]["turn"]
    flat = {
        f"{owner}.{name}" if name else owner: v for owner, of in tensors.items() for name, v in of.items()
    }
    resume.save_file(flat, begun / STATE, metadata={"state": json.dumps(words)})
    assert next(_steps(begun)).epoch == 2


def test_a_full_disk_keeps_the_state_before(begun: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (begun / STATE).read_bytes()

    def full(tensors: object, path: Path, metadata: object) -> None:
        path.write_bytes(b"half")
        raise resume.SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(resume, "save_file", full)
    with pytest.raises(UserError, match="could not be saved"):
        next(_steps(begun))
    assert (begun / STATE).read_bytes() == before
    assert [path.name for path in begun.iterdir()] == [STATE]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="could not be saved"):
        next(_steps(tmp_path / "file" / "state"))
