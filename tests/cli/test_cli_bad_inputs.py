"""Bad files and full disks on the command line, with the real input check and a tiny network."""

from __future__ import annotations

import csv
import errno
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import Result
from PIL import Image

from napari_unet.core.input_rule import InputRule
from napari_unet.models.card import ModelCard, NetSpec
from napari_unet.models.checkpoint import build_net, save_model

Run = Callable[..., Result]


@pytest.fixture(scope="module", autouse=True)
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A model called "tiny" that answers something for every image."""
    library = tmp_path_factory.mktemp("library")
    torch.manual_seed(0)
    net = NetSpec(arguments={"base": 2, "depth": 1})
    save_model(
        build_net(net).state_dict(),
        ModelCard(name="tiny", net=net, input=InputRule(size=(32, 32)), sha256=""),
        library / "tiny",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NAPARI_UNET_MODELS", str(library))
        yield library


@pytest.fixture
def segment(run: Run, tmp_path: Path) -> Callable[..., Result]:
    """`segment` with the tiny model into the folder `out`."""
    return lambda *given: run("segment", *given, "-o", tmp_path / "out", "--model", "tiny", "--device", "cpu")


@pytest.fixture
def radiograph() -> np.ndarray:
    """uint8 (96, 96): smooth, so that every input check lets it pass."""
    y, x = np.mgrid[-1:1:96j, -1:1:96j]
    return np.rint(120 + 100 * np.cos(3 * x) * np.cos(2 * y)).astype(np.uint8)


def errors(folder: Path) -> list[str]:
    with (folder / "report.csv").open(encoding="utf-8", newline="") as file:
        return [row["error"] for row in csv.DictReader(file)]


def truncated(path: Path, pixels: np.ndarray) -> Path:
    Image.fromarray(pixels).save(path.with_suffix(".png"))
    content = path.with_suffix(".png").read_bytes()
    path.with_suffix(".png").write_bytes(content[: len(content) // 2])
    return path.with_suffix(".png")


def zero_bytes(path: Path, pixels: np.ndarray) -> Path:
    path.with_suffix(".dcm").touch()
    return path.with_suffix(".dcm")


def without_pixels(path: Path, pixels: np.ndarray) -> Path:
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = ComputedRadiographyImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID = meta.MediaStorageSOPClassUID
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    dataset.Modality = "CR"
    dataset.save_as(path.with_suffix(".dcm"), enforce_file_format=True)
    return path.with_suffix(".dcm")


def one_pixel(path: Path, pixels: np.ndarray) -> Path:
    Image.fromarray(pixels[:1, :1]).save(path.with_suffix(".png"))
    return path.with_suffix(".png")


def not_a_number(path: Path, pixels: np.ndarray) -> Path:
    import tifffile

    tifffile.imwrite(path.with_suffix(".tif"), np.full(pixels.shape, np.nan, np.float32))
    return path.with_suffix(".tif")


def photograph(path: Path, pixels: np.ndarray) -> Path:
    Image.fromarray(np.stack([pixels, pixels.T, 255 - pixels], axis=-1)).save(path.with_suffix(".jpg"))
    return path.with_suffix(".jpg")


def constant(path: Path, pixels: np.ndarray) -> Path:
    Image.fromarray(np.full_like(pixels, 9)).save(path.with_suffix(".png"))
    return path.with_suffix(".png")


def text(path: Path, pixels: np.ndarray) -> Path:
    path.with_suffix(".png").write_text("not a picture at all")
    return path.with_suffix(".png")


@pytest.mark.parametrize(
    "bad",
    [truncated, zero_bytes, without_pixels, one_pixel, not_a_number, photograph, constant, text],
    ids=lambda make: make.__name__,
)
def test_bad_files_are_named_with_remedy_and_the_rest_goes_on(
    segment: Callable[..., Result], tmp_path: Path, radiograph: np.ndarray, bad: Callable[..., Path]
) -> None:
    broken = bad(tmp_path / "나쁜 파일 a", radiograph)
    good = tmp_path / "좋은 사진 b.png"
    Image.fromarray(radiograph).save(good)
    before = {path: path.read_bytes() for path in (broken, good)}
    result = segment(broken, good)
    assert result.exit_code == 1, result.output
    problem, fine = errors(tmp_path / "out")
    assert not fine
    assert problem and "Unexpected" not in problem
    assert problem.count(".") >= 2  # what is wrong, and the remedy
    assert problem in " ".join(result.stderr.split("\n"))
    written = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert written == ["report.csv", "segment.resume.jsonl", "좋은 사진 b_mask.png"]
    assert before == {path: path.read_bytes() for path in (broken, good)}


def test_a_name_that_is_too_long_for_its_mask_is_told(
    segment: Callable[..., Result], tmp_path: Path, radiograph: np.ndarray
) -> None:
    Image.fromarray(radiograph).save(image := tmp_path / f"{'n' * 248}.png")
    result = segment(image)
    assert result.exit_code == 1
    assert "is too long for a file. Use a shorter name for the image." in result.stderr
    assert "Errno" not in result.stderr


def test_a_full_disk_leaves_the_earlier_masks(
    segment: Callable[..., Result], tmp_path: Path, radiograph: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = tmp_path / "a.png"
    Image.fromarray(radiograph).save(image)
    assert segment(image).exit_code == 0
    out = tmp_path / "out"
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    result = segment(image)
    assert result.exit_code == 1
    assert "disk is full" in str(result.exception)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


_READ_ONLY = """
import os, sys
from typer.testing import CliRunner
from napari_unet.cli.main import app
image, good, closed = sys.argv[1:]
def segment(out):
    return CliRunner().invoke(app, ["segment", image, "-o", out, "--model", "tiny", "--device", "cpu"])
assert segment(good).exit_code == 0  # everything is imported now
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
for out in (closed, closed + "/new"):
    result = segment(out)
    print(result.exit_code, result.exception)
"""


@pytest.mark.skipif(os.name != "posix", reason="folders are made read-only in another way here")
def test_a_read_only_folder_is_told_at_once(tmp_path: Path, radiograph: np.ndarray) -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        closed = folder / "closed"
        closed.mkdir()
        Image.fromarray(radiograph).save(folder / "a.png")
        closed.chmod(0o555)
        folder.chmod(0o755)
        given = [folder / "a.png", tmp_path / "good", closed]
        command = [sys.executable, "-c", _READ_ONLY, *map(str, given)]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        existing, new = ran.stdout.splitlines()
        assert existing.startswith("1 ") and "cannot be written to" in existing
        assert new.startswith("1 ") and "cannot be made" in new
        assert list(closed.iterdir()) == []
