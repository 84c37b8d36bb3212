from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from napari_unet import doctor
from napari_unet.core.errors import UserError
from napari_unet.doctor import Check, foreign_files, refuse_foreign_files, run_checks
from napari_unet.models import library as models

Run = Callable[..., Result]


@pytest.fixture
def rival(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another distribution that owns files in our package, as its RECORD says."""
    info = tmp_path / "site" / "napari_unet-0.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: napari-unet\nVersion: 0.1\n")
    (info / "RECORD").write_text("napari_unet/__init__.py,,\nnapari_unet/a b.py,,\nother/x.py,,\n")
    monkeypatch.syspath_prepend(str(info.parent))
    return info


def test_nobody_else_has_files_in_our_package() -> None:
    assert foreign_files() == []
    refuse_foreign_files()


def test_a_rival_is_named(rival: Path) -> None:
    expected = ["napari_unet/__init__.py (napari-unet)", "napari_unet/a b.py (napari-unet)"]
    assert foreign_files() == expected
    with pytest.raises(UserError, match="cannot share an environment"):
        refuse_foreign_files()


def test_a_rival_without_record_is_named_too(rival: Path) -> None:
    (rival / "RECORD").unlink()
    assert foreign_files() == ["napari_unet (napari-unet)"]


def test_with_a_rival_doctor_and_segment_refuse(rival: Path, run: Run, tmp_path: Path) -> None:
    told = run("doctor")
    assert told.exit_code == 1
    assert "share an environment" in " ".join(told.stdout.split())
    refused = run("segment", tmp_path, "-o", tmp_path / "out")
    assert isinstance(refused.exception, UserError)
    assert not (tmp_path / "out").exists()


def found(name: str) -> Check:
    (check,) = [check for check in run_checks() if check.name == name]
    return check


def test_every_problem_has_a_remedy() -> None:
    checks = list(run_checks())
    assert {"Python", "napari-unet-lung", "requirements", "device cpu", "napari", "Qt", "OpenGL"} <= {
        check.name for check in checks
    }
    assert [check for check in checks if (check.status == "problem") and not check.remedy] == []


def test_a_damaged_model_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "card.json").write_text("{ not json")
    monkeypatch.setenv("NAPARI_UNET_MODELS", str(tmp_path))
    assert found("model mine").status == "problem"


def test_wrong_weights_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = models.ModelCard(name="mine", sha256="0" * 64)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "card.json").write_text(card.model_dump_json())
    (tmp_path / "mine" / "weights.safetensors").write_bytes(b"something else")
    monkeypatch.setenv("NAPARI_UNET_MODELS", str(tmp_path))
    check = found("model mine")
    assert check.status == "problem"
    assert "checksum" in check.found


def test_a_model_folder_that_cannot_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAPARI_UNET_MODELS", str(tmp_path / "models"))
    assert found("model folder").status == "ok"
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert found("model folder").status == "problem"


def test_the_model_folder_chosen_in_napari_is_looked_at_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """napari's own file of settings, as its preferences write it."""
    card = models.ModelCard(name="mine", sha256="0" * 64)
    (tmp_path / "chosen" / "mine").mkdir(parents=True)
    (tmp_path / "chosen" / "mine" / "card.json").write_text(card.model_dump_json())
    (tmp_path / "napari").mkdir()
    monkeypatch.setenv("NAPARI_CONFIG", str(tmp_path / "napari" / "settings.yaml"))
    assert "model folder of the window" not in [check.name for check in doctor._models()]
    settings = f"segmentation:\n  library_folder: {tmp_path / 'chosen'}\n"
    (tmp_path / "napari" / "napari-unet-lung.yaml").write_text(settings)
    checks = {check.name: check for check in doctor._models() if check.name.endswith("of the window")}
    assert str(tmp_path / "chosen") in checks["model folder of the window"].found
    assert checks["model mine of the window"].status == "problem"


def test_a_check_that_breaks_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks() -> object:
        raise RuntimeError("surprise")

    monkeypatch.setattr(doctor, "default_library", breaks)
    assert [check.found for check in run_checks() if check.name == "models"] == ["RuntimeError: surprise"]


def test_without_a_screen_opengl_is_no_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert found("OpenGL").status == "note"
