"""Two folders of masks against each other: which belong together, and how well they agree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.metrics import Scores, scores
from napari_unet.io.formats import read_mask, read_raster
from napari_unet.io.names import RESULT_ENDINGS, is_mask_name, is_readable_image, stem

LUNG = "lung"


class SizesDiffer(UserError):
    """Two masks of one name are not of one image."""


@dataclass(frozen=True)
class Pairing:
    """cases : case name to (prediction, reference). problems : files without a partner or with several."""

    cases: dict[str, tuple[Path, Path]]
    problems: tuple[str, ...]


@dataclass(frozen=True)
class CaseScores:
    """Scores of one label of one case; label is "lung" for two-valued masks, else the number in the file."""

    case: str
    label: str
    scores: Scores


def find_pairs(predictions: Path, references: Path) -> Pairing:
    """Masks of the same case in both folders.

    A mask belongs to an image if its name is `<stem>_mask.*` or `<stem>.*`; where both are there, the first
    is the mask and the second is taken for the image. Overlays and probabilities are no masks. Two masks of
    one kind leave nothing to choose by: the case is left out and said to be doubly matched.
    """
    found, doubles = zip(*(_masks_by_case(folder) for folder in (predictions, references)), strict=True)
    problems = [text for several in doubles for text in several]
    for here, there, kind in ((found[0], found[1], "reference"), (found[1], found[0], "prediction")):
        problems += [f"{here[case][0]} has no {kind}." for case in sorted(set(here) - set(there))]
    cases = {
        case: (found[0][case][0], found[1][case][0])
        for case in sorted(set(found[0]) & set(found[1]))
        if len(found[0][case]) == len(found[1][case]) == 1
    }
    return Pairing(cases, tuple(problems))


def score_case(case: str, prediction: Path, reference: Path) -> Iterator[CaseScores]:
    """Scores label by label. Raises UserError if a file cannot be read, SizesDiffer if the sizes differ.

    A two-valued mask has one label, "lung": all that is greater than 0. Other values are kept as labels of
    their own where both masks have several; against a two-valued mask they count together as lung. Distances
    are in mm where one of the files knows its spacing.
    """
    mask, truth = read_mask(prediction), read_mask(reference)
    if mask.shape != truth.shape:
        raise SizesDiffer(
            f"{prediction.name} has the size {_size(mask)}, its reference {reference.name} {_size(truth)}.",
            "Both must be masks of the same image at the same size.",
        )
    spacing = _spacing(reference) or _spacing(prediction)
    labels, others = _values(mask), _values(truth)
    if len(labels) < 2 or len(others) < 2:
        yield CaseScores(case, LUNG, scores(mask > 0, truth > 0, spacing))
        return
    for label in sorted({*labels, *others}):
        yield CaseScores(case, str(label), scores(mask == label, truth == label, spacing))


def _masks_by_case(folder: Path) -> tuple[dict[str, list[Path]], list[str]]:
    """Case name to its masks (one, if all is well), and what is wrong in words."""
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


def _values(mask: np.ndarray) -> list[int]:
    """The values greater than 0."""
    return [int(value) for value in np.unique(mask) if value > 0]


def _spacing(path: Path) -> tuple[float, ...] | None:
    try:
        return read_raster(path).spacing_mm
    except UserError:
        return None


def _size(mask: np.ndarray) -> str:
    return " × ".join(map(str, mask.shape))
