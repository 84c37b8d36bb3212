"""Whose a DICOM object is, in the two ways in which one may leave this program, with nothing in between.

For the archive: patient and study are those of the source, exactly. For research: PS3.15's Basic Application
Level Confidentiality Profile. Nothing but what is listed here is kept of a header, so that what nobody has
thought of goes too.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from napari_unet.core.errors import UserError
from napari_unet.io import dicom_header as header
from napari_unet.io.atomic import atomic_write
from napari_unet.io.dicom import guarded, load
from napari_unet.io.kinds import DAMAGED

if TYPE_CHECKING:
    from pydicom import DataElement, Dataset
    from pydicom.tag import BaseTag

METHOD = "Basic Application Confidentiality Profile"
_METHOD_CODE = ("113100", "DCM", METHOD)
_NO_DATE, _NO_TIME = "20000101", "000000"  # where DICOM requires a date
_OVERLAYS, _OVERLAY_BIT = 0x6000, 0x0102
_EMPTY = (  # what every image has, and the profile empties
    *("StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName", "StudyID"),
    *("PatientBirthDate", "PatientSex"),
)
_OF_PATIENT = 0x0010  # the group of a header that is about the patient
PATIENT_AND_STUDY = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "ReferringPhysicianName"),
    *("StudyDate", "StudyTime", "StudyID", "AccessionNumber"),
)
"""Type 2 in DICOM: empty where the image does not have them."""
_ALSO_PATIENT_AND_STUDY = (  # of DICOM's modules patient, study, patient study, and those of clinical trials
    *("StudyInstanceUID", "StudyDescription", "OtherStudyNumbers", "IssuerOfAccessionNumberSequence"),
    *("ReferringPhysicianIdentificationSequence", "ConsultingPhysicianName"),
    *("ConsultingPhysicianIdentificationSequence", "PhysiciansOfRecord"),
    *("PhysiciansOfRecordIdentificationSequence", "NameOfPhysiciansReadingStudy"),
    *("PhysiciansReadingStudyIdentificationSequence", "ProcedureCodeSequence", "ReferencedStudySequence"),
    *("ReferencedPatientSequence", "RequestingService", "RequestingServiceCodeSequence"),
    *("ReasonForPerformedProcedureCodeSequence", "AdmittingDiagnosesDescription"),
    *("AdmittingDiagnosesCodeSequence", "ReasonForVisit", "ReasonForVisitCodeSequence", "AdmissionID"),
    *("IssuerOfAdmissionIDSequence", "ServiceEpisodeID", "ServiceEpisodeDescription"),
    *("IssuerOfServiceEpisodeIDSequence", "PatientState", "PatientIdentityRemoved"),
    *("DeidentificationMethod", "DeidentificationMethodCodeSequence", "ClinicalTrialSponsorName"),
    *("ClinicalTrialProtocolID", "ClinicalTrialProtocolName", "IssuerOfClinicalTrialProtocolID"),
    *("OtherClinicalTrialProtocolIDsSequence", "ClinicalTrialSiteID", "ClinicalTrialSiteName"),
    *("IssuerOfClinicalTrialSiteID", "ClinicalTrialSubjectID", "IssuerOfClinicalTrialSubjectID"),
    *("ClinicalTrialSubjectReadingID", "IssuerOfClinicalTrialSubjectReadingID"),
    *("ClinicalTrialProtocolEthicsCommitteeName", "ClinicalTrialProtocolEthicsCommitteeApprovalNumber"),
    *("ClinicalTrialTimePointID", "ClinicalTrialTimePointDescription"),
    *("LongitudinalTemporalOffsetFromEvent", "LongitudinalTemporalEventType"),
    *("ClinicalTrialTimePointTypeCodeSequence", "IssuerOfClinicalTrialTimePointID"),
    *("ConsentForClinicalTrialUseSequence",),
)
_CHARACTER_SET = 0x00080005
_LATIN = "iso8859"  # what pydicom takes where no character set is declared
_LOST = "\ufffd"  # in the place of a letter that could not be decoded
_MAPPED = ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")
_KEPT = (
    *("SOPClassUID", "ImageType", "Modality", "Manufacturer", "PresentationIntentType", "SeriesNumber"),
    *("InstanceNumber", "AcquisitionNumber", "BodyPartExamined", "Laterality", "ImageLaterality"),
    *("ViewPosition", "PatientOrientation", "PatientPosition", "ImagePositionPatient"),
    *("ImageOrientationPatient", "SliceLocation", "SliceThickness", "SpacingBetweenSlices", "PixelSpacing"),
    *("ImagerPixelSpacing", "NominalScannedPixelSpacing", "PositionReferenceIndicator", "KVP"),
    *("ConvolutionKernel", "GantryDetectorTilt", "ScanOptions", "PixelIntensityRelationship"),
    *("PixelIntensityRelationshipSign", "SamplesPerPixel", "PhotometricInterpretation"),
    *("PlanarConfiguration", "Rows", "Columns", "NumberOfFrames", "BitsAllocated", "BitsStored", "HighBit"),
    *("PixelRepresentation", "PixelAspectRatio", "SmallestImagePixelValue", "LargestImagePixelValue"),
    *("PixelPaddingValue", "PixelPaddingRangeLimit", "RescaleIntercept", "RescaleSlope", "RescaleType"),
    *("WindowCenter", "WindowWidth", "VOILUTFunction", "PresentationLUTShape", "LossyImageCompression"),
    *("LossyImageCompressionRatio", "LossyImageCompressionMethod", "BurnedInAnnotation", "PixelData"),
)
_TABLES = ("ModalityLUTSequence", "VOILUTSequence")
_OF_A_TABLE = ("LUTDescriptor", "LUTData", "ModalityLUTType")


def patient_and_study(header: Dataset) -> Dataset:
    """All that a header says of its patient and its study, as a dataset in Unicode.

    Values are neither interpreted nor corrected: what is not valid in DICOM is kept as it is. Raises
    UserError, with the attribute's name and without its value, if one cannot be read.
    """
    from pydicom.charset import convert_encodings
    from pydicom.tag import Tag

    wanted = set(map(Tag, (*PATIENT_AND_STUDY, *_ALSO_PATIENT_AND_STUDY)))
    there = sorted(header.keys())
    tags = [tag for tag in there if tag in wanted or (tag.group == _OF_PATIENT and tag.element)]
    made = _in_unicode(header, tags, convert_encodings(header.get("SpecificCharacterSet")))
    for keyword in PATIENT_AND_STUDY:
        if keyword not in made:
            setattr(made, keyword, "")
    return made


def letters_in_doubt(header: Dataset, whose: Dataset) -> bool:
    """Whether patient and study (`whose`) have letters of a character set that the header does not name.

    Or not rightly.
    """
    from pydicom.valuerep import CUSTOMIZABLE_CHARSET_VR

    texts = "".join(str(one.value) for one in whose.iterall() if one.VR in CUSTOMIZABLE_CHARSET_VR)
    return _LOST in texts or not (header.get("SpecificCharacterSet") or texts.isascii())


class UidMap:
    """A new UID for each old one, the same each time; kept in memory alone and forgotten with this object."""

    def __init__(self) -> None:
        self._new: dict[str, str] = {}

    def __call__(self, uid: str) -> str:
        """The new UID; "" for ""."""
        from pydicom.uid import generate_uid

        if uid and uid not in self._new:
            self._new[uid] = str(generate_uid())
        return self._new.get(uid, "")


@dataclass(frozen=True)
class ForResearch:
    """An object for research.

    patient : what stands in place of the patient's name and number. images : whether the images go along,
    with the UIDs of `uids`; without them an object refers to nothing.
    """

    patient: str
    images: bool
    uids: UidMap = field(default_factory=UidMap)

    def header(self, dataset: Dataset) -> Dataset:
        """A new dataset with no more of `dataset` than may be kept, and with what says so."""
        made: Any = _only(dataset, _KEPT)
        for keyword in _TABLES:
            if tables := [_only(table, _OF_A_TABLE) for table in dataset.get(keyword) or ()]:
                setattr(made, keyword, tables)
        for keyword in _MAPPED:
            if uid := str(dataset.get(keyword) or ""):
                setattr(made, keyword, self.uids(uid))
        for keyword in _EMPTY:
            setattr(made, keyword, "")
        made.PatientName = made.PatientID = self.patient
        self.mark(made)
        return cast("Dataset", made)

    def mark(self, dataset: Any) -> None:
        """Says in an object that the patient's identity was removed, and how; its own dates go too."""
        dataset.PatientIdentityRemoved = "YES"
        dataset.DeidentificationMethod = METHOD
        dataset.DeidentificationMethodCodeSequence = [header.coded(*_METHOD_CODE)]
        dataset.LongitudinalTemporalInformationModified = "REMOVED"
        for keyword, nothing in (("ContentDate", _NO_DATE), ("ContentTime", _NO_TIME)):
            if keyword in dataset:
                setattr(dataset, keyword, nothing)
        for keyword in ("InstanceCreationDate", "InstanceCreationTime", "SeriesDate", "SeriesTime"):
            if keyword in dataset:
                delattr(dataset, keyword)
        for equipment in dataset.get("ContributingEquipmentSequence") or ():
            if "ContributionDateTime" in equipment:
                del equipment.ContributionDateTime


class NotForResearch(UserError):
    """An image cannot be exported without its patient; the words name no file."""


def write_for_research(path: Path, image: Path, research: ForResearch) -> Path:
    """Writes a DICOM image without its patient, and reads it again. The pixels stay as they are stored.

    Returns `path`. Raises NotForResearch if it cannot be read, is not read again as it was meant, and if its
    header says that there is text in its pixels or an overlay in their unused bits, which may be a name;
    UserError if it cannot be written.
    """
    try:
        with guarded("Its image"):
            dataset = load(image)
            burned_in = str(dataset.get("BurnedInAnnotation") or "").upper() == "YES"
            overlaid = any(element.value for element in dataset if _is_overlay_bit(element.tag))
            made: Any = research.header(dataset)
            made.file_meta = _meta(dataset.file_meta.TransferSyntaxUID, made)
    except UserError:  # whose words name the file
        raise NotForResearch(f"Its image {DAMAGED}") from None
    if header.number(dataset, "NumberOfFrames", 1) > 1:
        raise NotForResearch("All its slices are in one file, whose dates and places are not removed.")
    if burned_in:
        raise NotForResearch("Its header says that text is burned into its pixels, perhaps a name.")
    if overlaid:
        raise NotForResearch("It has an overlay in the unused bits of its pixels, perhaps with a name.")
    with atomic_write(path) as partial:
        made.save_as(partial, enforce_file_format=True)
        _read_again(partial, made)
    return path


def _read_again(path: Path, made: Dataset) -> None:
    """Raises NotForResearch if what was written is not what was meant: before it has its name."""
    try:
        with guarded("The image"):
            found = load(path)
            same = found == made and found.get("PixelData") == made.get("PixelData")
    except UserError:
        same = False
    if not same:
        raise NotForResearch("Read again, it was not what had been written. The disk may be damaged.")


def _is_overlay_bit(tag: BaseTag) -> bool:
    """Whether an element says in which bit of the pixels an overlay is (60xx,0102); 0 is none of them."""
    return tag.group & 0xFF01 == _OVERLAYS and tag.element == _OVERLAY_BIT


def _in_unicode(dataset: Dataset, tags: Iterable[BaseTag], encodings: list[str]) -> Dataset:
    """These elements of a dataset whose texts are encoded so."""
    from pydicom import Dataset
    from pydicom.datadict import dictionary_description, dictionary_has_tag

    made = Dataset()
    for tag in tags:
        try:
            made[tag] = _element_in_unicode(dataset, tag, encodings)
        except UserError:
            raise
        except Exception:  # damaged values make pydicom raise nearly anything
            name = dictionary_description(tag) if dictionary_has_tag(tag) else str(tag)
            raise UserError(
                f"The header of the image is damaged: “{name}” cannot be read.",
                "Export the image from the archive again, or save the mask as PNG, TIFF or NIfTI.",
            ) from None
    return made


def _element_in_unicode(dataset: Dataset, tag: BaseTag, encodings: list[str]) -> DataElement:
    """Text as it is written, in one piece: pydicom would make numbers and dates of it, if it can."""
    from pydicom import DataElement
    from pydicom.charset import convert_encodings, decode_bytes
    from pydicom.datadict import dictionary_has_tag, dictionary_VR
    from pydicom.valuerep import CUSTOMIZABLE_CHARSET_VR, STR_VR, TEXT_VR_DELIMS, PersonName

    element: Any = dataset.get_item(tag)
    kind = element.VR
    if kind in (None, "UN") and dictionary_has_tag(tag):
        kind = dictionary_VR(tag)
    if kind in STR_VR:
        text = element.value or ""
        if isinstance(text, bytes):
            encodings = encodings if kind in CUSTOMIZABLE_CHARSET_VR else [_LATIN]
            text = decode_bytes(text, encodings, TEXT_VR_DELIMS)
        elif not isinstance(text, (str, PersonName)):
            text = "\\".join(map(str, text)) if isinstance(text, Iterable) else str(text)
        text = str(text)
        if len(text.encode("utf8" if kind in CUSTOMIZABLE_CHARSET_VR else _LATIN)) % 2:
            text += "\0" if kind == "UI" else " "
        value = PersonName(text.encode(), ["utf8"]) if kind == "PN" else text
        return DataElement(tag, kind, value, already_converted=True)
    element = dataset[tag]
    if element.VR != "SQ":
        return cast("DataElement", deepcopy(element))
    items = []
    for item in element.value:
        own = item.get("SpecificCharacterSet")
        inner = [one for one in sorted(item.keys()) if one.element and one != _CHARACTER_SET]
        items.append(_in_unicode(item, inner, convert_encodings(own) if own else encodings))
    return DataElement(tag, "SQ", items)


def _only(dataset: Dataset, keywords: tuple[str, ...]) -> Dataset:
    from pydicom import Dataset

    made = Dataset()
    for keyword in keywords:
        if keyword in dataset:
            made[keyword] = dataset[keyword]
    return made


def _meta(syntax: Any, dataset: Any) -> Any:
    from pydicom.dataset import FileMetaDataset

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return meta
