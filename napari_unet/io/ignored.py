"""What a command that was given a folder did not take from it, in words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from napari_unet.core.errors import UserError
from napari_unet.core.wording import counted, first_of
from napari_unet.io.names import (
    CAPTURE,
    FOLDER,
    HIDDEN,
    INDEX,
    LOCALIZER,
    MISSING,
    NO_IMAGE,
    OBJECT,
    ODD,
    PICTURE,
    REPORT,
    SEGMENTATION,
    SINGLE,
)

_NAMED = 3  # files that are named of each kind

_WORDS = {  # (one, several)
    NO_IMAGE: ("1 is not a readable image", "{} are not readable images"),
    HIDDEN: ("1 is hidden", "{} are hidden"),
    INDEX: ("1 is a DICOMDIR, which lists images", "{} are DICOMDIRs, which list images"),
    LOCALIZER: ("1 is the localizer of a series", "{} are localizers of a series"),
    CAPTURE: ("1 is a secondary capture beside a series", "{} are secondary captures beside a series"),
    REPORT: (
        "1 is a report (dose or other) beside a series",
        "{} are reports (dose or other) beside a series",
    ),
    OBJECT: ("1 belongs to a series and has no image of it", "{} belong to a series and have no image of it"),
    SEGMENTATION: (
        "1 is a DICOM segmentation of one of the images",
        "{} are DICOM segmentations of the images",
    ),
    ODD: (
        "1 has another size or orientation than its series",
        "{} have another size or orientation than their series",
    ),
    SINGLE: ("1 is a single slice beside a series", "{} are single slices beside a series"),
    PICTURE: (
        "1 is a picture beside the DICOM images of a disc or a zip file",
        "{} are pictures beside the DICOM images of a disc or a zip file",
    ),
}


class Ignored:
    """Files by the reason why they were passed over.

    Sub-folders that were not looked into count apart, and so do files that are not there.
    """

    def __init__(self) -> None:
        self._paths: dict[str, list[Path]] = defaultdict(list)

    def add(self, reason: str, paths: Iterable[Path]) -> None:
        """Notes files that were passed over; reason : one of those in io.names."""
        self._paths[reason] += paths

    def less(self, folder: Path) -> None:
        """Forgets what lies in `folder`, and the folder itself: what a command writes is not its input."""
        inner = folder.resolve()
        for reason, paths in self._paths.items():
            self._paths[reason] = [path for path in paths if not path.resolve().is_relative_to(inner)]

    def sentences(self, names: bool = True) -> list[str]:
        """What was passed over, counted; names : with the first names of each kind."""
        found = {reason: sorted(paths) for reason, paths in self._paths.items() if paths}
        folders, missing = found.pop(FOLDER, []), found.pop(MISSING, [])
        told = [self._listed(index, names) for index in found.get(INDEX, [])]
        total = sum(map(len, found.values()))
        if total:
            parts = ", ".join(
                _WORDS[reason][len(paths) > 1].format(len(paths)) + _examples(paths, names)
                for reason, paths in found.items()
            )
            told.append(f"{total} {'file was' if total == 1 else 'files were'} ignored: {parts}.")
        if folders:
            which = "1 sub-folder was" if len(folders) == 1 else f"{len(folders)} sub-folders were"
            told.append(f"{which} not looked into{_examples(folders, names)}.")
        if missing:
            one = len(missing) == 1
            told.append(
                f"{counted(len(missing), 'image')} that a DICOMDIR lists {'is' if one else 'are'} not there"
                f"{_examples(missing, names)}."
            )
        return told

    def _listed(self, index: Path, names: bool) -> str:
        from napari_unet.io.dicomdir import count_and_names, listed_in

        try:
            files = listed_in(index)
        except UserError as error:
            return str(error)
        if not names:
            return f"A DICOMDIR lists {len(files)} images."
        return f"{index.name} lists {count_and_names(files, index.parent)}."


def _examples(paths: list[Path], names: bool) -> str:
    if not names:
        return ""
    return f" ({first_of([path.name for path in paths], _NAMED)})"
