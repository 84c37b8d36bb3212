"""A mask as a DICOM segmentation: what others read from it, and what it says."""

from __future__ import annotations

import errno
import logging
import subprocess
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
from dicom_files import NUMBER, PATIENT, save, save_multi_frame
from seg_rooms import (
    BY_MODEL,
    ORIENTATIONS,
    errors,
    errors_of,
    hard_series,
    lungs,
    program,
    series,
    xray_tags,
)

from napari_unet.core.errors import UserError
from napari_unet.core.label_set import LUNGS, RIGHT_AND_LEFT, Label, LabelSet
from napari_unet.core.labels import IGNORE
from napari_unet.core.mask_history import Made, MaskHistory
from napari_unet.core.raster import Raster
from napari_unet.core.source import Source
from napari_unet.io.dicom_identity import ForResearch
from napari_unet.io.dicom_seg import write_seg
from napari_unet.io.formats import read_labels, read_raster
from napari_unet.io.sources import sources_among

_SPL_OF_RAS = np.array([[0, 0, 1, 0], [0, -1, 0, 0], [-1, 0, 0, 0], [0, 0, 0, 1]], float)


def by_dcmqi(path: Path, folder: Path) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Of each segment its voxels (bool, in the order of dcmqi) and their affine (to S, P, L)."""
    folder.mkdir()
    command = [program("segimage2itkimage"), "--inputDICOM", path, "--outputDirectory", folder, "-t", "nii"]
    subprocess.run(list(map(str, command)), check=True, capture_output=True)
    found = {}
    for file in folder.glob("*.nii.gz"):
        image = nibabel.load(file)
        found[int(file.name.split(".")[0])] = (image.get_fdata() > 0, _SPL_OF_RAS @ image.affine)
    return found


@pytest.mark.parametrize("name", ORIENTATIONS)
@pytest.mark.parametrize("depth", [1, 6])
def test_others_read_the_same_voxels_in_the_same_places(tmp_path: Path, name: str, depth: int) -> None:
    raster = series(tmp_path / "ct", max(depth, 2), orientation=ORIENTATIONS[name])
    if depth == 1:  # a single slice of it
        raster = read_raster(sorted((tmp_path / "ct").iterdir())[0])
    mask = lungs(raster.shape)
    written = write_seg(tmp_path / "a_seg.dcm", mask, raster, RIGHT_AND_LEFT, BY_MODEL)
    assert errors(written.path) == []
    read = by_dcmqi(written.path, tmp_path / "read")
    assert set(read) == {1, 2} and written.read_by == "dcmqi"
    frame = raster.frame
    first, last = np.array(frame.positions[0]), np.array(frame.positions[-1])
    row, column = np.array(frame.orientation).reshape(2, 3)
    for value, (voxels, affine) in read.items():
        here = np.argwhere(value == np.atleast_3d(mask.T).T if depth > 1 else mask[None] == value)
        step = (last - first) / max(1, len(frame.positions) - 1)
        places = first + here @ np.stack(
            [step, column * frame.pixel_spacing[0], row * frame.pixel_spacing[1]]
        )  # by the headers of the slices alone, to the patient's left, back and head
        there = np.argwhere(voxels) @ affine[:3, :3].T + affine[:3, 3]
        there = there[:, ::-1]
        assert len(there) == len(here)
        centroid = np.abs(there.mean(axis=0) - places.mean(axis=0)).max()
        assert centroid < 1e-3
        order = [np.lexsort(np.round(each, 2).T) for each in (there, places)]
        assert np.abs(there[order[0]] - places[order[1]]).max() < 1e-2


def test_an_x_ray_has_its_orientation_and_no_frame_of_reference(tmp_path: Path, xray: Raster) -> None:
    written = write_seg(tmp_path / "x_seg.dcm", lungs(xray.shape), xray, RIGHT_AND_LEFT, BY_MODEL)
    assert errors(written.path) == []
    made = pydicom.dcmread(written.path)
    assert list(made.PatientOrientation) == ["L", "F"] and "FrameOfReferenceUID" not in made
    (note,) = written.notes
    assert written.read_by == "pydicom" and "dcmqi cannot read" in note and "dciodvfy found no error" in note
    with pytest.raises(subprocess.CalledProcessError):  # which is true of this version of dcmqi
        by_dcmqi(written.path, tmp_path / "read")
    assert (made.pixel_array == np.stack([lungs(xray.shape) == value for value in (1, 2)])).all()


def test_each_source_instance_is_referred_to_once_and_each_frame_to_its_own(
    tmp_path: Path, ct: Raster
) -> None:
    made = pydicom.dcmread(
        write_seg(tmp_path / "a_seg.dcm", lungs(ct.shape), ct, RIGHT_AND_LEFT, BY_MODEL).path
    )
    uids = [one.sop_instance for one in ct.frame.instances]
    (referenced,) = made.ReferencedSeriesSequence
    assert referenced.SeriesInstanceUID == ct.frame.series
    assert sorted(one.ReferencedSOPInstanceUID for one in referenced.ReferencedInstanceSequence) == sorted(
        uids
    )
    frames = made.PerFrameFunctionalGroupsSequence
    assert made.NumberOfFrames == len(frames) == 2 * len(ct.pixels)  # empty ones too
    place = {uid: position for uid, position in zip(uids, ct.frame.positions, strict=True)}
    for frame in frames:
        (source,) = frame.DerivationImageSequence[0].SourceImageSequence
        expected = place[source.ReferencedSOPInstanceUID]
        assert np.allclose(frame.PlanePositionSequence[0].ImagePositionPatient, expected, atol=1e-6)


def test_segments_are_coded_and_say_what_made_them(tmp_path: Path, ct: Raster) -> None:
    made = pydicom.dcmread(
        write_seg(tmp_path / "a_seg.dcm", lungs(ct.shape), ct, RIGHT_AND_LEFT, BY_MODEL).path
    )
    right, left = made.SegmentSequence
    for segment, code, name in ((right, "3341006", "right lung"), (left, "44029006", "left lung")):
        assert segment.SegmentedPropertyTypeCodeSequence[0].CodeValue == code
        assert segment.SegmentedPropertyCategoryCodeSequence[0].CodeValue == "123037004"
        assert segment.SegmentLabel == name and segment.SegmentAlgorithmType == "AUTOMATIC"
        (algorithm,) = segment.SegmentationAlgorithmIdentificationSequence
        assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == ("cxr-lung", "1")
        assert name in segment.TrackingID
    assert right.TrackingUID != left.TrackingUID
    assert made.SegmentationType == "BINARY" and made.SegmentsOverlap == "NO"


def test_a_mask_without_sides_is_one_segment_lung(tmp_path: Path, ct: Raster) -> None:
    made = pydicom.dcmread(write_seg(tmp_path / "a_seg.dcm", lungs(ct.shape) > 0, ct, LUNGS, BY_MODEL).path)
    (only,) = made.SegmentSequence
    assert only.SegmentedPropertyTypeCodeSequence[0].CodeValue == "39607008" and only.SegmentLabel == "lung"


def test_labels_of_any_set_keep_their_codes_and_names(tmp_path: Path, ct: Raster) -> None:
    heart_, clip_, right_ = Label(4, "heart", code="80891009"), Label(7, "clip"), Label(9, "Right lung")
    labels = LabelSet("chest", (heart_, clip_, right_))
    mask = np.where(lungs(ct.shape) == 1, 4, np.where(lungs(ct.shape) == 2, 7, 0)).astype(np.uint8)
    mask[2, 17:, 2:5] = 9
    path = write_seg(tmp_path / "a_seg.dcm", mask, ct, labels, BY_MODEL).path
    heart, clip, right = pydicom.dcmread(path).SegmentSequence
    assert right.SegmentedPropertyTypeCodeSequence[0].CodeValue == "3341006"  # known by its name
    code = heart.SegmentedPropertyTypeCodeSequence[0]
    assert (code.CodeValue, code.CodingSchemeDesignator) == ("80891009", "SCT")
    own = clip.SegmentedPropertyTypeCodeSequence[0]
    assert own.CodingSchemeDesignator.startswith("99") and own.CodeMeaning == "clip"
    assert errors(path) == []


@pytest.mark.parametrize(
    ("history", "kind", "said"),
    [
        (BY_MODEL, "AUTOMATIC", "made by cxr-lung 1"),
        (replace(BY_MODEL, made=Made.SEMIAUTOMATIC), "SEMIAUTOMATIC", "corrected by hand"),
        (MaskHistory(Made.MANUAL), "MANUAL", "drawn by hand"),
        (MaskHistory(Made.SEMIAUTOMATIC, from_file=True), "SEMIAUTOMATIC", "a mask from a file"),
    ],
)
@pytest.mark.parametrize("accepted", [True, False])
def test_how_the_mask_came_about(
    tmp_path: Path, ct: Raster, history: MaskHistory, kind: str, said: str, accepted: bool
) -> None:
    history = replace(history, accepted=accepted, reader="Dr. Ännä 김" if accepted else "")
    path = write_seg(tmp_path / "a_seg.dcm", lungs(ct.shape), ct, RIGHT_AND_LEFT, history).path
    assert errors(path) == []
    made = pydicom.dcmread(path)
    described = [segment.SegmentDescription for segment in made.SegmentSequence]
    assert [segment.SegmentAlgorithmType for segment in made.SegmentSequence] == [kind, kind]
    assert all(said in text for text in described)
    texts = [made.SeriesDescription, made.ContentDescription, made.ContentLabel, *described]
    assert all(text.startswith("UNREVIEWED") != accepted for text in texts)
    assert str(made.ContentCreatorName) == ("Dr. Ännä 김" if accepted else "")


def test_a_mask_that_nobody_accepted_cannot_name_a_reader() -> None:
    with pytest.raises(ValueError, match="names no reader"):
        MaskHistory(Made.MANUAL, reader="anna")


@pytest.mark.parametrize("images", [True, False])
def test_for_research_nothing_of_patient_study_or_reader_is_left(
    tmp_path: Path, ct: Raster, images: bool
) -> None:
    research = ForResearch("case-1", images)
    history = replace(BY_MODEL, accepted=True, reader="anna")
    written = write_seg(tmp_path / "a_seg.dcm", lungs(ct.shape), ct, RIGHT_AND_LEFT, history, research)
    path = written.path
    assert errors(path) == []
    program("segimage2itkimage")
    assert written.read_by == "dcmqi"
    made = pydicom.dcmread(path)
    content = path.read_bytes().decode("latin-1")
    old = [ct.frame.study, ct.frame.series, ct.frame.frame_of_reference]
    old += [one.sop_instance for one in ct.frame.instances]
    for secret in ("SECRET", NUMBER, "19500101", "anna", *old):
        assert secret not in content
    assert made.PatientIdentityRemoved == "YES" and made.PatientID == "case-1"
    assert made.DeidentificationMethodCodeSequence[0].CodeValue == "113100"
    new = {research.uids(one.sop_instance) for one in ct.frame.instances}
    for uid in new:
        assert (uid in content) is images
    assert ("ReferencedSeriesSequence" in made) is images


def test_an_x_ray_for_research_needs_its_image(tmp_path: Path, xray: Raster) -> None:
    with pytest.raises(UserError, match="only by its image"):
        write_seg(tmp_path / "a.dcm", lungs(xray.shape), xray, LUNGS, BY_MODEL, ForResearch("case-1", False))
    assert not (tmp_path / "a.dcm").exists()


def test_nothing_marked_is_refused_and_an_empty_segment_is_left_out(tmp_path: Path, ct: Raster) -> None:
    with pytest.raises(UserError, match="empty"):
        write_seg(tmp_path / "a_seg.dcm", np.zeros(ct.shape, np.uint8), ct, LUNGS, BY_MODEL)
    mask = lungs(ct.shape)
    mask[mask == 1] = 0
    mask[2, 0, 0] = IGNORE
    written = write_seg(tmp_path / "a_seg.dcm", mask, ct, RIGHT_AND_LEFT, BY_MODEL)
    (only,) = pydicom.dcmread(written.path).SegmentSequence
    assert only.SegmentLabel == "left lung" and only.SegmentNumber == 1
    assert "Nothing is marked as right lung" in " ".join(written.notes)
    assert "not sure" in " ".join(written.notes)


def test_sides_that_were_assumed_are_called_so(tmp_path: Path) -> None:
    tags = xray_tags(PatientOrientation="")
    xray = read_raster(save(tmp_path / "x.dcm", np.ones((20, 24), np.uint16), **tags))
    written = write_seg(tmp_path / "x_seg.dcm", lungs(xray.shape), xray, RIGHT_AND_LEFT, BY_MODEL)
    assert "assumed" in " ".join(written.notes)
    assert all("assumed" in one.SegmentDescription for one in pydicom.dcmread(written.path).SegmentSequence)


@pytest.mark.parametrize("tilted", [False, True])
def test_a_multi_frame_series_is_referred_to_frame_by_frame(tmp_path: Path, tilted: bool) -> None:
    """Its frames are in no order of place."""
    slices = hard_series(tmp_path / "ct", "tilted" if tilted else "").files
    volume = save_multi_frame(tmp_path / "volume.dcm", [slices[k] for k in (3, 0, 7, 1, 6, 2, 5, 4)])
    ct = read_raster(volume)
    assert ct.frame.resampled is tilted
    mask = lungs(ct.shape)
    path = write_seg(tmp_path / "a_seg.dcm", mask, ct, RIGHT_AND_LEFT, BY_MODEL).path
    assert errors(path) == []
    assert np.array_equal(read_labels(path, of=volume).labels, mask)
    made, source = pydicom.dcmread(path), pydicom.dcmread(volume)
    (listed,) = made.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    assert listed.ReferencedSOPInstanceUID == source.SOPInstanceUID
    for group in made.PerFrameFunctionalGroupsSequence:
        (one,) = group.DerivationImageSequence[0].SourceImageSequence
        stored = source.PerFrameFunctionalGroupsSequence[one.ReferencedFrameNumber - 1]
        there = stored.PlanePositionSequence[0].ImagePositionPatient
        here = group.PlanePositionSequence[0].ImagePositionPatient
        assert abs(there[2] - here[2]) < 1e-3
        assert one.SpatialLocationsPreserved == ("NO" if tilted else "YES")


@pytest.mark.parametrize("research", [None, ForResearch("case-1", images=True)])
@pytest.mark.parametrize("kind", ["one slice is missing", "rounded to 0.5 mm", "a little uneven", "tilted"])
def test_a_series_that_was_straightened_or_evened_out(
    tmp_path: Path, kind: str, research: ForResearch | None
) -> None:
    """The mask lies where the image lies as it is shown, and refers to the files that store its slices."""
    source = hard_series(tmp_path / "ct", kind)
    ct = read_raster(source)
    assert ct.frame.resampled is (kind != "a little uneven")
    mask = lungs(ct.shape)
    written = write_seg(tmp_path / "a_seg.dcm", mask, ct, RIGHT_AND_LEFT, BY_MODEL, research)
    assert errors(written.path) == []
    program("segimage2itkimage")
    assert written.read_by == "dcmqi"  # voxel for voxel, by the affine of the image
    if research is None:
        for image in (ct, source):
            assert np.array_equal(read_labels(written.path, of=image).labels, mask)
    new = research.uids if research else str
    made = pydicom.dcmread(written.path)
    (referenced,) = made.ReferencedSeriesSequence
    listed = {one.ReferencedSOPInstanceUID for one in referenced.ReferencedInstanceSequence}
    assert listed == {new(pydicom.dcmread(path).SOPInstanceUID) for path in source.files}
    referring = 0
    for group in made.PerFrameFunctionalGroupsSequence:
        place = np.array(group.PlanePositionSequence[0].ImagePositionPatient, float)
        k = int(np.linalg.norm(np.array(ct.frame.positions) - place, axis=1).argmin())
        known = ct.frame.instances[k].sop_instance
        assert bool(group.get("DerivationImageSequence")) is bool(known)
        if known:
            referring += 1
            (one,) = group.DerivationImageSequence[0].SourceImageSequence
            assert one.ReferencedSOPInstanceUID == new(known)
            assert one.SpatialLocationsPreserved == ("NO" if kind == "tilted" else "YES")
    assert referring


@pytest.mark.data
def test_series_that_loaders_stumble_over(tmp_path: Path, hard: Path) -> None:
    """GE and Philips with a tilted gantry, gaps and summaries in one folder; enhanced CT of two makers."""
    folders = ("ge_tilt_gaps", "philips_mixed", "enhanced_ct_as_slices")
    files = [path for folder in folders for path in (hard / folder).rglob("*") if path.is_file()]
    several = [source for source in sources_among(sorted(files)) if source.is_series]
    frames = ("enhanced_ct/volume.dcm", "dcmqi_seg/24x38x3/multiframe/mf.dcm")
    several += [Source.of(hard / name) for name in frames]
    assert len(several) >= 6
    for k, source in enumerate(several):
        raster = read_raster(source)
        mask = np.zeros(raster.shape, np.uint8)
        mask[1:, 5:15, 5:15] = 1
        written = write_seg(tmp_path / f"{k}_seg.dcm", mask, raster, LUNGS, BY_MODEL, source=source)
        assert set(errors(written.path)) <= set(errors_of(source.first))  # what is wrong with the patient
        assert np.array_equal(read_labels(written.path, of=source).labels, mask)
        program("segimage2itkimage")
        assert written.read_by == "dcmqi"


def test_an_image_without_what_a_segmentation_refers_to_is_refused(tmp_path: Path, ct: Raster) -> None:
    two_files = replace(ct.frame, instances=ct.frame.instances[:2] * (len(ct.pixels) // 2))
    for odd, why in (
        (Raster(ct.pixels), "is not DICOM"),
        (replace(ct, frame=replace(ct.frame, study="")), "UIDs"),
        (replace(ct, frame=two_files), "in one file"),
        (replace(ct, frame=replace(ct.frame, shared_uids=True)), "share one UID"),
        (replace(ct, frame=replace(ct.frame, frame_of_reference="")), "frame of reference"),
        (replace(ct, source=str(tmp_path / "gone")), "not there any more"),
    ):
        with pytest.raises(UserError, match=why):
            write_seg(tmp_path / "a_seg.dcm", lungs(ct.shape), odd, LUNGS, BY_MODEL)
    with pytest.raises(UserError, match="label 9"):
        write_seg(tmp_path / "a_seg.dcm", np.full(ct.shape, 9, np.uint8), ct, LUNGS, BY_MODEL)
    assert not list(tmp_path.glob("*seg*")) and not list(tmp_path.glob(".*"))


def test_a_full_disk_leaves_nothing(tmp_path: Path, ct: Raster, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = pydicom.dataset.FileDataset.save_as
    out = tmp_path / "out"
    out.mkdir()

    def fills(self: pydicom.Dataset, path: Path, **options: object) -> None:
        whole(self, path, **options)
        path.write_bytes(path.read_bytes()[:1000])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pydicom.dataset.FileDataset, "save_as", fills)
    monkeypatch.setattr(pydicom.Dataset, "save_as", fills)
    with pytest.raises(UserError, match="disk is full"):
        write_seg(out / "a_seg.dcm", lungs(ct.shape), ct, LUNGS, BY_MODEL)
    assert list(out.iterdir()) == []


def test_no_name_is_logged_printed_or_in_a_message(
    tmp_path: Path,
    ct: Raster,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    recwarn: pytest.WarningsRecorder,
) -> None:
    caplog.set_level(logging.DEBUG)
    broken = tmp_path / "ct" / "IM0000"
    dataset = pydicom.dcmread(broken)
    dataset.PatientBirthDate, dataset.PatientSex = "15/03/50 of SECRET", "SECRET SEX"
    dataset.save_as(broken)
    caplog.clear()
    recwarn.clear()
    messages = []
    for history in (BY_MODEL, MaskHistory(Made.MANUAL)):
        try:
            write_seg(tmp_path / "a_seg.dcm", lungs(ct.shape), ct, LUNGS, history)
        except UserError as error:
            messages.append(str(error))
    out, err = capfd.readouterr()
    said = [caplog.text, out, err, *messages, *(str(one.message) for one in recwarn)]
    for secret in (PATIENT, "SECRET", NUMBER, ct.frame.study, ct.frame.instances[0].sop_instance):
        assert not [text for text in said if secret in text]
