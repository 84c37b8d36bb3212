"""Masks of a project: stored once, never changed, compared with the one before; maps under a cap."""

from __future__ import annotations

import json

import numpy as np
import pytest
from project_fakes import ANN, MODEL, SHAPE, lungs, map_of, project_with

from napari_unet.core import metrics
from napari_unet.core.answered import with_answer
from napari_unet.core.errors import UserError
from napari_unet.core.labels import lung
from napari_unet.core.prediction import Prediction
from napari_unet.review.revisions import compare, encode, labels_hash
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import Author, AuthorKind, FileFacts, FileState, NewCase

FILE = Author(AuthorKind.FILE, "masks")


def test_a_mask_is_read_back_as_it_was_stored(tmp_path):
    project, (case,) = project_with(tmp_path)
    labels = lungs()
    labels[0, 0] = 255
    made = project.add_revision(case, labels, MODEL, "first")
    assert (made.number, made.author, made.parent, made.note) == (1, MODEL, None, "first")
    assert (made.dice, made.hd95, made.changed_pixels, made.changed_mm2) == (None,) * 4
    assert made.file == f"masks/{case}/1.png"
    with ReviewProject.open(project.folder) as again:
        assert np.array_equal(again.read_mask(again.case(case).revision), labels)
        assert again.revisions(case) == [made]


def test_a_stack_is_stored_as_one_tiff(tmp_path):
    project = ReviewProject.create(tmp_path / "p")
    [(case, _)] = project.add([NewCase("/ct.nii.gz")], "Ann")
    stack = np.stack([lungs(n) for n in range(4)])
    project.put_facts({case: FileFacts(FileState.PRESENT, "1", shape=stack.shape, spacing_mm=(4, 1, 1))}, "")
    made = project.add_revision(case, stack, FILE)
    assert made.file.endswith(".tif")
    assert np.array_equal(project.read_mask(made.id), stack)
    changed = stack.copy()
    changed[2] = 0
    assert project.add_revision(case, changed, ANN).changed_mm2 == np.count_nonzero(stack[2])
    assert np.array_equal(project.read_mask(project.case(case).revision), changed)


def test_a_mask_that_is_the_current_one_is_not_stored_again(tmp_path):
    project, (case,) = project_with(tmp_path)
    first = project.add_revision(case, lungs() > 0, FILE)
    assert project.add_revision(case, (lungs() > 0).astype(np.uint8), ANN) == first
    second = project.add_revision(case, lungs(), ANN)
    assert second.number == 2
    assert project.add_revision(case, lungs() > 0, ANN).number == 3  # as it was, but not now
    assert len(list((project.folder / "masks" / case).iterdir())) == 3


def test_what_was_changed_is_told_in_mm(tmp_path):
    project, (case,) = project_with(tmp_path, spacing=(2.0, 0.5))
    project.add_revision(case, lungs(), MODEL)
    changed = project.add_revision(case, lungs(4), ANN, "strokes")
    ours, theirs = lungs(4) > 0, lungs() > 0
    assert changed.changed_pixels == 4 * 9
    assert changed.changed_mm2 == 4 * 9 * 2.0 * 0.5
    assert changed.dice == metrics.dice(ours, theirs)
    assert changed.hd95 == metrics.hd95(ours, theirs, (2.0, 0.5))
    assert changed.parent == project.first_mask(case).id


def test_without_spacing_there_are_no_mm(tmp_path):
    project, (case,) = project_with(tmp_path, spacing=None)
    project.add_revision(case, lungs(), MODEL)
    changed = project.add_revision(case, lungs(4), ANN)
    assert changed.changed_mm2 is None and changed.changed_pixels == 36
    assert changed.hd95 == metrics.hd95(lungs(4) > 0, lungs() > 0)


def test_no_answer_is_nan_and_stays_so(tmp_path):
    project, (case,) = project_with(tmp_path)
    project.add_revision(case, lungs(), MODEL)
    emptied = project.add_revision(case, np.zeros(SHAPE, np.uint8), ANN)
    assert emptied.dice == 0.0 and np.isnan(emptied.hd95)
    assert np.isnan(project.revision(emptied.id).hd95)


def test_what_is_ignored_has_no_say_in_the_scores():
    model, mine = lungs(), lungs(6)
    mine[30:36, 3:12] = 255
    mine[0, 0] = 255
    compared = compare(mine, model, (1.0, 1.0))
    assert compared.dice == 1.0 and compared.hd95 == 0.0
    assert compared.changed_pixels == 6 * 9 + 1
    for unsure in (np.s_[15:25, 3:9], np.s_[20:], np.s_[:, 8:]):  # no distance along its edge
        mine = model.copy()
        mine[unsure] = 255
        found = compare(mine, model, (1.0, 1.0))
        assert (found.dice, found.hd95) == (1.0, 0.0)
    swapped = np.array([0, 2, 1], np.uint8)[model]
    assert compare(swapped, model, None).dice == 1.0
    assert compare(swapped, model, None).changed_pixels == np.count_nonzero(model)
    assert not lung(np.full(SHAPE, 255, np.uint8)).any()


def test_masks_of_another_size_are_refused_in_words(tmp_path):
    project, (case,) = project_with(tmp_path)
    with pytest.raises(UserError, match="the size 30 × 40, its image 40 × 30"):
        project.add_revision(case, lungs().T, FILE)
    with pytest.raises(ValueError, match="uint8"):
        project.add_revision(case, lungs().astype(np.int64), FILE)
    assert project.revisions(case) == []


def test_any_memory_layout_is_stored_alike(tmp_path):
    project, (case,) = project_with(tmp_path)
    made = project.add_revision(case, np.asfortranarray(lungs()), MODEL)
    assert np.array_equal(project.read_mask(made.id), lungs())
    assert project.add_revision(case, np.repeat(lungs(), 2, axis=1)[:, ::2], ANN) == made


def test_a_restored_mask_is_a_new_revision(tmp_path):
    project, (case,) = project_with(tmp_path)
    first = project.add_revision(case, lungs(), MODEL)
    second = project.add_revision(case, lungs(5), ANN)
    restored = project.restore(first.id, "Bob")
    assert (restored.number, restored.parent, restored.note) == (3, second.id, "restored from 1")
    assert restored.author == Author(AuthorKind.PERSON, "Bob")
    assert np.array_equal(project.read_mask(restored.id), lungs())
    assert project.restore(restored.id, "Bob") == restored


def test_the_first_mask_is_that_of_model_or_file(tmp_path):
    project, (case,) = project_with(tmp_path)
    assert project.first_mask(case) is None
    project.add_revision(case, lungs(3), ANN)
    made = project.add_revision(case, lungs(), MODEL, parent=None)
    project.add_revision(case, lungs(2), FILE)
    assert project.first_mask(case) == made
    assert made.parent is None


@pytest.mark.parametrize("damage", ["changed", "cut", "removed"])
def test_a_damaged_mask_is_told_and_work_on_it_is_still_kept(tmp_path, damage):
    project, (case,) = project_with(tmp_path)
    made = project.add_revision(case, lungs(), MODEL)
    file = project.folder / made.file
    content = bytearray(file.read_bytes())
    if damage == "removed":
        file.unlink()
    else:
        content[-20] ^= 1
        file.write_bytes(content if damage == "changed" else content[:-5])
    with pytest.raises(UserError, match="missing" if damage == "removed" else "damaged"):
        project.read_mask(made.id)
    same = project.add_revision(case, lungs(), ANN)
    assert np.array_equal(project.read_mask(same.id), lungs())
    assert (same.parent, same.dice, same.changed_pixels) == (made.id, None, None)
    kept = project.add_revision(case, lungs(2), ANN, parent=made.id)
    assert np.array_equal(project.read_mask(kept.id), lungs(2))


def test_a_mask_file_without_a_record_is_never_written_over(tmp_path):
    project, (case,) = project_with(tmp_path)
    left = project.folder / "masks" / case / "1.png"
    left.parent.mkdir()
    left.write_bytes(b"of a killed process")
    made = project.add_revision(case, lungs(), MODEL)
    assert left.read_bytes() == b"of a killed process"
    assert made.number == 1 and np.array_equal(project.read_mask(made.id), lungs())


def test_a_mask_that_the_database_did_not_take_leaves_nothing_that_counts(tmp_path, monkeypatch):
    from napari_unet.review import revisions

    project, (case,) = project_with(tmp_path)

    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(revisions, "note_event", fail)
    with pytest.raises(UserError, match="full"):
        project.add_revision(case, lungs(), MODEL)
    monkeypatch.undo()
    assert project.case(case).revision is None and project.revisions(case) == []
    assert list((project.folder / "masks" / case).iterdir()) == []
    assert np.array_equal(project.read_mask(project.add_revision(case, lungs(), MODEL).id), lungs())


def test_the_hash_tells_shape_and_labels():
    flat = np.zeros((2, 6), np.uint8)
    assert labels_hash(flat) != labels_hash(flat.reshape(3, 4))
    assert labels_hash(flat) == labels_hash(np.asfortranarray(flat))
    assert encode(lungs()).pixels == np.count_nonzero(lungs())


def test_probability_maps_come_back_and_go_when_the_cap_is_reached(tmp_path):
    project, ids = project_with(tmp_path, 4)
    noise = np.random.default_rng(0).integers(0, 256, (4, 200, 200), np.uint8)
    project.set_setting("map_cap_mb", 0.13)  # three of 40 kB
    project.put_map(ids[0], map_of(noise[1], noise[2], "0.9"))
    for case, probability in zip(ids[:3], noise, strict=False):
        project.put_map(case, map_of(probability))
    kept = project.map(ids[0])  # used after the others
    assert np.array_equal(kept.maps[0], noise[0]) and kept.entropy is None
    assert (kept.model, kept.version, kept.shape) == ("cxr-lung", "1.0", (200, 200))
    project.put_map(ids[3], map_of(noise[3]))
    assert [project.map(case) is not None for case in ids] == [True, False, True, True]
    assert sum(f.stat().st_size for f in (project.folder / "maps").iterdir()) <= 130_000


def test_maps_of_model_and_uncertainty_belong_together(tmp_path):
    project, (case,) = project_with(tmp_path)
    project.put_map(case, map_of(lungs(), lungs(3)))
    with ReviewProject.open(project.folder) as again:
        assert np.array_equal(again.map(case).entropy, lungs(3))


def test_a_map_of_findings_is_not_kept_and_one_of_an_earlier_version_not_shown(tmp_path):
    project, (case,) = project_with(tmp_path)
    heat, said = lungs()[None], {"nodule": 0.25}
    answer = {"output": "findings", "task": "classification", "scores": said}
    with pytest.raises(ValueError, match="not kept"):
        project.put_map(case, Prediction(heat, model="m", version="2", **answer))
    with pytest.raises(ValueError, match="uint8"):
        project.put_map(case, Prediction(heat.astype(np.float32)))
    project.put_map(case, map_of(lungs()))
    about = np.array(json.dumps(answer | {"model": "m", "version": "2"}))
    np.savez_compressed(project.folder / "maps" / f"{case}.npz", about=about, probability=heat[0])
    assert project.map(case) is None


def test_a_damaged_map_is_as_good_as_none(tmp_path):
    project, (case,) = project_with(tmp_path)
    project.put_map(case, map_of(lungs()))
    (project.folder / "maps" / f"{case}.npz").write_bytes(b"PK\x03\x04 damaged")
    assert project.map(case) is None


def test_the_answer_that_a_model_drew_with_last_is_known(tmp_path):
    project, (one, two) = project_with(tmp_path, 2)
    assert project.answer_of("child") is None
    old, new = (Author(AuthorKind.MODEL, "child", with_answer("1", name)) for name in ("lungs", "lungs-2"))
    project.add_revision(two, lungs(), new)
    assert project.answer_of("child") == "lungs-2" and project.answer_of("cxr-lung") is None
    project.add_revision(one, lungs(), old)
    project.add_revision(two, lungs(3), Author(AuthorKind.PERSON, "child", with_answer("1", "lungs-2")))
    assert project.answer_of("child") == "lungs"
    project.add_revision(one, lungs(4), MODEL)
    assert project.answer_of(MODEL.name) is None  # of its only one
