"""DICOM segmentations as masks of images: matched by what they refer to, placed by their frames."""

from __future__ import annotations

import shutil
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from dicom_files import save, save_series
from seg_rooms import BY_MODEL, ORIENTATIONS, lungs, series, xray_tags

from napari_unet import npe2_io
from napari_unet.core.errors import UserError
from napari_unet.core.events import Note
from napari_unet.core.geometry import MisplacedMask
from napari_unet.core.label_set import LUNGS, RIGHT_AND_LEFT, Label, LabelSet
from napari_unet.core.labels import NotLabels
from napari_unet.core.raster import Raster
from napari_unet.core.source import Source
from napari_unet.evaluation import score_case
from napari_unet.io.dicom_identity import ForResearch
from napari_unet.io.dicom_seg import write_seg
from napari_unet.io.dicom_seg_read import is_seg
from napari_unet.io.formats import read_labels, read_raster, write_mask
from napari_unet.io.names import list_images
from napari_unet.io.pairs import find_pairs, masks_of_images


def edited(path: Path, **tags: Any) -> Path:
    made = pydicom.dcmread(path)
    for keyword, value in tags.items():
        setattr(made, keyword, value)
    made.save_as(path)
    return path


@pytest.mark.parametrize("name", ORIENTATIONS)
def test_what_was_written_is_read(tmp_path: Path, name: str) -> None:
    ct = series(tmp_path / "ct", orientation=ORIENTATIONS[name])
    mask = lungs(ct.shape)
    path = write_seg(tmp_path / "odd name.dcm", mask, ct, RIGHT_AND_LEFT, BY_MODEL).path
    source = Source(tuple((tmp_path / "ct").iterdir()))
    for image in (ct, source):
        found = read_labels(path, of=image, labels=RIGHT_AND_LEFT)
        assert np.array_equal(found.labels, mask) and found.notes == ()
    assert np.array_equal(read_labels(path).labels, mask)


def test_a_lung_alone_keeps_the_side_that_its_segment_names(tmp_path: Path, ct: Raster) -> None:
    both = lungs(ct.shape)
    for side in (1, 2):
        alone = np.where(both == side, side, 0).astype(np.uint8)
        path = write_seg(tmp_path / f"{side}.dcm", alone, ct, RIGHT_AND_LEFT, BY_MODEL).path
        found = read_labels(path, of=ct)
        assert np.array_equal(found.labels, alone) and found.sides
    path = write_seg(tmp_path / "any.dcm", np.minimum(both, 1), ct, LUNGS, BY_MODEL).path
    assert not read_labels(path, of=ct).sides


def test_an_x_ray_and_a_single_slice(tmp_path: Path, ct: Raster) -> None:
    xray = save(tmp_path / "x.dcm", np.ones((20, 24), np.uint16), **xray_tags())
    other = save(tmp_path / "y.dcm", np.ones((20, 24), np.uint16), **xray_tags())
    mask = lungs((20, 24))
    path = write_seg(tmp_path / "x_seg.dcm", mask, read_raster(xray), RIGHT_AND_LEFT, BY_MODEL).path
    assert np.array_equal(read_labels(path, of=xray).labels, mask)
    with pytest.raises(MisplacedMask, match="other images"):
        read_labels(path, of=other)
    ((labels, _, kind),) = npe2_io.read_layers(str(path))
    assert kind == "labels" and np.array_equal(labels, mask)
    whole = lungs(ct.shape)
    path = write_seg(tmp_path / "ct_seg.dcm", whole, ct, RIGHT_AND_LEFT, BY_MODEL).path
    for k in (1, 4):  # one slice of a series: its frame of the segmentation of the whole
        (file,) = (f for f in (tmp_path / "ct").iterdir() if _uid(f) == ct.frame.instances[k].sop_instance)
        assert np.array_equal(read_labels(path, of=file).labels, whole[k])


def test_it_is_placed_by_its_frames_where_it_has_fewer(tmp_path: Path, ct: Raster) -> None:
    """As programs write it that omit empty frames: it covers a part of the series, in any order."""
    mask = lungs(ct.shape)
    mask[1] = 0
    mask[4:] = 0
    path = write_seg(tmp_path / "a_seg.dcm", mask, ct, RIGHT_AND_LEFT, BY_MODEL).path
    made = pydicom.dcmread(path)
    pixels = made.pixel_array
    kept = [k for k in range(len(pixels)) if pixels[k].any()][::-1]
    made.PerFrameFunctionalGroupsSequence = [made.PerFrameFunctionalGroupsSequence[k] for k in kept]
    made.NumberOfFrames = len(kept)
    made.PixelData = np.packbits(pixels[kept].ravel(), bitorder="little").tobytes()
    made.save_as(path)
    found = read_labels(path, of=ct, labels=RIGHT_AND_LEFT)
    assert np.array_equal(found.labels, mask)


def test_it_must_refer_to_the_image_or_to_none(tmp_path: Path, ct: Raster) -> None:
    mask = lungs(ct.shape)
    path = write_seg(tmp_path / "a_seg.dcm", mask, ct, RIGHT_AND_LEFT, BY_MODEL).path
    other = series(tmp_path / "other")  # lies in the same place
    with pytest.raises(MisplacedMask, match="refers to other images"):
        read_labels(path, of=other)
    research = ForResearch("case-1", images=False)
    path = write_seg(tmp_path / "r_seg.dcm", mask, ct, RIGHT_AND_LEFT, BY_MODEL, research).path
    found = read_labels(path, of=ct, labels=RIGHT_AND_LEFT)
    assert np.array_equal(found.labels, mask) and "placed by its positions alone" in found.notes[0]
    elsewhere = series(tmp_path / "elsewhere", origin=(400, 400, 400))
    with pytest.raises(MisplacedMask, match="outside"):
        read_labels(path, of=elsewhere)


def test_lungs_among_other_segments_are_recognised_by_their_codes(tmp_path: Path, ct: Raster) -> None:
    chest = LabelSet(
        "chest",
        (Label(1, "heart", code="80891009"), Label(2, "L", code="44029006"), Label(3, "R", code="3341006")),
    )
    mask = lungs(ct.shape)
    mask[mask == 2] = 3
    mask[:, 17:, :3] = 1
    mask[2:4, 3:9, 4:9] = 2
    path = write_seg(tmp_path / "a_seg.dcm", mask, ct, chest, BY_MODEL).path
    found = read_labels(path, of=ct)
    expected = np.choose(mask, [0, 0, 2, 1])
    assert np.array_equal(found.labels, expected) and "heart" in found.notes[0]
    assert np.array_equal(read_labels(path, of=ct, labels=chest).labels, mask)
    assert np.array_equal(read_labels(path, any_label=True).labels, mask)
    only = np.where(mask == 1, 1, 0).astype(np.uint8)
    path = write_seg(tmp_path / "h_seg.dcm", only, ct, chest, BY_MODEL).path
    with pytest.raises(NotLabels, match="heart"):
        read_labels(path, of=ct)


def test_the_codes_of_dcmqi_with_a_side_beside_the_lung(tmp_path: Path, ct: Raster) -> None:
    mask = lungs(ct.shape)
    path = write_seg(tmp_path / "a_seg.dcm", mask, ct, RIGHT_AND_LEFT, BY_MODEL).path
    made = pydicom.dcmread(path)
    for segment, side in zip(made.SegmentSequence, ("7771000", "24028007"), strict=True):  # the other way
        kind = segment.SegmentedPropertyTypeCodeSequence[0]
        kind.CodeValue, segment.SegmentLabel = "39607008", "Segment"
        modifier = pydicom.Dataset()
        modifier.CodeValue, modifier.CodingSchemeDesignator, modifier.CodeMeaning = side, "SCT", "side"
        kind.SegmentedPropertyTypeModifierCodeSequence = [modifier]
    made.save_as(path)
    assert np.array_equal(read_labels(path, of=ct).labels, np.choose(mask, [0, 2, 1]))


def test_a_segmentation_is_no_image_and_opens_as_labels(tmp_path: Path, ct: Raster) -> None:
    mask = lungs(ct.shape)
    path = write_seg(tmp_path / "ct_seg.dcm", mask, ct, RIGHT_AND_LEFT, BY_MODEL).path
    assert is_seg(path) and not is_seg(next((tmp_path / "ct").iterdir()))
    with pytest.raises(UserError, match="a mask, and not an image"):
        read_raster(path)
    assert list_images(tmp_path) == []
    ((labels, options, kind),) = npe2_io.read_layers(str(path))
    (image,) = npe2_io.read_layers(list(map(str, (tmp_path / "ct").iterdir())))
    assert kind == "labels" and np.array_equal(labels, mask)
    assert np.allclose(options["scale"], image[1]["scale"])
    assert np.allclose(options["translate"], image[1]["translate"])
    research = ForResearch("case-1", images=False)
    path = write_seg(tmp_path / "r_seg.dcm", mask, ct, RIGHT_AND_LEFT, BY_MODEL, research).path
    ((labels, options, kind),) = npe2_io.read_layers(str(path))
    assert kind == "labels" and np.array_equal(labels, mask)
    assert np.allclose(options["translate"], image[1]["translate"])
    single = read_raster(sorted((tmp_path / "ct").iterdir())[0])
    path = write_seg(tmp_path / "s_seg.dcm", lungs(single.shape), single, RIGHT_AND_LEFT, BY_MODEL).path
    ((labels, _, kind),) = npe2_io.read_layers(str(path))
    assert kind == "labels" and np.array_equal(np.squeeze(labels), lungs(single.shape))


def test_masks_of_a_folder_find_their_images_by_what_they_refer_to(tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    masks = tmp_path / "masks"
    masks.mkdir()
    paths = [
        save(images / f"{name}.dcm", np.ones((20, 24), np.uint16), **xray_tags()) for name in ("a", "b", "c")
    ]
    mask = lungs((20, 24))
    for image, name in zip(paths, ("b_seg.dcm", "9.dcm", "c_seg.dcm"), strict=True):  # one is called wrongly
        write_seg(masks / name, mask, read_raster(image), RIGHT_AND_LEFT, BY_MODEL)
    found = masks_of_images(paths, masks)
    assert {image.stem: path.name for image, path in found.of.items()} == {
        "a": "b_seg.dcm",
        "b": "9.dcm",
        "c": "c_seg.dcm",
    }
    shutil.copy(masks / "9.dcm", masks / "10.dcm")
    found = masks_of_images(paths, masks)
    assert paths[1] not in found.of and "Several DICOM segmentations" in found.unclear[paths[1]]


def test_a_damaged_segmentation_does_not_keep_the_others_from_their_images(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("images", "masks", "other masks")]
    for folder in folders:
        folder.mkdir()
    paths = [save(folders[0] / f"{name}.dcm", np.ones((20, 24), np.uint16), **xray_tags()) for name in "abc"]
    mask = lungs((20, 24))
    for image, here, there in zip(paths, "123", "789", strict=True):
        for folder, name in zip(folders[1:], (here, there), strict=True):
            write_seg(folder / f"{name}.dcm", mask, read_raster(image), RIGHT_AND_LEFT, BY_MODEL)
    for folder, name in zip(folders[1:], "19", strict=True):  # the first here, the last there
        damaged = folder / f"{name}.dcm"
        damaged.write_bytes(damaged.read_bytes()[:1800])
        assert is_seg(damaged)
    found = masks_of_images(paths, folders[1])
    assert {image.stem: path.name for image, path in found.of.items()} == {"b": "2.dcm", "c": "3.dcm"}
    assert "1.dcm is damaged" in " ".join(found.problems)
    pairs = find_pairs(*folders[1:]).cases.values()
    assert [(here.name, there.name) for here, there in pairs] == [("2.dcm", "8.dcm")]


def test_a_series_finds_its_segmentation(tmp_path: Path, ct: Raster) -> None:
    masks = tmp_path / "masks"
    masks.mkdir()
    write_seg(masks / "1.2.3.dcm", lungs(ct.shape), ct, RIGHT_AND_LEFT, BY_MODEL)
    source = Source(tuple((tmp_path / "ct").iterdir()))
    assert masks_of_images([source.path], masks, [source]).of == {source.path: masks / "1.2.3.dcm"}


def test_evaluate_takes_segmentations(tmp_path: Path, ct: Raster) -> None:
    mask = lungs(ct.shape)
    worse = mask.copy()
    worse[2, 5:9, 12:20] = 0
    for folder in ("made", "drawn"):
        (tmp_path / folder).mkdir()
    write_seg(tmp_path / "made" / "ct_seg.dcm", worse, ct, RIGHT_AND_LEFT, BY_MODEL)
    write_mask(tmp_path / "made" / "nifti.nii.gz", worse, ct)
    write_seg(tmp_path / "drawn" / "1.2.3.4.dcm", mask, ct, RIGHT_AND_LEFT, BY_MODEL)
    write_seg(tmp_path / "drawn" / "nifti_seg.dcm", mask, ct, RIGHT_AND_LEFT, BY_MODEL)
    cases = find_pairs(tmp_path / "made", tmp_path / "drawn").cases
    assert set(cases) == {"ct", "nifti"}
    scored = {
        name: [row for row in score_case(name, *pair) if not isinstance(row, Note)]
        for name, pair in cases.items()
    }
    for rows in scored.values():
        assert [row.label for row in rows] == ["1", "2"]
        assert rows[0].scores.dice == 1 and 0.9 < rows[1].scores.dice < 1
        assert rows[1].scores.unit == "mm"
    assert scored["ct"][1].scores.hd95 == pytest.approx(scored["nifti"][1].scores.hd95)


def test_uneven_frames_and_damaged_files_are_refused(tmp_path: Path, ct: Raster) -> None:
    path = write_seg(tmp_path / "a_seg.dcm", lungs(ct.shape), ct, RIGHT_AND_LEFT, BY_MODEL).path
    whole = path.read_bytes()
    made = pydicom.dcmread(path)
    for group in made.PerFrameFunctionalGroupsSequence:
        place = group.PlanePositionSequence[0]
        if abs(place.ImagePositionPatient[2] - ct.frame.positions[2][2]) < 1e-3:
            place.ImagePositionPatient[2] += 0.6
    made.save_as(path)
    with pytest.raises(MisplacedMask, match="evenly spaced"):
        read_labels(path, of=ct)
    for part in (whole[: len(whole) // 2], whole[:-100]):  # the second lacks a part of the left lung alone
        path.write_bytes(part)
        with pytest.raises(UserError, match="damaged"):
            read_labels(path, of=ct, labels=LabelSet("one", (Label(1, "right lung"),)))


def test_segments_that_overlap_are_reported(tmp_path: Path, ct: Raster) -> None:
    mask = lungs(ct.shape)
    path = write_seg(tmp_path / "a_seg.dcm", mask, ct, RIGHT_AND_LEFT, BY_MODEL).path
    made = pydicom.dcmread(path)
    frames = made.pixel_array.copy()
    frames[2, 6, 15] = frames[8, 6, 15] = 1  # one voxel in both segments
    made.PixelData = np.packbits(frames.ravel(), bitorder="little").tobytes()
    made.save_as(path)
    assert "1 voxels" in " ".join(read_labels(path, of=ct).notes)


def test_of_many_segments_no_more_is_decoded_at_once_than_a_frame(tmp_path: Path) -> None:
    """As in a segmentation of the whole body: a hundred segments in thousands of frames."""
    volume = np.zeros((6, 256, 256), np.int16)
    image = read_raster(Source(tuple(save_series(tmp_path / "ct", volume))))
    kinds = (Label(1, "R", code="3341006"), Label(2, "L", code="44029006"))
    kinds += tuple(Label(value, f"bone {value}") for value in range(3, 63))
    mask = np.zeros(image.shape, np.uint8)
    mask.ravel()[: 62 * 50] = np.repeat(np.arange(1, 63), 50)
    path = write_seg(tmp_path / "a_seg.dcm", mask, image, LabelSet("body", kinds), BY_MODEL).path
    read_labels(path)  # loads what reading needs
    decoded = 62 * mask.size
    tracemalloc.start()
    found = read_labels(path, labels=RIGHT_AND_LEFT)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.array_equal(found.labels, np.where(mask < 3, mask, 0)) and "bone 3" in found.notes[0]
    assert peak < decoded / 2
    assert np.array_equal(read_labels(path, any_label=True).labels, mask)


def test_frames_that_share_a_byte(tmp_path: Path) -> None:
    """Bits of binary frames follow each other without a gap: 35 of them, here."""
    image = read_raster(Source(tuple(save_series(tmp_path / "ct", np.zeros((3, 5, 7), np.int16)))))
    mask = np.random.default_rng(0).integers(0, 5, image.shape).astype(np.uint8)
    kinds = (Label(1, "a"), Label(2, "b"), Label(3, "R", code="3341006"), Label(4, "L", code="44029006"))
    path = write_seg(tmp_path / "a_seg.dcm", mask, image, LabelSet("odd", kinds), BY_MODEL).path
    assert np.array_equal(read_labels(path, labels=RIGHT_AND_LEFT).labels, np.choose(mask, [0, 0, 0, 1, 2]))


def test_frames_that_are_compressed(tmp_path: Path, ct: Raster) -> None:
    """Fractional ones, of which each has a byte for each pixel."""
    mask = lungs(ct.shape)
    path = write_seg(tmp_path / "a_seg.dcm", mask, ct, RIGHT_AND_LEFT, BY_MODEL).path
    made = pydicom.dcmread(path)
    frames = made.pixel_array * np.uint8(200)
    made.BitsAllocated = made.BitsStored = 8
    made.HighBit, made.SegmentationType, made.MaximumFractionalValue = 7, "FRACTIONAL", 255
    made.PixelData = frames.tobytes()
    made.compress(pydicom.uid.RLELossless)
    made.save_as(path)
    assert np.array_equal(read_labels(path, of=ct, labels=RIGHT_AND_LEFT).labels, mask)
    left = LabelSet("one", (Label(1, "left lung"),))
    assert np.array_equal(read_labels(path, of=ct, labels=left).labels, mask == 2)


def test_one_that_does_not_fit_into_the_memory(
    tmp_path: Path, ct: Raster, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_seg(tmp_path / "a_seg.dcm", lungs(ct.shape), ct, RIGHT_AND_LEFT, BY_MODEL).path

    whole = pydicom.dcmread

    def full(path: Path, **options: Any) -> Any:
        if not options.get("stop_before_pixels"):
            raise MemoryError
        return whole(path, **options)

    monkeypatch.setattr(pydicom, "dcmread", full)
    with pytest.raises(UserError, match="does not fit into the memory"):
        read_labels(path)


@pytest.mark.data
def test_segmentations_of_other_programs(hard: Path) -> None:
    """Of the hard set: two of dcmqi, one that overlaps, and two sparse label maps; with what is in them."""
    there = hard / "dcmqi_seg"
    image = Source(tuple(sorted((there / "ct-3slice").iterdir())))
    assert read_labels(there / "liver.dcm", any_label=True, of=image).labels.sum() == 107_098
    overlapping = read_labels(there / "partial_overlaps.dcm", any_label=True, of=image)
    assert "3,134 voxels" in overlapping.notes[0]
    assert [int((overlapping.labels == value).sum()) for value in (3, 4, 5)] == [10_743, 6_693, 4_713]
    for name in ("sparse-labelmap-ppv5.dcm", "sparse-labelmap-noppv.dcm"):
        assert (read_labels(there / name, any_label=True).labels == 1).sum() == 630
    assert (read_labels(there / "sr-example" / "seg.dcm", any_label=True).labels == 1).sum() == 795


def _uid(path: Path) -> str:
    return str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID)
