"""Slices of a series, and what a DICOMDIR lists: reported before anything is done with them."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_files import change, save, save_series
from pydicom.fileset import FileSet
from pydicom.uid import (
    CTImageStorage,
    RTDoseStorage,
    SecondaryCaptureImageStorage,
    XRayRadiationDoseSRStorage,
    generate_uid,
)

from napari_unet.core.errors import UserError
from napari_unet.core.source import Source
from napari_unet.io.dicom_sets import series_among, series_number, sort_out
from napari_unet.io.dicomdir import listed_in
from napari_unet.io.formats import read_raster
from napari_unet.io.ignored import Ignored
from napari_unet.io.names import CAPTURE, LOCALIZER, OBJECT, ODD, REPORT, list_images, list_images_and_masks
from napari_unet.io.sources import named_paths, sources_among

PIXELS = np.zeros((8, 8), np.int16)


def slices(folder: Path, count: int, start: int = 0, **tags: object) -> list[Path]:
    """Files of one series of CT."""
    folder.mkdir(parents=True, exist_ok=True)
    tags = {"Modality": "CT", "SOPClassUID": CTImageStorage, "SeriesInstanceUID": generate_uid(), **tags}
    return [save(folder / f"IM{start + k:04}", PIXELS, InstanceNumber=k, **tags) for k in range(count)]


def test_a_ct_series_is_found_with_its_files(tmp_path: Path) -> None:
    first, second = slices(tmp_path, 3), slices(tmp_path, 2, start=10, Modality="MR", SOPClassUID="")
    one, other = series_among([*first, *second, tmp_path / "none.dcm"])
    assert (one.files, one.modality) == (tuple(first), "CT")
    assert (other.files, other.modality) == (tuple(second), "MR")
    assert one.source == Source.of(first) and series_number(first[0]) == ""


def test_x_rays_and_single_slices_are_no_series(tmp_path: Path) -> None:
    study = {"Modality": "DX", "SeriesInstanceUID": generate_uid(), "StudyInstanceUID": generate_uid()}
    films = [save(tmp_path / f"{k}.dcm", PIXELS.astype(np.uint16), **study) for k in range(3)]
    screens = slices(tmp_path, 2, SOPClassUID=SecondaryCaptureImageStorage)
    assert series_among([*films, *screens, *slices(tmp_path / "a", 1), *slices(tmp_path / "b", 1)]) == []


def test_slices_without_a_series_number_belong_together_by_their_folder(tmp_path: Path) -> None:
    here = slices(tmp_path / "a", 2, SeriesInstanceUID="")
    there = slices(tmp_path / "b", 3, SeriesInstanceUID="")
    assert [len(series.files) for series in series_among([*here, *there])] == [2, 3]


def test_a_series_that_was_copied_is_there_twice(tmp_path: Path) -> None:
    files = slices(tmp_path / "a", 3)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    copies = sorted((tmp_path / "b").iterdir())
    assert [series.files for series in series_among([*files, *copies])] == [tuple(files), tuple(copies)]
    copies[0].unlink()  # which of both is whole, nobody can tell: reading them says what is wrong
    assert [len(series.files) for series in series_among([*files, *copies[1:]])] == [5]
    apart = tmp_path / "c"
    apart.mkdir()
    rest = shutil.move(files[2], apart)
    assert [len(series.files) for series in series_among([*files[:2], Path(rest)])] == [3]


def stack(folder: Path, count: int = 4, **tags: object) -> list[Path]:
    """The slices of one upright stack."""
    return save_series(folder, np.zeros((count, 8, 8), np.int16), **tags)


def ids(**more: object) -> dict[str, object]:
    uid = generate_uid()
    return {"SeriesInstanceUID": uid, "StudyInstanceUID": uid, "FrameOfReferenceUID": uid, **more}


def test_stacks_of_other_size_or_orientation_in_one_series(tmp_path: Path) -> None:
    same = ids()
    axial = stack(tmp_path / "a", 6, **same)
    coronal = stack(tmp_path / "b", 4, orientation=(1, 0, 0, 0, 0, -1), **same)
    small = save_series(tmp_path / "c", np.zeros((3, 5, 5), np.int16), **same)
    scout = stack(tmp_path / "d", 1, orientation=(0, 1, 0, 0, 0, -1), **same)
    found = sort_out([*axial, *coronal, *small, *scout])
    assert [set(one.files) for one in found.series] == [set(axial), set(coronal), set(small)]
    assert found.aside == {ODD: scout}
    for series in found.series:
        assert len(read_raster(series.source).pixels) == len(series.files)


@pytest.mark.parametrize(
    "keyword", ["AcquisitionNumber", "TemporalPositionIdentifier", "EchoTime", "ConvolutionKernel"]
)
def test_stacks_at_one_place_in_one_series(keyword: str, tmp_path: Path) -> None:
    same = ids()
    first = stack(tmp_path / "a", 4, **same, **{keyword: "1"})
    second = stack(tmp_path / "b", 4, **same, **{keyword: "2"})
    found = sort_out([*first, *second])
    assert [set(one.files) for one in found.series] == [set(first), set(second)]
    sources = sources_among([*first, *second])
    together = [Source.of([*source.files]) for source in sources]
    assert [len(read_raster(source).pixels) for source in together] == [4, 4]
    for file in second:
        file.rename(tmp_path / "a" / f"B{file.name}")
    moved = [*first, *(tmp_path / "a").glob("B*")]
    names = [path.name for path in named_paths(sources_among(moved))]
    assert names == ["a_4-1", "a_4-2"]


def test_stacks_that_only_two_tags_tell_apart(tmp_path: Path) -> None:
    """Two phases, each by two kernels; the acquisition is continued in the middle."""
    same, files = ids(), {}
    for phase in ("1", "2"):
        for kernel in ("B30f", "B70f"):
            tags = {"TemporalPositionIdentifier": phase, "ConvolutionKernel": kernel}
            files[phase, kernel] = stack(tmp_path / f"{phase}{kernel}", 4, **same, **tags)
    for each in files.values():
        for k, file in enumerate(each):
            change(file, AcquisitionNumber=k // 2)
    found = sort_out([file for each in files.values() for file in each]).series
    assert [set(one.files) for one in found] == [set(each) for each in files.values()]
    for each in files.values():
        for file in each:
            change(file, ConvolutionKernel="B30f")
    (series,) = sort_out([file for each in files.values() for file in each]).series
    assert len(series.files) == 16  # two of each are left at one place: its reader says so


def test_a_tilted_or_continued_acquisition_is_not_taken_apart(tmp_path: Path) -> None:
    files = stack(tmp_path / "a", 6)
    for k, file in enumerate(files):
        change(file, AcquisitionNumber=k // 2)
    assert [set(one.files) for one in sort_out(files).series] == [set(files)]


def test_what_cannot_be_placed_stays_with_its_series(tmp_path: Path) -> None:
    files = stack(tmp_path / "a", 4)
    change(files[2], ImagePositionPatient=None)
    (series,) = sort_out(files).series
    with pytest.raises(UserError, match=rf"{files[2].name} does not give its position"):
        read_raster(series.source)


@pytest.mark.parametrize("keyword", ["ImageOrientationPatient", "Rows"])
def test_a_slice_whose_header_is_cut_off_is_named(keyword: str, tmp_path: Path) -> None:
    files = stack(tmp_path / "a", 4)
    whole = files[2].read_bytes()
    tag = pydicom.datadict.tag_for_keyword(keyword)
    assert tag is not None
    at = whole.index(struct.pack("<HH", tag >> 16, tag & 0xFFFF))
    files[2].write_bytes(whole[:at])
    (source,) = sources_among(files)
    with pytest.raises(UserError, match=files[2].name):
        read_raster(source)


def test_what_lies_beside_a_series_is_named_and_not_read(tmp_path: Path) -> None:
    study = generate_uid()
    series = stack(tmp_path, 4, StudyInstanceUID=study)
    scout = stack(tmp_path / "s", 2, StudyInstanceUID=study, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    capture = stack(tmp_path / "c", 1, StudyInstanceUID=study, SOPClassUID=SecondaryCaptureImageStorage)
    dose = [
        save(tmp_path / "dose.dcm", PIXELS, StudyInstanceUID=study, SOPClassUID=XRayRadiationDoseSRStorage)
    ]
    beside = {LOCALIZER: scout, CAPTURE: capture, REPORT: dose}
    assert sort_out([*series, *scout, *capture, *dose]).aside == beside
    ignored = Ignored()
    assert sources_among([*scout, *series, *capture, *dose], ignored) == [Source.of(series)]
    told = " ".join(ignored.sentences())
    assert "4 files were ignored: 2 are localizers of a series (IM0000, IM0001)" in told
    assert "1 is a secondary capture beside a series (IM0000)" in told and "(dose.dcm)" in told
    assert not any(file.name in " ".join(ignored.sentences(names=False)) for file in dose)
    # without the series, or of another study, they are read as they are
    assert len(sources_among([*capture, *dose])) == 2
    change(dose[0], Rows=8, Modality="RTDOSE", SOPClassUID=RTDoseStorage, NumberOfFrames=3)
    assert sources_among(dose) == [Source.of(dose)] and sort_out([*series, *dose]).aside == {OBJECT: dose}
    change(capture[0], StudyInstanceUID=generate_uid())
    assert len(sources_among([*series, *capture])) == 2


FRONTAL, LATERAL = (1, 0, 0, 0, 0, -1), (0, 1, 0, 0, 0, -1)


def moved(files: list[Path], folder: Path, name: str) -> list[Path]:
    """Files under other names into a folder with others."""
    return [file.rename(folder / f"{name}{k}") for k, file in enumerate(files)]


@pytest.mark.parametrize("study", ["1.2.3", ""])
def test_scouts_are_told_apart_without_the_word_for_it(study: str, tmp_path: Path) -> None:
    """Frontal and lateral under one UID, as many scanners store them; anonymisers take the study away."""
    series = stack(tmp_path / "a", 5, StudyInstanceUID=study)
    both = ids() | {"StudyInstanceUID": study}
    scouts = moved(stack(tmp_path / "b", 1, orientation=FRONTAL, **both), tmp_path / "a", "frontal")
    scouts += moved(stack(tmp_path / "c", 1, orientation=LATERAL, **both), tmp_path / "a", "lateral")
    twice = stack(tmp_path / "d", 2, orientation=FRONTAL, StudyInstanceUID=study)
    scouts += moved(twice, tmp_path / "a", "again")
    named = {"StudyInstanceUID": study, "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}
    scouts += moved(stack(tmp_path / "e", 1, **named), tmp_path / "a", "named")
    found = sort_out([*scouts, *series])
    assert [one.files for one in found.series] == [tuple(series)]
    assert {reason: sorted(files) for reason, files in found.aside.items()} == {LOCALIZER: sorted(scouts)}
    assert len(sources_among(scouts[:2])) == 2  # alone they are images
    elsewhere = stack(tmp_path / "f", 1, orientation=FRONTAL, StudyInstanceUID=study and "1.2.4")
    assert sources_among([*elsewhere, *series]) == [Source.of(elsewhere), Source.of(series)]


def test_a_single_slice_beside_a_series_is_named(tmp_path: Path) -> None:
    """Such as those that follow the contrast medium."""
    series = stack(tmp_path / "a", 5, StudyInstanceUID="1.2.3")
    single = stack(tmp_path / "b", 1, StudyInstanceUID="1.2.3")
    ignored = Ignored()
    assert sources_among([*single, *series], ignored) == [Source.of(series)]
    assert "1 is a single slice beside a series (IM0000)" in ignored.sentences()[0]
    few = stack(tmp_path / "c", 2, StudyInstanceUID="1.2.3")
    assert sources_among([*few, *single]) == [Source.of(few), Source.of(single)]


def test_the_folders_that_others_stumble_over(hard: Path) -> None:
    ignored = Ignored()
    sources = sources_among(list_images(hard / "philips_mixed"), ignored)
    assert [len(source.files) for source in sources] == [14, 14]
    assert [path.name for path in named_paths(sources)] == ["philips_mixed_201", "philips_mixed_301"]
    assert ["tilted" in read_raster(source).notes[0] for source in sources] == [True, True]
    (told,) = ignored.sentences()
    assert "1 is the localizer of a series (S1000_I10)" in told
    assert "2 are secondary captures beside a series (S4010_I10, S4010_I20)" in told
    (tilted,) = sources_among(list_images(hard / "ge_tilt_gaps"))
    assert len(tilted.files) == 28


@pytest.fixture
def disc(tmp_path: Path) -> Path:
    made = FileSet()
    for k in range(4):
        tags = {"StudyInstanceUID": "1.2.3", "SeriesInstanceUID": f"1.2.3.{k}", "StudyDate": "20261129"}
        tags |= {"StudyTime": "1200", "StudyID": "1", "SeriesNumber": k, "InstanceNumber": 1}
        made.add(save(tmp_path / f"{k}.dcm", PIXELS.astype(np.uint16), **tags))
    made.write(tmp_path / "disc")
    return tmp_path / "disc"


def test_a_dicomdir_names_what_it_lists(disc: Path) -> None:
    files = listed_in(disc / "DICOMDIR")
    assert len(files) == 4 and all(file.is_file() for file in files)
    with pytest.raises(UserError, match=r"lists 4 images \(.*, …\)") as error:
        read_raster(disc / "DICOMDIR")
    assert files[0].relative_to(disc).as_posix() in error.value.problem
    files[0].unlink()
    with pytest.raises(UserError, match="1 of them is not there"):
        read_raster(disc / "DICOMDIR")


def test_a_folder_with_a_dicomdir_says_what_it_lists(disc: Path) -> None:
    ignored = Ignored()
    assert list_images_and_masks(disc, ignored=ignored) == ([], 0)
    text = " ".join(ignored.sentences())
    assert "DICOMDIR lists 4 images" in text and "1 sub-folder was not looked into" in text
    assert "/" not in " ".join(ignored.sentences(names=False))
    assert len(list_images(disc, recursive=True)) == 4


def test_a_damaged_dicomdir(tmp_path: Path) -> None:
    (tmp_path / "DICOMDIR").write_bytes(b"\0" * 128 + b"DICM" + b"\xff" * 99)
    with pytest.raises(UserError):
        read_raster(tmp_path / "DICOMDIR")
    ignored = Ignored()
    shutil.copy(tmp_path / "DICOMDIR", tmp_path / "a.txt")
    list_images_and_masks(tmp_path, ignored=ignored)
    assert ignored.sentences()
