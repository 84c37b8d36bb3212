"""`segment --resume`: what is missing, or was made by anything else, and nothing more."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from PIL import Image

from napari_unet.cli.resume import KILLS, ResumeRecord
from napari_unet.core.errors import UserError
from napari_unet.models.library import default_library

Run = Callable[..., Result]
Save = Callable[..., Path]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def images(save: Save, two_lungs: np.ndarray) -> Path:
    """a.png, b.png and c.png, all different."""
    for shift, name in enumerate(("a.png", "b.png", "c.png")):
        save(name, np.roll(two_lungs, shift, axis=0))
    return save("a.png", two_lungs).parent


def rows(out: Path) -> list[list[str]]:
    with (out / "report.csv").open(newline="") as file:
        return list(csv.reader(file))


def resumed(run: Run, images: Path, out: Path, *more: object) -> Result:
    done = run("segment", images, "-o", out, "--resume", *more)
    assert done.exit_code == 0, done.output
    return done


def test_a_second_run_does_nothing_and_reports_everything(
    run: Run, images: Path, out: Path, seen: list[str]
) -> None:
    assert run("segment", images, "-o", out).exit_code == 0
    before = rows(out)
    masks = {path: path.stat().st_mtime_ns for path in out.glob("*_mask.png")}
    seen.clear()
    done = resumed(run, images, out)
    assert seen == [] and rows(out) == before
    assert "3 of 3 segmented, 3 of them before" in done.output
    assert {path: path.stat().st_mtime_ns for path in out.glob("*_mask.png")} == masks


def test_without_the_option_everything_is_made_again(
    run: Run, images: Path, out: Path, seen: list[str]
) -> None:
    for _ in range(2):
        assert run("segment", images, "-o", out).exit_code == 0
    assert seen == ["a", "b", "c"] * 2


def test_new_changed_and_missing_cases_are_made(
    run: Run, images: Path, out: Path, seen: list[str], save: Save, two_lungs: np.ndarray
) -> None:
    resumed(run, images, out)
    save("b.png", np.roll(two_lungs, 9, axis=0))
    save("d.png", np.roll(two_lungs, 5, axis=0))
    (out / "c_mask.png").unlink()
    seen.clear()
    resumed(run, images, out)
    assert seen == ["b", "c", "d"] and [row[0] for row in rows(out)[1:]] == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    "other",
    [("--threshold", 0.7), ("--labels", "left-right"), ("--probability",), ("--overlay",)],
    ids=lambda one: one[0],
)
def test_other_options_make_everything_again(
    run: Run, images: Path, out: Path, seen: list[str], other: tuple[object, ...]
) -> None:
    resumed(run, images, out)
    seen.clear()
    resumed(run, images, out, *other)
    assert seen == ["a", "b", "c"]
    seen.clear()
    resumed(run, images, out, *other)
    assert seen == []


@pytest.mark.parametrize("what", ["model", "program", "backend"])
def test_another_model_program_or_backend_makes_everything_again(
    run: Run,
    images: Path,
    out: Path,
    seen: list[str],
    what: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    chosen: list[object] = []
    if what == "model":  # the same weights under a card with another mask rule
        own = tmp_path / "own"
        shutil.copytree(default_library().find("cxr-lung").folder, own)
        chosen = ["--model", own]
    resumed(run, images, out, *chosen)
    if what == "model":
        card = json.loads((own / "card.json").read_text())
        card["limits"] = [*card["limits"], "Another card."]
        (own / "card.json").write_text(json.dumps(card))
    elif what == "program":
        monkeypatch.setattr("napari_unet.__version__", "99.0")
    else:
        monkeypatch.setattr("napari_unet.inference.backend.version", lambda name: "99.0")
    seen.clear()
    resumed(run, images, out, *chosen)
    assert seen == ["a", "b", "c"]


def test_a_mask_that_somebody_changed_is_kept_and_told(
    run: Run, images: Path, out: Path, seen: list[str]
) -> None:
    resumed(run, images, out)
    mine = np.full((40, 60), 255, np.uint8)
    Image.fromarray(mine).save(out / "b_mask.png")
    seen.clear()
    done = resumed(run, images, out)
    assert seen == [] and "b_mask.png was changed since it was made, and is kept." in done.stderr
    assert (np.asarray(Image.open(out / "b_mask.png")) == mine).all()


def test_failed_cases_are_tried_again(run: Run, images: Path, out: Path, seen: list[str], save: Save) -> None:
    save("b.png", np.zeros((40, 60), np.uint8))
    assert run("segment", images, "-o", out).exit_code == 1
    seen.clear()
    assert run("segment", images, "-o", out, "--resume").exit_code == 1
    assert seen == ["b"] and "empty" in rows(out)[2][8]


def test_json_says_which_were_done_before(
    run: Run, images: Path, out: Path, seen: list[str], save: Save
) -> None:
    resumed(run, images, out)
    save("d.png")
    lines = [json.loads(line) for line in resumed(run, images, out, "--json").stdout.splitlines()]
    assert [(line["case"], line["resumed"]) for line in lines] == [
        *(("a", True), ("b", True), ("c", True), ("d", False))
    ]
    assert lines[0]["files"] == [str(out / "a_mask.png")] and lines[0]["area_px"] > 0
    assert set(lines[0]) == set(lines[3])


def test_an_anonymous_record_holds_no_name(
    run: Run, images: Path, out: Path, seen: list[str], save: Save
) -> None:
    save("Kim_Minsu.png")
    resumed(run, images, out, "--anonymous")
    assert "Kim" not in (out / "segment.resume.jsonl").read_text()
    seen.clear()
    resumed(run, images, out, "--anonymous")
    assert seen == []


def test_a_record_that_was_cut_or_is_none_of_ours_is_no_obstacle(
    run: Run, images: Path, out: Path, seen: list[str]
) -> None:
    resumed(run, images, out)
    record = out / "segment.resume.jsonl"
    whole = record.read_bytes()
    record.write_bytes(whole[:-20])  # the last line was being written
    seen.clear()
    resumed(run, images, out)
    assert seen == ["c"]
    record.write_bytes(b"\xff\xfe nonsense")
    seen.clear()
    resumed(run, images, out)
    assert seen == ["a", "b", "c"]


# -- the program is killed --


def test_a_case_that_kills_the_program_goes_last_and_is_set_aside_in_the_end(
    run: Run, images: Path, out: Path, seen: list[str]
) -> None:
    out.mkdir()
    record = ResumeRecord(out, "segment", {}, again=False)
    record.begin("a")  # and nothing more: the program was killed
    resumed(run, images, out)
    assert seen == ["b", "c", "a"] and [row[0] for row in rows(out)[1:]] == ["a", "b", "c"]
    for _ in range(KILLS):
        record = ResumeRecord(out, "segment", {}, again=False)
        record._kills["b"] = 0
        record.begin("b")
    (out / "b_mask.png").unlink()
    seen.clear()
    done = run("segment", images, "-o", out, "--resume")
    assert done.exit_code == 1 and seen == []
    assert "killed 2 times while it worked on this image" in rows(out)[2][8]


def test_a_run_that_is_stopped_in_order_has_killed_nothing(tmp_path: Path) -> None:
    for _ in range(5):
        record = ResumeRecord(tmp_path, "segment", {}, again=False)
        record.begin("a")
        record.leave("a")
    assert not ResumeRecord(tmp_path, "segment", {}, again=False).was_killed_at("a")


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_kill_9_in_the_middle_and_again(tmp_path: Path, images: Path, out: Path) -> None:
    """A real process, a real kill: the next run does the rest, and the report has all."""
    program = (
        "import os, signal\n"
        "from napari_unet.cli import case_batch\n"
        "read = case_batch.read_raster\n"
        "def kills(source):\n"
        "    if source.path.stem == 'b' and os.environ.get('KILL'):\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return read(source)\n"
        "case_batch.read_raster = kills\n"
        "from napari_unet.cli.main import main\n"
        "main()\n"
    )
    asked = ["segment", str(images), "-o", str(out), "--device", "cpu", "--resume"]

    def process(**more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", program, *asked]
        return subprocess.run(command, env=os.environ | more, capture_output=True, text=True, check=False)

    assert process(KILL="1").returncode == -signal.SIGKILL
    done = process()
    assert "of 3" in done.stdout, done.stderr
    names = [row[0] for row in rows(out)[1:]]
    assert names == ["a", "b", "c"]


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = ResumeRecord(tmp_path, "segment", {}, again=False)

    def full(*_: Any, **__: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(UserError, match="No space left"):
        record.begin("a")
