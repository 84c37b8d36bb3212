"""DICOM segmentations for the archive: patient and study are those of the image, exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from dicom_files import save
from pydicom.datadict import dictionary_VR, tag_for_keyword
from seg_rooms import BY_MODEL, errors, errors_of, lungs, program, series, xray_tags

from napari_unet.core.errors import UserError
from napari_unet.core.label_set import RIGHT_AND_LEFT
from napari_unet.io.dicom_seg import WrittenSeg, write_seg
from napari_unet.io.formats import read_labels, read_raster

_MASK = lungs((20, 24))


def xray(folder: Path, **tags: Any) -> Path:
    """An X-ray whose header has these values exactly, be they valid or not."""
    path = save(folder / "x.dcm", np.ones((20, 24), np.uint16), **xray_tags())
    dataset = pydicom.dcmread(path)
    for keyword, value in tags.items():
        tag = tag_for_keyword(keyword)
        kind = dictionary_VR(tag)
        as_it_is = isinstance(value, str) and kind != "PN"
        dataset[tag] = pydicom.DataElement(tag, kind, value, already_converted=as_it_is)
    dataset.save_as(path)
    return path


def saved(image: Path) -> WrittenSeg:
    return write_seg(image.with_name("x_seg.dcm"), _MASK, read_raster(image), RIGHT_AND_LEFT, BY_MODEL)


@pytest.mark.filterwarnings("ignore:Invalid value for VR")
@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("PatientSex", "U "),
        ("PatientBirthDate", "15/03/1950"),
        ("PatientAge", "45"),
        ("PatientSex", "ü "),
        ("PatientWeight", "heavy "),
        ("StudyDate", "2026-01-02"),
        ("StudyTime", "12:30:00"),
        ("StudyID", "a study of more than sixteen letters"),
        ("OtherPatientIDs", "X-1 \\Y-22"),
        ("OtherPatientNames", "Secret^Anna\\Secret^Maria "),
        ("PatientComments", "was here\r\nbefore  "),
        ("AdditionalPatientHistory", "none\\known"),
        ("AdmissionID", "A-77"),
        ("ClinicalTrialSubjectID", "S-1 "),
        ("PatientIdentityRemoved", "NO"),
        ("OtherStudyNumbers", "17"),
    ],
)
def test_every_value_is_copied_as_it_is_valid_or_not(tmp_path: Path, keyword: str, value: str) -> None:
    image = xray(tmp_path, **{keyword: value + " " * (len(value) % 2)})
    written = saved(image)
    made, source = (pydicom.dcmread(path) for path in (written.path, image))
    assert made.get_item(keyword).value == source.get_item(keyword).value
    assert set(errors(written.path)) <= set(errors_of(image))  # what is wrong with the patient
    assert np.array_equal(read_labels(written.path, of=image).labels, _MASK)


@pytest.mark.parametrize(
    ("keyword", "value"),
    [("KVP", "high"), ("SeriesNumber", "2147483647"), ("SeriesNumber", "four"), ("ContentDate", "today")],
)
def test_other_values_of_the_image_do_not_matter(tmp_path: Path, keyword: str, value: str) -> None:
    written = saved(xray(tmp_path, **{keyword: value + " " * (len(value) % 2)}))
    assert pydicom.dcmread(written.path).SeriesNumber >= 1 and errors(written.path) == []


@pytest.mark.filterwarnings("ignore:Invalid value for VR")
def test_a_series_with_them_is_read_by_another_program(tmp_path: Path) -> None:
    program("segimage2itkimage")
    ct = series(tmp_path / "ct", PatientSex="U", StudyTime="12:30:00", PatientBirthDate="15/03/50")
    written = write_seg(tmp_path / "ct_seg.dcm", lungs(ct.shape), ct, RIGHT_AND_LEFT, BY_MODEL)
    made = pydicom.dcmread(written.path)
    assert written.read_by == "dcmqi" and written.notes == ()
    assert [made[name].value for name in ("PatientSex", "StudyTime")] == ["U", "12:30:00"]


@pytest.mark.parametrize("syntax", [pydicom.uid.ImplicitVRLittleEndian, pydicom.uid.ExplicitVRBigEndian])
def test_whatever_the_encoding_of_the_image(tmp_path: Path, syntax: pydicom.uid.UID) -> None:
    """And an attribute that no dictionary knows yet."""
    image = xray(tmp_path, PatientSex="U ", OtherPatientIDs="X-1 ", PregnancyStatus=3)
    dataset = pydicom.dcmread(image)
    dataset.add_new(0x001099F0, "UN", b"new!")
    dataset.PixelData = np.ones((20, 24), "<u2" if syntax.is_little_endian else ">u2").tobytes()
    dataset.file_meta.TransferSyntaxUID = syntax
    kind = {"implicit_vr": syntax.is_implicit_VR, "little_endian": syntax.is_little_endian}
    plain = pydicom.Dataset()
    plain.update({element.tag: element for element in dataset})
    plain.file_meta = dataset.file_meta
    pydicom.dcmwrite(image, plain, enforce_file_format=True, **kind)
    made = pydicom.dcmread(saved(image).path)
    assert made.PatientSex == "U" and made.OtherPatientIDs == "X-1" and made.PregnancyStatus == 3
    assert made[0x001099F0].value == b"new!"


def test_an_image_of_an_unknown_kind_is_not_called_damaged(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="this kind of image") as refused:
        saved(xray(tmp_path, SOPClassUID="1.2.3.4 "))
    assert "NIfTI" in str(refused.value) and "damaged" not in str(refused.value)


@pytest.mark.parametrize(
    ("character_set", "name", "other"),
    [
        ("ISO_IR 192", "Yamada^Tarou=山田^太郎", "Müller 김 山"),
        ("ISO_IR 100", "Müller^Jörg", "größer"),
        (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동", "대한민국"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう", "東京大学"),
        (["ISO 2022 IR 13", "ISO 2022 IR 87"], "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう", "ﾄｳｷｮｳ"),
        ("GB18030", "Wang^XiaoDong=王^小东", "誠 鶴"),  # whose second bytes look like a backslash in GBK
        ("", "Plain^Name", "plain"),
    ],
)
def test_names_in_any_character_set_stay_the_same(
    tmp_path: Path, character_set: Any, name: str, other: str
) -> None:
    code = pydicom.Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "1", "99TEST", other
    identity = pydicom.Dataset()
    identity.PatientID, identity.IssuerOfPatientID, identity.TypeOfPatientID = "X-2", other, "TEXT"
    image = save(
        tmp_path / "x.dcm",
        np.ones((20, 24), np.uint16),
        **xray_tags(
            SpecificCharacterSet=character_set,
            PatientName=name,
            OtherPatientNames=[name, name],
            PatientComments=other,
            StudyDescription=other,
            StudyDate="20260102",
            ReferringPhysicianName=name,
            ProcedureCodeSequence=[code],
            OtherPatientIDsSequence=[identity],
        ),
    )
    written = saved(image)
    made, source = (pydicom.dcmread(path) for path in (written.path, image))
    taken = ("PatientName", "OtherPatientNames", "PatientID", "PatientBirthDate", "PatientComments")
    taken += ("StudyInstanceUID", "StudyDate", "StudyDescription", "ReferringPhysicianName")
    for keyword in taken:
        assert str(made[keyword].value) == str(source[keyword].value)
    assert str(made.PatientName) == name and made.StudyDescription == other
    assert made.ProcedureCodeSequence[0].CodeMeaning == other
    assert made.OtherPatientIDsSequence[0].IssuerOfPatientID == other
    assert made.SeriesInstanceUID != source.SeriesInstanceUID and errors(written.path) == []
    assert "character set" not in " ".join(written.notes)


@pytest.mark.parametrize("character_set", [None, "ISO_IR 192"])
def test_a_name_in_a_character_set_that_the_header_does_not_name(
    tmp_path: Path, character_set: str | None
) -> None:
    """Headers of some archives leave it out, or name another one: the name may not be what is meant."""
    image = save(tmp_path / "x.dcm", np.ones((20, 24), np.uint16), **xray_tags(PatientName="Muller^Jorg"))
    image.write_bytes(image.read_bytes().replace(b"Muller", b"M\xfcller"))
    if character_set:
        dataset = pydicom.dcmread(image)
        dataset.SpecificCharacterSet = "ISO_IR 100"
        dataset.save_as(image)
        image.write_bytes(image.read_bytes().replace(b"ISO_IR 100", b"ISO_IR 192"))
    assert "character set" in " ".join(saved(image).notes)


def test_nothing_is_lost_that_another_library_takes_for_patient_or_study(tmp_path: Path) -> None:
    known = pytest.importorskip("highdicom._standard_utils", reason="its tables of modules have moved")
    modules = ("patient", "general-study", "patient-study", "clinical-trial-subject", "clinical-trial-study")
    attributes = known.get_module_attribute_map()
    keywords = {one["keyword"] for name in modules for one in attributes[name] if not one["path"]}
    texts = [keyword for keyword in keywords if dictionary_VR(tag_for_keyword(keyword)) in ("LO", "SH", "PN")]
    assert len(texts) > 40
    image = xray(tmp_path, **dict.fromkeys(texts, "abcd"))
    made = pydicom.dcmread(saved(image).path)
    assert [keyword for keyword in texts if str(made.get(keyword)) != "abcd"] == []


def test_what_cannot_be_read_is_named_and_its_value_is_not(tmp_path: Path) -> None:
    image = xray(tmp_path, PregnancyStatus=4711)
    content = image.read_bytes()
    image.write_bytes(content.replace(b"\x10\x00\xc0\x21US", b"\x10\x00\xc0\x21FD"))
    with pytest.raises(UserError, match="Pregnancy Status") as refused:
        saved(image)
    assert "4711" not in str(refused.value) and "x.dcm" not in str(refused.value)
    assert not (tmp_path / "x_seg.dcm").exists()


@pytest.mark.parametrize("change", [{"PatientID": "another"}, {"OtherPatientIDs": None}])
def test_a_file_that_names_another_patient_is_not_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, str | None]
) -> None:
    image = xray(tmp_path, OtherPatientIDs="X-1 ")
    whole = pydicom.dataset.FileDataset.save_as

    def changed(self: pydicom.Dataset, path: Path, **options: object) -> None:
        for keyword, value in change.items():
            delattr(self, keyword)
            if value:
                setattr(self, keyword, value)
        whole(self, path, **options)

    monkeypatch.setattr(pydicom.Dataset, "save_as", changed)
    monkeypatch.setattr(pydicom.dataset.FileDataset, "save_as", changed)
    with pytest.raises(UserError, match="another patient or study"):
        saved(image)
    assert [path.name for path in tmp_path.iterdir()] == ["x.dcm"]
