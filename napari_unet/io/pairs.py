"""Which mask file belongs to which image: the one rule that comparing and reviewing share.

By name; a DICOM segmentation, which says what it was drawn on, by that.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from napari_unet.core.errors import UserError
from napari_unet.core.source import Source
from napari_unet.io.dicom_seg_masks import instances_of, references_among
from napari_unet.io.dicom_seg_read import is_seg
from napari_unet.io.ignored import Ignored
from napari_unet.io.names import (
    FOLDER,
    RESULT_ENDINGS,
    image_names,
    is_hidden,
    is_mask_name,
    is_seg_name,
    readable_files,
    stem,
)


@dataclass(frozen=True)
class Pairing:
    """cases : case name to (prediction, reference). problems : files without a partner or with several.

    alone : files without a partner. doubled : cases with several masks in a folder.
    ignored : files that were passed over, in words.
    """

    cases: dict[str, tuple[Path, Path]]
    problems: tuple[str, ...]
    alone: int = 0
    doubled: int = 0
    ignored: tuple[str, ...] = ()


@dataclass
class MasksOfImages:
    """of : the one mask of each image that has one. unclear : images whose mask may be another's, and why.

    problems : cases with several masks, in words. ignored : files that were passed over, in words.
    """

    of: dict[Path, Path] = field(default_factory=dict)
    unclear: dict[Path, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)


def find_pairs(predictions: Path, references: Path) -> Pairing:
    """Masks of the same case in both folders, by the rule of `masks_by_case`.

    Two masks of one kind leave nothing to choose by: the case is skipped and reported as doubly matched.
    DICOM segmentations whose names do not find each other belong together if they refer to the same image.
    """
    ignored = [Ignored(), Ignored()]
    found, doubles = zip(*map(masks_by_case, (predictions, references), ignored), strict=True)
    _under_one_name(*found)
    problems = [text for several in doubles for text in several]
    for here, there, kind in ((found[0], found[1], "reference"), (found[1], found[0], "prediction")):
        problems += [f"{here[case][0]} has no {kind}." for case in sorted(set(here) - set(there))]
    cases = {
        case: (found[0][case][0], found[1][case][0])
        for case in sorted(set(found[0]) & set(found[1]))
        if len(found[0][case]) == len(found[1][case]) == 1
    }
    both = set(found[0]) & set(found[1])
    told = (
        f"{folder}: {text}"
        for folder, one in zip((predictions, references), ignored, strict=True)
        for text in one.sentences()
    )
    return Pairing(
        cases,
        tuple(problems),
        alone=len(set(found[0]) ^ set(found[1])),
        doubled=len(both) - len(cases),
        ignored=tuple(dict.fromkeys(told)),
    )


def masks_of_images(
    images: Iterable[Path], folder: Path, sources: Sequence[Source] | None = None
) -> MasksOfImages:
    """The mask in `folder` for each image, by the rule of `masks_by_case`.

    A DICOM segmentation whose name does not say whose it is belongs to the image that it refers to. sources :
    the files of each image, where it is not itself a file.

    The mask of an image is called after its stem, or after its whole name where images share a stem
    ("1.png_mask.png"): so `segment` names them. A mask that may be of several images is given to none, and an
    image is not its own mask.
    """
    ignored, result, wanted = Ignored(), MasksOfImages(), list(images)
    found, result.problems = masks_by_case(folder, ignored)
    result.ignored = [f"{folder}: {text}" for text in ignored.sentences()]
    stems = Counter(map(stem, wanted))
    for image in wanted:
        whole, short = image_names(image)
        fitting, shared = _others(found.get(whole, ()), image) if whole != short else [], False
        if not fitting:
            fitting, shared = _others(found.get(short, ()), image), stems[short] > 1
        if fitting and shared:
            result.unclear[image] = (
                "Several images have this name: it is unclear which one the mask belongs to."
            )
        elif len(fitting) == 1:
            result.of[image] = fitting[0]
    _by_reference(result, wanted, sources or [Source.of(image) for image in wanted], found)
    return result


def _by_reference(
    result: MasksOfImages, images: Sequence[Path], sources: Sequence[Source], masks: dict[str, list[Path]]
) -> None:
    """Gives images the segmentations that refer to them: where they have no mask, or another image's."""
    refer, damaged = references_among(path for several in masks.values() for path in several)
    result.problems += damaged
    if not refer:
        return
    for image, source in zip(images, sources, strict=True):
        if image in result.of and not is_seg(result.of[image]):
            continue
        try:
            uids = instances_of(source)
        except UserError:
            continue  # reported when the image is read
        mine = list(dict.fromkeys(path for uid in uids for path in refer.get(uid, ())))
        if not mine or result.of.get(image) in mine:
            continue
        result.of.pop(image, None)
        result.unclear.pop(image, None)
        if len(mine) == 1:
            result.of[image] = mine[0]
        else:
            result.unclear[image] = f"Several DICOM segmentations refer to this image ({len(mine)})."


def _under_one_name(here: dict[str, list[Path]], there: dict[str, list[Path]]) -> None:
    """Gives segmentations that have no partner by name the name of the one that refers to the same image."""
    alone = [case for case in here if case not in there and len(here[case]) == 1]
    called = {paths[0]: case for case, paths in there.items() if case not in here and len(paths) == 1}
    refer, _ = references_among(called)  # a damaged file is reported when it is read
    for case in alone if refer else ():
        theirs, _ = references_among(here[case])
        mine = {one for uid in theirs for one in refer.get(uid, ()) if one in called}
        if len(mine) == 1:
            there[case] = there.pop(called.pop(*mine))


def masks_by_case(folder: Path, ignored: Ignored | None = None) -> tuple[dict[str, list[Path]], list[str]]:
    """(case name to its masks: one, if all is well; what is wrong, in words) of the files in a folder.

    A mask belongs to an image if its name is `<stem>_mask.*`, `<stem>_seg.dcm` or `<stem>.*`; where several
    are there, the first of these is the mask, and a `<stem>.*` is taken for the image. Overlays and
    probabilities are not masks. Names are compared in NFC. ignored : gets the files that are none.
    """
    named: dict[str, list[Path]] = defaultdict(list)
    segs: dict[str, list[Path]] = defaultdict(list)
    plain: dict[str, list[Path]] = defaultdict(list)
    inside = sorted(folder.iterdir())
    if ignored is not None:
        ignored.add(FOLDER, [path for path in inside if path.is_dir() and not is_hidden(path)])
    for path in readable_files([path for path in inside if not path.is_dir()], ignored):
        if is_seg_name(path):
            segs[stem(path)[: -len("_seg")]].append(path)
        elif is_mask_name(path):
            named[stem(path)[: -len("_mask")]].append(path)
        elif not stem(path).endswith(RESULT_ENDINGS):
            plain[stem(path)].append(path)
    found = {case: named.get(case) or segs.get(case) or plain[case] for case in {*named, *segs, *plain}}
    doubles = [
        f"{case} has {len(paths)} masks in {folder}: {', '.join(path.name for path in paths)}; left out."
        for case, paths in sorted(found.items())
        if len(paths) > 1
    ]
    return found, doubles


def _others(masks: Iterable[Path], image: Path) -> list[Path]:
    return [mask for mask in masks if not (image.exists() and os.path.samefile(mask, image))]
