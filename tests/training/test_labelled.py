"""Training pairs as the model sees them."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from net_fakes import card, lungs, xray
from PIL import Image
from PIL import Image as Picture

from napari_unet.core.errors import UserError
from napari_unet.core.input_rule import InputRule
from napari_unet.core.intensity import IntensityRule
from napari_unet.core.label_set import named_set
from napari_unet.core.labels import IGNORE
from napari_unet.core.raster import Raster
from napari_unet.core.training_pair import TrainingPair
from napari_unet.inference.prepare import resized
from napari_unet.models.card import ModelCard
from napari_unet.models.output import Output
from napari_unet.training.pairs import read_pair
from napari_unet.training.samples import labelled

CARD = card(input=InputRule(size=(32, 40)), intensity=IntensityRule("percentiles", 0.5, 99.5))


def _labels(height: int = 64, width: int = 80) -> np.ndarray:
    """The right lung 1, the left lung 2."""
    labels = lungs(height, width).astype(np.uint8)
    labels[:, width // 2 :] *= 2
    return labels


def _pair(id_: str = "a", labels: np.ndarray | None = None, **fields: Any) -> TrainingPair:
    labels = _labels() if labels is None else labels
    return TrainingPair(id_, Raster(xray(labels > 0) * 1000), labels, **fields)


def _files(folder: Path, labels: np.ndarray, id_: str = "a", revision: bool = True) -> TrainingPair:
    image, mask = folder / f"Kim {id_}.png", folder / f"Kim {id_} mask.png"
    Image.fromarray((xray(labels > 0) * 255).astype(np.uint8)).save(image)
    Image.fromarray(labels).save(mask)
    hashes = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (image, mask)]
    return TrainingPair(id_, image, mask, "p", hashes[0], hashes[1] if revision else "")


def _of_recipe(pair: TrainingPair) -> TrainingPair:
    return TrainingPair(pair.source.name, pair.image, pair.mask, "1", split="train")


def test_both_lungs_are_one_class_at_the_size_of_the_card() -> None:
    cases = labelled([_pair("a"), _pair("b")], CARD, oversize=False)
    assert cases.origins == (0, 1)
    for part in (cases.images, cases.masks, cases.valid):
        assert part.shape == (2, 1, 32, 40) and part.dtype == np.float32
    assert set(np.unique(cases.masks)) == {0, 1} and cases.valid.all()
    assert np.mean((cases.images < 0.5) == (cases.masks > 0)) > 0.97
    assert labelled([_pair()], CARD, oversize=True).images.shape == (1, 1, 48, 60)


def test_an_image_becomes_an_input_as_in_inference() -> None:
    pair = _pair()
    small = resized(pair.image.pixels, (32, 40))[0, 0].numpy()
    found = labelled([pair], CARD, oversize=False).images[0, 0]
    np.testing.assert_array_equal(found, CARD.intensity.apply(small))
    dark_bones = replace(pair, image=replace(pair.image, pixels=1000 - pair.image.pixels, inverted=True))
    np.testing.assert_allclose(labelled([dark_bones], CARD, False).images[0, 0], found, atol=1e-5)


def test_what_is_ignored_is_neither_lung_nor_background() -> None:
    labels = _labels()
    labels[:32] = IGNORE
    cases = labelled([_pair("a", labels)], CARD, oversize=False)
    assert not cases.valid[0, 0, :16].any() and cases.valid[0, 0, 16:].all()
    assert not cases.masks[0, 0, :16].any() and cases.masks[0, 0, 16:].any()


def test_at_the_rim_of_what_is_ignored_the_rest_of_the_pixel_decides() -> None:
    """A pixel of four: one ignored, two of the others lung."""
    labels = np.zeros((64, 80), np.uint8)
    labels[0, 0], labels[0:2, 1] = IGNORE, 1
    labels[40:60, 40:60] = 1
    cases = labelled([_pair("a", labels)], CARD, oversize=False)
    assert cases.valid[0, 0, 0, 0] == 1 and cases.masks[0, 0, 0, 0] == 1


def test_files_and_arrays_give_the_same(tmp_path: Path) -> None:
    labels = _labels()
    labels[:20] = IGNORE
    pair = _files(tmp_path, labels)
    image = Raster((xray(labels > 0) * 255).astype(np.uint8))
    from_files, from_arrays = (labelled([p], CARD, False) for p in (pair, TrainingPair("b", image, labels)))
    for name in ("images", "masks", "valid"):
        np.testing.assert_array_equal(getattr(from_files, name), getattr(from_arrays, name))


def test_255_is_lung_in_a_plain_mask_file_and_ignored_in_a_revision(tmp_path: Path) -> None:
    plain = lungs(64, 80).astype(np.uint8) * 255
    cases = labelled([_files(tmp_path, plain, revision=False)], CARD, False)
    assert cases.valid.all() and cases.masks.any()
    cases = labelled([_files(tmp_path, plain), _pair("b")], CARD, False)
    assert not cases.valid[0].all() and not cases.masks[0].any()


def test_of_a_stack_the_chosen_slices_count(tmp_path: Path) -> None:
    labels = np.stack([_labels()] * 5)
    labels[3] = 0
    pixels = np.stack([xray(_labels() > 0, z) for z in range(5)])
    stack = TrainingPair("s", Raster(pixels), labels, slices=(3, 1))
    cases = labelled([_pair("a"), stack], CARD, oversize=False)
    assert cases.origins == (0, 1, 1) and [mask.any() for mask in cases.masks] == [True, False, True]
    one = labelled([TrainingPair("t", Raster(pixels[1]), labels[1])], CARD, False)
    np.testing.assert_array_equal(cases.images[2], one.images[0])
    tifffile.imwrite(tmp_path / "s.tif", (pixels * 255).astype(np.uint8), photometric="minisblack")
    tifffile.imwrite(tmp_path / "m.tif", labels, photometric="minisblack")
    assert len(labelled([TrainingPair("s", tmp_path / "s.tif", tmp_path / "m.tif")], CARD, False)) == 5
    for wrong in ((5,), (-1,), ()):
        _refused([replace(stack, slices=wrong)], "stack of 5 slices")


def test_a_case_without_lung_is_welcome_but_not_a_set_without() -> None:
    empty = TrainingPair("e", Raster(xray(lungs(64, 80))), np.zeros((64, 80), np.uint8))
    cases = labelled([empty, _pair()], CARD, oversize=False)
    assert [mask.any() for mask in cases.masks] == [False, True]
    _refused([empty], "None of the masks holds any lung")
    _refused([], "None of the masks")
    _refused([replace(empty, mask=np.full((64, 80), IGNORE, np.uint8))], "None of the masks")


def _refused(pairs: list[TrainingPair], words: str, of: ModelCard = CARD) -> None:
    with pytest.raises(UserError, match=words) as error:
        labelled(pairs, of, oversize=False)
    assert error.value.remedy and "Kim" not in str(error.value)


def test_sizes_and_classes_that_do_not_fit() -> None:
    _refused(
        [_pair(), replace(_pair("b"), mask=_labels(64, 81))], "case b has the size 64 × 81, its image 64"
    )
    other = _labels()
    other[0, 0] = 3
    _refused([_pair("a", other)], "case a has the label 3; the model tiny knows 1 lung")
    _refused(
        [_pair()], "Case a: The mask holds the values 1, 2", CARD.with_output(labels=named_set(("heart",)))
    )
    scores = CARD.model_copy(update={"outputs": (Output(id="tb", task="classification", findings=("tb",)),)})
    _refused([_pair()], "gives scores and no masks", scores)
    _refused([_pair()], "is for volumes", card(input=InputRule(size=(8, 32, 32), axes=3)))
    _refused([_pair()], "in tiles", card())


def test_files_that_are_gone_changed_or_damaged(tmp_path: Path) -> None:
    pair = _files(tmp_path, _labels())
    pair.mask.write_bytes(pair.mask.read_bytes() + b"x")
    _refused([pair], "The mask of case a has changed")
    pair = _files(tmp_path, _labels())
    pair.image.write_bytes(b"rubbish")
    _refused([pair], "The image of case a has changed")
    _refused([replace(pair, content_hash="")], "The image of case a cannot be read")
    pair.image.unlink()
    _refused([pair], "The image of case a is missing")
    _refused([replace(pair, content_hash="")], "The image of case a is missing")
    pair = _files(tmp_path, _labels())
    pair.mask.write_bytes(b"rubbish")
    _refused([replace(pair, revision="")], "The mask of case a cannot be read")


def test_images_that_no_model_can_use() -> None:
    _refused([TrainingPair("a", Raster(np.zeros((64, 80))), _labels())], "Case a: The image is empty")


def test_masks_of_values_that_nobody_knows(tmp_path: Path) -> None:
    labels = _labels()
    labels[0, 0] = 77
    _refused([_files(tmp_path, labels, revision=False)], "Case a: The mask holds the values 1, 2, 77")


def test_a_recipe_leaves_out_what_is_ignored_too(tmp_path: Path) -> None:
    labels = _labels()
    labels[:32] = IGNORE
    pair = _files(tmp_path, labels)
    samples = labelled([_of_recipe(pair)], CARD, False)
    assert samples.valid.shape == (1, 1, 32, 40) and samples.valid.dtype == np.float32
    assert not samples.valid[0, 0, :15].any() and samples.valid[0, 0, 17:].all()
    assert not samples.masks[0, 0, :15].any() and samples.masks[0, 0, 17:].any()


def test_a_recipe_names_the_mask_whose_values_nobody_knows(tmp_path: Path) -> None:
    labels = _labels()
    labels[0, 0] = 77
    pair = _files(tmp_path, labels)
    with pytest.raises(UserError, match=r"Kim a mask\.png: The mask holds the values 1, 2, 77"):
        labelled([_of_recipe(pair)], CARD, False)


def test_what_the_reader_of_an_image_says_is_told_without_the_file_s_name(tmp_path: Path) -> None:
    pair = _files(tmp_path, np.flip(_labels(), 1).copy())
    exif = Picture.Exif()
    exif[274] = 2
    with Picture.open(pair.image) as stored:
        stored.load()
        stored.save(pair.image, exif=exif)
    changed = hashlib.sha256(pair.image.read_bytes()).hexdigest()
    (note,) = read_pair(replace(pair, content_hash=changed), CARD).notes
    assert note.startswith("Case a: The picture was mirrored") and "Kim" not in note
    samples = labelled([_of_recipe(pair)], CARD, False)
    assert any(text.startswith("Kim a.png: The picture was mirrored") for text in samples.notes)


def test_a_border_of_padding_teaches_nothing() -> None:
    plain = _pair()
    image, labels = plain.image.pixels, plain.mask
    for width in (1, 17):
        framed = np.pad(image, width, constant_values=-5)
        pair = TrainingPair("a", Raster(framed, padding=(-5.0, -5.0)), np.pad(labels, width))
        ours, theirs = (labelled([one], CARD, oversize=False) for one in (pair, plain))
        np.testing.assert_array_equal(ours.images, theirs.images)
        np.testing.assert_array_equal(ours.masks, theirs.masks)
