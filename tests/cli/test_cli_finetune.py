"""`napari-unet-lung finetune` and `compare`, as a person types them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from click.testing import Result
from net_fakes import lungs, saved, xray
from PIL import Image

from napari_unet.core.errors import UserError
from napari_unet.core.input_rule import InputRule
from napari_unet.core.intensity import IntensityRule
from napari_unet.core.steps import run as run_steps
from napari_unet.models.card import NetSpec
from napari_unet.models.library import default_library
from napari_unet.models.output import Output
from napari_unet.review.scan import scan_steps
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import Author, AuthorKind, NewCase
from napari_unet.training.adapt_config import PRESETS

Run = Callable[..., Result]
PERCENTILES = IntensityRule("percentiles", 0.5, 99.5)


def model(folder: Path, name: str, seed: int = 0, **fields: Any) -> None:
    size = InputRule(size=(32, 32))
    saved(folder / name, seed, name=name, input=size, intensity=PERCENTILES, **fields)


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model folder with "tiny" in it; the preset "quick" is quicker."""
    folder = tmp_path / "models"
    model(folder, "tiny")
    monkeypatch.setenv("NAPARI_UNET_MODELS", str(folder))
    quick = replace(PRESETS["quick"], steps=6, check_every=3, learning_rate=3e-2)
    monkeypatch.setitem(PRESETS, "quick", quick)
    return folder


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Three X-rays of 40 × 48 pixels, and their masks in `masks` beside the folder."""
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    for k in range(3):
        pixels = (xray(lungs(40, 48), k) * 255).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / "images" / f"{k}.png")
        Image.fromarray(lungs(40, 48).astype(np.uint8) * 255).save(tmp_path / "masks" / f"{k}_mask.png")
    return tmp_path / "images"


@pytest.fixture
def project(tmp_path: Path, images: Path, run: Run) -> Path:
    """Three accepted cases."""
    folder = tmp_path / "project"
    assert run("review", "new", folder, "--protocol", "heart left out").exit_code == 0
    added = run("review", "add", folder, images, "--masks", tmp_path / "masks", "--accept")
    assert added.exit_code == 0, added.output
    return folder


def test_accepted_cases_make_a_model_that_segments(
    run: Run, project: Path, models: Path, images: Path, tmp_path: Path
) -> None:
    made = run("finetune", project, "--from", "tiny", "--name", "ours", "--device", "cpu")
    assert made.exit_code == 0, made.output
    assert "on your images" in made.stdout and f"The model ours is in {models / 'ours'}" in made.stdout
    assert "3 cases are few" in made.stderr
    listed = run("models", "list", "--json")
    assert "ours" in [json.loads(line)["name"] for line in listed.stdout.splitlines()]
    shown = json.loads(run("models", "show", "ours", "--json").stdout)
    assert shown["protocol"] == "heart left out" and shown["parent"] == "tiny"
    assert len(shown["trained_on"]) == 3
    done = run("segment", images, "-o", tmp_path / "out", "--model", "ours", "--device", "cpu")
    assert done.exit_code == 0, done.output


def test_json_tells_name_seconds_scores_and_verdict(run: Run, project: Path, models: Path) -> None:
    made = run("finetune", project, "--from", "tiny", "--seed", "3", "--json", "--threads", "1")
    assert made.exit_code == 0, made.output
    (line,) = made.stdout.splitlines()
    found = json.loads(line)
    assert found["name"].startswith("tiny-") and found["parent"] == "tiny"
    assert found["seconds"]["training"] > 0 and found["seconds"]["gate"] > 0
    assert found["verdict"].endswith(".")
    held_out = found["scores"]["held_out"]
    assert held_out["cases"] == len(held_out["each"]) == 3
    assert 0 <= held_out["dice"]["old"] <= 1 and 0 <= held_out["dice"]["new"] <= 1
    assert found["scores"]["reference"] is None
    assert [(one["on"], one["metric"], one["judges"]) for one in found["evidence"]] == [
        ("your images", "dice", True),
        ("your images", "hd95", False),
    ]
    assert found["evidence"][0]["old"] == held_out["dice"]["old"]
    training = default_library().find(found["name"]).card.training
    assert (training["seed"], training["threads"], training["preset"]) == (3, 1, "quick")


def test_images_that_nobody_has_touched_are_looked_at_by_both_models(
    run: Run, project: Path, models: Path, tmp_path: Path
) -> None:
    (tmp_path / "more").mkdir()
    for k in range(7, 9):
        pixels = (xray(lungs(40, 48), k) * 255).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / "more" / f"{k}.png")
    added = run("review", "add", project, tmp_path / "more", "--model", "tiny", "--device", "cpu")
    assert added.exit_code == 0, added.output
    made = run("finetune", project, "--from", "tiny", "--name", "ours", "--json")
    (place,) = json.loads(made.stdout)["drift"]
    assert place["on"] == "your untouched images" and len(place["each"]) == 2
    assert {"image", "dice", "zones", "leaks", "checks", "reason"} == place["each"][0].keys()
    card = default_library().find("ours").card
    assert card.gate is not None and card.gate.drift[0].place == place["on"]
    shown = run("finetune", project, "--from", "tiny", "--name", "again")
    assert "Drift on your untouched images" in shown.stdout and "Dice against tiny" in shown.stdout


def test_the_same_command_gives_the_same_weights(run: Run, project: Path, models: Path) -> None:
    for name in ("a", "b"):
        assert run("finetune", project, "--from", "tiny", "--name", name, "--threads", "1").exit_code == 0
    one, two = (default_library().find(name).weights.read_bytes() for name in ("a", "b"))
    assert one == two


def test_words_that_differ_are_asked_about_and_nothing_is_made(run: Run, project: Path, models: Path) -> None:
    model(models, "sides", protocol="heart included")
    asked = run("finetune", project, "--from", "sides", "--name", "ours")
    assert asked.exit_code == 2, asked.output
    said = asked.stderr
    assert "“heart left out”" in said and "“heart included”" in said
    command = f"napari-unet-lung finetune {project} --preset quick --from sides --name ours --protocol"
    assert f"{command} same" in said and f"{command} other" in said
    assert not (models / "ours").exists()
    wrong = run("finetune", project, "--from", "sides", "--protocol", "mine")
    assert wrong.exit_code == 2 and "mine" in wrong.stderr


def test_another_protocol_makes_a_model_of_two_answers(
    run: Run, project: Path, models: Path, images: Path, tmp_path: Path
) -> None:
    model(models, "sides", protocol="heart included")
    options = ("--from", "sides", "--name", "ours", "--protocol", "other", "--device", "cpu")
    made = run("finetune", project, *options)
    assert made.exit_code == 0, made.output
    assert "an additional answer beside those of sides: lungs-2" in made.stderr
    assert (
        "Its answer lungs is that of sides as before: the probabilities do not differ at all" in made.stdout
    )
    found = [("sides", None), ("ours", "old"), ("ours", "new"), ("ours", None)]
    masks = []
    for k, (name, answer) in enumerate(found):
        out = tmp_path / f"out-{k}"
        wanted = () if answer is None else ("--answer", answer)
        done = run("segment", images, "-o", out, "--model", name, *wanted, "--probability", "--device", "cpu")
        assert done.exit_code == 0, done.output
        masks.append(sorted(path.read_bytes() for path in out.glob("*_probability.*")))
    assert masks[0] == masks[1] != masks[2] == masks[3] and masks[0]
    compared = run(
        *("compare", "sides", "ours", "--images", images, "--masks", tmp_path / "masks", "--answer", "old"),
        *("--json", "--device", "cpu"),
    )
    assert compared.exit_code == 0, compared.output
    evidence = json.loads(compared.stdout)["evidence"]
    assert {one["output"] for one in evidence} == {"lungs"} and all(
        one["old"] == one["new"] for one in evidence
    )


def test_only_corrected_slices_of_volumes_are_learned_from(run: Run, models: Path, tmp_path: Path) -> None:
    folder = tmp_path / "volumes"
    model = Author(AuthorKind.MODEL, "tiny", "1")
    with ReviewProject.create(folder) as project:
        for k in range(2):
            slices = np.stack([xray(lungs(40, 48), k + z) for z in range(4)])
            path = tmp_path / f"{k}.nii.gz"
            nib.save(nib.Nifti1Image((slices * 255).astype(np.uint8).T, np.eye(4)), path)
            ((case, _),) = project.add([NewCase(str(path))], "Ann")
            run_steps(scan_steps(project, [case]))
            drawn = np.stack([lungs(40, 48)] * 4).astype(np.uint8)
            project.add_revision(case, drawn, model)
            drawn[k + 1, 20:30, 2:6] = 1
            project.begin(case, "Ann")
            project.add_revision(case, drawn, Author(AuthorKind.PERSON, "Ann"))
    whole = run("finetune", folder, "--from", "tiny", "--device", "cpu")
    assert whole.exit_code == 1 and "no case" in str(whole.exception)  # none is accepted yet
    made = run("finetune", folder, "--from", "tiny", "--name", "ours", "--slices", "corrected", "--json")
    assert made.exit_code == 0, made.output
    taught = json.loads(run("models", "show", "ours", "--json").stdout)["trained_on"]
    assert len(taught) == 2
    wrong = run("finetune", folder, "--from", "tiny", "--slices", "some")
    assert wrong.exit_code == 2 and "some" in wrong.stderr


def test_a_name_that_is_taken_is_refused_before_training(run: Run, project: Path, models: Path) -> None:
    made = run("finetune", project, "--from", "tiny", "--name", "tiny")
    assert made.exit_code == 1 and isinstance(made.exception, UserError)
    assert "already" in str(made.exception)
    assert "Training" not in made.stderr


def test_fewer_than_two_usable_cases_are_too_few(run: Run, project: Path, models: Path, images: Path) -> None:
    small = project.parent / "small"
    run("review", "new", small)
    none = run("finetune", small, "--from", "tiny")
    assert none.exit_code == 1 and "no case" in str(none.exception)
    run("review", "add", small, images / "0.png", "--masks", images.parent / "masks", "--accept")
    one = run("finetune", small, "--from", "tiny")
    assert one.exit_code == 1 and "only one case" in str(one.exception)
    (images / "0.png").unlink()
    (images / "1.png").unlink()
    gone = run("finetune", project, "--from", "tiny")
    assert gone.exit_code == 1 and "at least two" in str(gone.exception)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--from", "gone"), "no model named gone"),
        (("--from", "tiny", "--device", "abacus"), "no device"),
        (("--from", "tiny", "--preset", "slow"), "choose quick or thorough"),
        (("--from", "tiny", "--threads", "0"), "threads"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_done(
    run: Run, project: Path, models: Path, options: tuple[str, ...], words: str
) -> None:
    made = run("finetune", project, *options)
    assert made.exit_code == 2
    assert words in " ".join(made.stderr.split())
    assert [path.name for path in models.iterdir()] == ["tiny"]


def test_no_project_there(run: Run, models: Path, tmp_path: Path) -> None:
    made = run("finetune", tmp_path / "nothing", "--from", "tiny")
    assert made.exit_code == 1 and "not a review project" in str(made.exception)


@pytest.mark.parametrize("calls", [3, 12])
def test_ctrl_c_leaves_nothing(
    run: Run, project: Path, models: Path, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    from napari_unet.training.learner import Learner

    whole, left = Learner.step, calls

    def interrupted(*arguments: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        return whole(*arguments)

    monkeypatch.setattr(Learner, "step", interrupted)
    made = run("finetune", project, "--from", "tiny", "--name", "ours")
    assert made.exit_code not in (0, 2)
    assert [path.name for path in models.iterdir()] == ["tiny"]


def test_two_models_on_the_same_images(run: Run, models: Path, images: Path) -> None:
    model(models, "other", 5)
    masks = images.parent / "masks"
    done = run("compare", "tiny", "other", "--images", images, "--masks", masks, "--device", "cpu")
    assert done.exit_code == 0, done.output
    assert "Dice tiny" in done.stdout and "HD95 other (px)" in done.stdout
    assert "on these images" in done.stdout
    found = json.loads(run("compare", "tiny", "tiny", "--images", images, "--masks", masks, "--json").stdout)
    assert found["cases"] == 3 and found["dice"]["old"] == found["dice"]["new"]
    assert found["verdict"].startswith("Perhaps unchanged on these images")
    (first, second) = found["evidence"]
    assert (first["metric"], second["metric"], second["unit"]) == ("dice", "hd95", "px")
    assert [one["old"] for one in first["each"]] == [one["dice"]["old"] for one in found["each"]]


SIGNS = Output(id="signs", task="classification", findings=("effusion", "nodule"))


@pytest.mark.usefixtures("toy_nets")
def test_two_models_that_score_findings(run: Run, models: Path, images: Path, tmp_path: Path) -> None:
    spec = NetSpec(kind="toy-scores", arguments={"classes": 2})
    for seed, name in enumerate(("one", "two")):
        saved(models / name, seed, name=name, net=spec, input=InputRule(size=(32, 32)), outputs=(SIGNS,))
    table = tmp_path / "findings.csv"
    table.write_text("file,effusion,nodule\n0.png,1,\n1.png,0,1\n2.png,0,1\ngone.png,1,1\n")
    how = ("compare", "one", "two", "--images", images, "--findings", table, "--device", "cpu")
    done = run(*how)
    assert done.exit_code == 0, done.output
    assert "score one" in done.stdout and "AUC" in done.stdout and "effusion" in done.stdout
    assert "AUC of nodule on these images needs cases with and cases without" in done.stdout
    assert "gone.png" in done.stderr
    found = json.loads(run(*how, "--json").stdout)
    effusion, nodule = found["evidence"]
    assert (effusion["label"], effusion["metric"], effusion["cases"], nodule["cases"]) == (
        "effusion",
        "auc",
        3,
        2,
    )
    assert [one["finding"] for one in effusion["each"]] == [True, False, False]
    assert 0 <= effusion["new"] <= 1 and nodule["new"] is None
    assert found["dice"] == {"old": None, "new": None} and found["each"] == []
    refused = run("compare", "one", "tiny", "--images", images, "--findings", table)
    assert refused.exit_code == 1 and "cannot be compared" in str(refused.exception)


def test_masks_or_findings_are_needed(run: Run, models: Path, images: Path) -> None:
    done = run("compare", "tiny", "tiny", "--images", images)
    assert done.exit_code == 2 and "--findings" in done.stderr


def test_images_that_taught_a_model_are_no_fair_test(
    run: Run, project: Path, models: Path, images: Path
) -> None:
    assert run("finetune", project, "--from", "tiny", "--name", "ours", "--device", "cpu").exit_code == 0
    done = run("compare", "tiny", "ours", "--images", images, "--masks", images.parent / "masks", "--json")
    (said,) = json.loads(done.stdout)["leaks"]
    assert said == "ours was trained on 3 of these 3 images: the test is biased."


def test_images_without_a_mask_are_told_and_bad_masks_fail(run: Run, models: Path, images: Path) -> None:
    masks = images.parent / "masks"
    (masks / "0_mask.png").unlink()
    Image.fromarray(np.zeros((5, 5), np.uint8)).save(masks / "1_mask.png")
    done = run("compare", "tiny", "tiny", "--images", images, "--masks", masks)
    assert done.exit_code == 1
    assert "0.png has no mask." in done.stderr and "case 1" in done.stderr
    assert "of 1 case)" in done.stdout


def test_nothing_to_compare(run: Run, models: Path, images: Path) -> None:
    done = run("compare", "tiny", "tiny", "--images", images, "--masks", images.parent / "models")
    assert done.exit_code == 1 and "has a mask" in str(done.exception)
    gone = run("compare", "tiny", "gone", "--images", images, "--masks", images.parent / "masks")
    assert gone.exit_code == 2 and "no model named gone" in gone.stderr
