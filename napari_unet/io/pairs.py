"""Which mask file belongs to which image, by name: the one rule that comparing and reviewing share."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from napari_unet.io.names import RESULT_ENDINGS, is_mask_name, is_readable_image, stem


@dataclass(frozen=True)
class Pairing:
    """cases : case name to (prediction, reference). problems : files without a partner or with several.

    alone : files without a partner. doubled : cases with several masks in a folder.
    """

    cases: dict[str, tuple[Path, Path]]
    problems: tuple[str, ...]
    alone: int = 0
    doubled: int = 0


def find_pairs(predictions: Path, references: Path) -> Pairing:
    """Masks of the same case in both folders, by the rule of `masks_by_case`.

    Two masks of one kind leave nothing to choose by: the case is left out and said to be doubly matched.
    """
    found, doubles = zip(*(masks_by_case(folder) for folder in (predictions, references)), strict=True)
    problems = [text for several in doubles for text in several]
    for here, there, kind in ((found[0], found[1], "reference"), (found[1], found[0], "prediction")):
        problems += [f"{here[case][0]} has no {kind}." for case in sorted(set(here) - set(there))]
    cases = {
        case: (found[0][case][0], found[1][case][0])
        for case in sorted(set(found[0]) & set(found[1]))
        if len(found[0][case]) == len(found[1][case]) == 1
    }
    both = set(found[0]) & set(found[1])
    return Pairing(cases, tuple(problems), len(set(found[0]) ^ set(found[1])), len(both) - len(cases))


def masks_by_case(folder: Path) -> tuple[dict[str, list[Path]], list[str]]:
    """(case name to its masks: one, if all is well; what is wrong, in words) of the files in a folder.

    A mask belongs to an image if its name is `<stem>_mask.*` or `<stem>.*`; where both are there, the first
    is the mask and the second is taken for the image. Overlays and probabilities are no masks.
    """
    named: dict[str, list[Path]] = defaultdict(list)
    plain: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(folder.iterdir()):
        if is_readable_image(path):
            if is_mask_name(path):
                named[stem(path)[: -len("_mask")]].append(path)
            elif not stem(path).endswith(RESULT_ENDINGS):
                plain[stem(path)].append(path)
    found = {case: named.get(case) or plain[case] for case in {*named, *plain}}
    doubles = [
        f"{case} has {len(paths)} masks in {folder}: {', '.join(path.name for path in paths)}; left out."
        for case, paths in sorted(found.items())
        if len(paths) > 1
    ]
    return found, doubles
