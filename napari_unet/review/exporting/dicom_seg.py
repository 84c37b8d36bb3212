"""DICOM segmentations: for research with images without their patients, or for the archive."""

from __future__ import annotations

import shutil
from pathlib import Path

from napari_unet.core.errors import UserError
from napari_unet.core.frames import DicomFrame
from napari_unet.core.label_set import LabelSet
from napari_unet.io.dicom_identity import ForResearch, NotForResearch, UidMap, write_for_research
from napari_unet.io.dicom_seg import WrittenSeg, write_seg
from napari_unet.io.dicom_seg_masks import instances_of
from napari_unet.io.dicom_seg_source import SegRefused
from napari_unet.io.names import SEG_ENDING
from napari_unet.review.exporting.item import Item, NotExported, Writer
from napari_unet.review.exporting.kinds import Format


class _SegWriter(Writer):
    def __init__(self, folder: Path, labels: LabelSet) -> None:
        super().__init__(folder, labels)
        self._notes: dict[str, None] = {}
        self._read_by: dict[str, None] = {}

    def finish(self) -> list[str]:
        """What read the files again, and what was said of the masks."""
        read = " and ".join(self._read_by)
        if not read:
            return []
        return [f"{self.format}/: each segmentation was read back and checked with {read}.", *self._notes]

    def _write(self, path: Path, item: Item, research: ForResearch | None) -> WrittenSeg:
        try:
            written = write_seg(
                path, item.labels, item.raster, self.labels, item.history, research, item.source
            )
        except SegRefused as refused:
            raise NotExported(_as_reason(refused)) from refused
        self._read_by[written.read_by] = None
        self._notes.update(dict.fromkeys(written.notes))
        return written


class ArchiveSegWriter(_SegWriter):
    """One file per case, with the patient and the study of its image, which is in the archive already."""

    format = Format.DICOM_SEG_ARCHIVE

    def add(self, item: Item, images: bool) -> tuple[str, str]:
        """See Writer; images are never written."""
        path = self.place(item.file_name + SEG_ENDING)
        self._write(path, item, None)
        return "", self.told(path)

    def finish(self) -> list[str]:
        """Says what is in the files."""
        what = "CONTAINS PATIENT DATA (names, numbers, studies)"
        return [f"{self.format}/ {what}: it is for the archive only.", *super().finish()]


class ResearchSegWriter(_SegWriter):
    """`masks/<case>_seg.dcm` and `images/<case>/`, without patients and with new UIDs that fit together."""

    format = Format.DICOM_SEG

    def __init__(self, folder: Path, labels: LabelSet) -> None:
        super().__init__(folder, labels)
        self._uids = UidMap()

    def add(self, item: Item, images: bool) -> tuple[str, str]:
        """See Writer."""
        research = ForResearch(item.patient or item.case, images, self._uids)
        path = self.place("masks", item.file_name + SEG_ENDING)
        self._write(path, item, research)
        if not images:
            return "", self.told(path)
        folder = self.place("images", item.file_name)
        try:
            self._images(folder, item, research)
        except NotExported:
            path.unlink()
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return self.told(folder), self.told(path)

    def _images(self, folder: Path, item: Item, research: ForResearch) -> None:
        """The files of the image, numbered in the order of the slices; each stored slice once."""
        frame = item.raster.frame
        assert isinstance(frame, DicomFrame)
        order = {one.sop_instance: k for k, one in enumerate(frame.instances)}
        files = {next(iter(instances_of(file)), ""): file for file in reversed(item.source.files)}
        folder.mkdir()
        for k, uid in enumerate(sorted(files, key=lambda uid: order.get(uid, len(order))), start=1):
            try:
                write_for_research(folder / f"{k:04}.dcm", files[uid], research)
            except NotForResearch as reason:
                raise NotExported(_as_reason(reason)) from reason


def _as_reason(error: UserError) -> str:
    """As words that go after the name of a case."""
    return error.problem[:1].lower() + error.problem[1:].rstrip(".")
