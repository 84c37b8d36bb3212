"""The program as people start it: a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from napari_unet.cli.main import main

PROGRAM = Path(sys.executable).with_name("napari-unet-lung")
HEAVY = ("torch", "napari", "qtpy", "pydantic", "skimage", "scipy", "nibabel", "pydicom")


def start(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [str(PROGRAM), *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", check=False, stdin=subprocess.DEVNULL
    )


def test_version_and_no_arguments() -> None:
    assert start("--version").returncode == 0
    assert start().returncode == 2


@pytest.mark.parametrize("command", ["segment", "evaluate", "train", "models", "doctor", "demo"])
def test_every_command_has_help(run: Callable[..., Result], command: str) -> None:
    assert run(command, "--help").exit_code == 0


def test_help_imports_nothing_heavy() -> None:
    code = "import sys, napari_unet.cli.main; print([m for m in sys.argv[1:] if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code, *HEAVY], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_unknown_models_and_devices_are_wrong_usage(tmp_path: Path) -> None:
    for option in ("--model", "--device"):
        ran = start("segment", tmp_path / "a.png", "-o", tmp_path / "out", option, "no such thing")
        assert ran.returncode == 2, ran.stderr
        assert "no such thing" in ran.stderr
        assert ran.stdout == ""


def test_a_recipe_that_is_not_there_is_wrong_usage(run: Callable[..., Result], tmp_path: Path) -> None:
    result = run("train", tmp_path / "nope.yaml")
    assert result.exit_code == 2
    assert "does not exist. Check the name." in result.stderr
    assert "Errno" not in result.stderr


def test_a_user_error_is_one_line(tmp_path: Path) -> None:
    ran = start("evaluate", "--predictions", tmp_path, "--references", tmp_path, "-o", tmp_path / "r.csv")
    assert ran.returncode == 1
    assert ran.stderr.startswith("Error: No mask in")
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    "command", [("segment", "-o", "out"), ("review", "add", "."), ("review", "new"), ("review", "verify")]
)
def test_a_name_that_no_system_takes_is_one_line(tmp_path: Path, command: tuple[str, ...]) -> None:
    ran = start(*command, f"{tmp_path}/{'a.png ' * 60}")
    assert ran.returncode == 1
    assert ran.stderr.startswith("Error: ") and "Traceback" not in ran.stderr


def test_ctrl_c_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("napari_unet.io.names.list_images", interrupted)
    monkeypatch.setattr(sys, "argv", ["napari-unet-lung", "compare", "cxr-lung", "cxr-lung"])
    sys.argv += ["--images", str(tmp_path), "--masks", str(tmp_path)]
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130
    assert capsys.readouterr().err.strip() == "Stopped."


def test_the_shipped_model_on_a_sample(tmp_path: Path) -> None:
    import numpy as np

    from napari_unet.core.metrics import dice
    from napari_unet.io.formats import read_mask
    from napari_unet.samples import SAMPLES

    sample = SAMPLES[1]
    ran = start("segment", sample.image, "-o", tmp_path, "--device", "cpu", "--json")
    assert ran.returncode == 0, ran.stderr
    record = json.loads(ran.stdout)
    assert (record["model"], record["error"]) == ("cxr-lung", "")
    mask = read_mask(tmp_path / f"{sample.image.stem}_mask.png")
    assert set(np.unique(mask)) == {0, 255}
    assert dice(mask > 0, read_mask(sample.mask) > 0) > 0.8  # the reference has the lung behind the heart too
