from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from exchange_fakes import with_replay_set
from net_fakes import saved

from napari_unet.core.errors import UserError
from napari_unet.models import export_onnx
from napari_unet.models.library import default_library

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a library in it that holds `mine`, which has a replay set of two images."""
    monkeypatch.setenv("NAPARI_UNET_MODELS", str(tmp_path / "library"))
    monkeypatch.chdir(tmp_path)
    with_replay_set(tmp_path / "library" / "mine")
    return tmp_path


def test_out_and_in_again(run: Run, here: Path) -> None:
    done = run("models", "export", "mine")
    assert done.exit_code == 0 and "mine 1 is in mine.zip" in done.stdout
    assert "the 2 images in the replay set of mine" in done.stderr and "--with-memory" in done.stderr
    done = run("models", "import", "mine.zip", "--name", "theirs", "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout) == {
        "name": "theirs",
        "version": "1",
        "folder": str(here / "library" / "theirs"),
    }
    card = default_library().find("theirs").card
    assert card.memory is None and run("models", "verify", "theirs").exit_code == 0


def test_memory_goes_along_if_asked(run: Run, here: Path) -> None:
    (here / "usb").mkdir()
    done = run("models", "export", "mine", "--to", "usb", "--with-memory")
    assert done.exit_code == 0 and done.stderr == ""
    assert run("models", "import", "usb/mine.zip", "--name", "theirs").exit_code == 0
    card = default_library().find("theirs").card
    assert card == default_library().find("mine").card.model_copy(update={"name": "theirs"})


def test_what_a_shipped_model_remembers_is_public_and_goes_along(run: Run, here: Path) -> None:
    done = run("models", "export", "cxr-lung")
    assert done.exit_code == 0 and done.stderr == ""
    assert run("models", "import", "cxr-lung.zip", "--name", "copy").exit_code == 0
    shipped, copy = default_library().find("cxr-lung"), default_library().find("copy")
    assert copy.card.memory == shipped.card.memory is not None
    assert copy.replay_file.read_bytes() == shipped.replay_file.read_bytes()


def test_twice(run: Run, here: Path) -> None:
    assert run("models", "export", "mine").exit_code == 0
    again = run("models", "export", "mine")
    assert again.exit_code == 1 and isinstance(again.exception, UserError)
    again = run("models", "import", "mine.zip")
    assert again.exit_code == 1 and "--name" in str(again.exception)


def test_a_package_says_what_it_does_not_say(run: Run, here: Path) -> None:
    done = run("models", "export", "mine", "--bioimageio")
    assert done.exit_code == 0 and (here / "mine.bioimageio.zip").is_file()
    assert "--author" in done.stderr and "--licence" in done.stderr
    done = run("models", "import", "mine.bioimageio.zip")
    assert done.exit_code == 1 and "BioImage.IO" in str(done.exception)


def test_failures(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_onnx, "find_spec", lambda name: None)
    done = run("models", "export", "mine", "--onnx", "m.onnx")
    assert done.exit_code == 1 and "pip install" in str(done.exception)
    saved(here / "new", name="new")
    (here / "new" / "old.pth").write_bytes(b"")
    done = run("models", "import", "new")
    assert done.exit_code == 1 and "pickle" in str(done.exception)
    assert not (here / "library" / "new").exists() and not (here / "m.onnx").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["export"],
        ["import"],
        ["export", "mine", "--to", "mine.tar"],
        ["export", "mine", "--onnx", "mine.zip"],
        ["export", "mine", "--onnx", "m.onnx", "--bioimageio"],
        ["export", "mine", "--onnx", "m.onnx", "--to", "m.zip"],
        ["export", "mine", "--bioimageio", "--with-memory"],
        ["export", "mine", "--author", "Somebody"],
        ["export", "mine", "--bioimageio", "--licence", "free"],
        ["export", "mine", "--bioimageio", "--licence", "MIT OR Apache-2.0"],
    ],
)
def test_wrong_usage(run: Run, here: Path, arguments: list[str]) -> None:
    assert run("models", *arguments).exit_code == 2
    assert sorted(path.name for path in here.iterdir()) == ["library"]
