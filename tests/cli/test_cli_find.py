"""`find`: the table, the pictures, names, exit codes."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pypdfium2
import pytest
from click.testing import Result
from finding_fakes import FINDINGS, library_with, no_chest
from PIL import Image

from napari_unet.resources_path import resource

Run = Callable[..., Result]
COLUMNS = ["case", "model", "version", "abnormal", "tb_like", "effusion", "zone", "notes", "error"]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    library_with(folder)
    return folder


@pytest.fixture
def images(tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an X-ray, one more in a folder below it, and a picture of nothing."""
    monkeypatch.setenv("NAPARI_UNET_MODELS", str(models))
    folder = tmp_path / "images"
    (folder / "below").mkdir(parents=True)
    shutil.copy(resource("samples", "hannover_0a7faa2a.png"), folder / "a.png")
    shutil.copy(resource("samples", "hannover_1052b0fe.png"), folder / "below" / "b.png")
    return folder


def table(out: Path) -> list[dict[str, str]]:
    with (out / "findings.csv").open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        assert reader.fieldnames == COLUMNS
        return list(reader)


def test_writes_the_table_with_scores_from_0_to_100(run: Run, images: Path, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    result = run("find", images, "-o", out, "--model", "toy-finding", "--device", "cpu")
    assert result.exit_code == 0, result.output
    (row,) = table(out)
    assert (row["case"], row["model"], row["version"], row["error"]) == ("a", "toy-finding", "1", "")
    assert all(0 <= float(row[name]) <= 100 for name in FINDINGS)
    assert "of 100 normal images" in row["notes"] and "rank among images" in result.output
    assert [path.name for path in out.iterdir()] == ["findings.csv", "find.resume.jsonl"]


def test_recursive_heatmap_json(run: Run, images: Path, tmp_path: Path) -> None:
    options = ("--model", "toy-finding", "--device", "cpu", "--recursive", "--heatmap", "--json")
    result = run("find", images, "-o", tmp_path / "out", *options)
    assert result.exit_code == 0, result.output
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert [record["case"] for record in records] == ["a", "b"]
    assert tuple(records[0]["scores"]) == FINDINGS and records[0]["thresholds"] == {"abnormal": 50}
    for record in records:
        (file,) = record["files"]
        with Image.open(file) as picture:
            assert picture.mode == "RGB" and picture.size[0] == 512 < picture.size[1]
    assert sorted(path.name for path in (tmp_path / "out").glob("*.png")) == [
        "a_heatmap.png",
        "b_heatmap.png",
    ]


def test_one_bad_file_costs_only_itself(run: Run, images: Path, tmp_path: Path) -> None:
    Image.fromarray(no_chest()).save(images / "noise.png")
    (images / "broken.png").write_bytes(b"no image")
    result = run("find", images, "-o", tmp_path / "out", "--model", "toy-finding", "--device", "cpu")
    assert result.exit_code == 1
    rows = {row["case"]: row for row in table(tmp_path / "out")}
    assert not rows["a"]["error"] and rows["a"]["abnormal"]
    assert rows["noise"]["error"].startswith("No score, because the lungs were not found")
    assert rows["broken"]["error"] and not rows["broken"]["abnormal"]


def test_anonymous_names_nothing(run: Run, images: Path, tmp_path: Path) -> None:
    Image.fromarray(no_chest()).save(images / "secret.png")
    options = ("--model", "toy-finding", "--device", "cpu", "--anonymous", "--heatmap", "--json")
    result = run("find", images, "-o", tmp_path / "out", *options)
    text = (tmp_path / "out" / "findings.csv").read_text() + result.stdout + result.stderr
    assert "secret" not in text and str(images) not in text
    assert all(row["case"].startswith("case-") for row in table(tmp_path / "out"))


def test_results_in_the_folder_of_the_images(run: Run, images: Path) -> None:
    """A second run replaces the pictures of the first and does not look at them; a user's own is kept."""
    options = ("-o", images, "--model", "toy-finding", "--device", "cpu", "--heatmap")
    for _ in range(2):
        assert run("find", images, *options).exit_code == 0
        assert [row["case"] for row in table(images)] == ["a"]
    (images / "findings.csv").unlink()
    before = (images / "a_heatmap.png").read_bytes()
    result = run("find", images / "a.png", *options)
    assert result.exit_code == 1 and "not overwritten" in table(images)[0]["error"]
    assert (images / "a_heatmap.png").read_bytes() == before


@pytest.mark.parametrize("model", ["no-such-model", "cxr-lung"])
def test_a_model_that_cannot_score_is_wrong_usage(run: Run, images: Path, tmp_path: Path, model: str) -> None:
    result = run("find", images, "-o", tmp_path / "out", "--model", model)
    assert result.exit_code == 2 and model in result.stderr
    assert not (tmp_path / "out" / "findings.csv").exists()


def test_nothing_to_look_at(run: Run, tmp_path: Path) -> None:
    (tmp_path / "x_mask.png").write_bytes(b"")
    result = run("find", tmp_path / "x_mask.png", "-o", tmp_path / "out")
    assert result.exit_code != 0 and "no image to look at" in str(result.exception)


def test_ctrl_c_leaves_the_table_of_what_is_done(
    run: Run, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_unet.cli import find_batch

    real, asked = find_batch.steps, []

    def once(*given: object, **arguments: object) -> object:
        asked.append(given)
        if len(asked) > 1:
            raise KeyboardInterrupt
        return real(*given, **arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(find_batch, "steps", once)
    options = ("--model", "toy-finding", "--device", "cpu", "--recursive")
    result = run("find", images, "-o", tmp_path / "out", *options)
    assert result.exit_code == 130
    assert [row["case"] for row in table(tmp_path / "out")] == ["a"]


def test_a_ct_gets_no_score(run: Run, images: Path, tmp_path: Path) -> None:
    import tifffile

    tifffile.imwrite(tmp_path / "ct.tif", np.full((64, 64), -1000, np.int16) + np.eye(64, dtype=np.int16))
    result = run("find", tmp_path / "ct.tif", "-o", tmp_path / "out", "--model", "toy-finding")
    assert result.exit_code == 1
    assert table(tmp_path / "out")[0]["error"].startswith("No score, because the image is a CT")


def test_a_page_about_each_image(run: Run, images: Path, tmp_path: Path) -> None:
    done = run("find", images, "-o", tmp_path / "out", "--model", "toy-finding", "--device", "cpu", "--page")
    pages = sorted(path.name for path in (tmp_path / "out").glob("*.pdf"))
    assert pages == ["a_findings.pdf"], done.output
    (page,) = pypdfium2.PdfDocument(tmp_path / "out" / "a_findings.pdf")
    said = page.get_textpage().get_text_range()
    assert "toy-finding" in said and "abnormal" in said and "research use only" in said
    again = run(
        *("find", images, "-o", tmp_path / "out", "--model", "toy-finding", "--device", "cpu"),
        *("--page", "--resume"),
    )
    assert "1 of them before" in again.output.replace("\n", " ")
