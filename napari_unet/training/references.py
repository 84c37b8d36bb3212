"""How the scores of findings are to be read: thresholds, and where those of normal images lie."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_unet.core.calibration import reached_by
from napari_unet.core.second_reading import share_with_interval
from napari_unet.core.training_pair import TrainingPair
from napari_unet.models.output import FindingReference
from napari_unet.training.recipe import ReferenceConfig

_DIGITS = 4


def references(
    findings: Sequence[str],
    scores: np.ndarray,
    pairs: Sequence[TrainingPair],
    sources: Sequence[str],
    config: ReferenceConfig,
) -> tuple[FindingReference, ...]:
    """One per finding, from the validation images of the sources in `config`.

    scores : (N, findings), 0 to 1, of `pairs`. sources : the name of each pair's source. A finding that no
    image has, or all have, gets none.
    """
    ours = np.array([name in config.sources for name in sources], bool)
    normal = np.array([pair.findings.get(config.normal.casefold()) is False for pair in pairs], bool) & ours
    found = []
    for name, column in zip(findings, scores.T, strict=True):
        told = [pair.findings.get(name.casefold()) for pair in pairs]
        there, absent = (ours & np.array([one is wanted for one in told], bool) for wanted in (True, False))
        if not there.any() or not absent.any():
            continue
        threshold = reached_by(column[there], config.sensitivity)
        hit = int((column[there] >= threshold).sum())
        share, low, high = share_with_interval(hit, int(there.sum()))
        told_by = dict.fromkeys(place for place, one in zip(sources, there | absent, strict=True) if one)
        found.append(
            FindingReference(
                finding=name,
                threshold=threshold,
                sensitivity=round(share, _DIGITS),
                low=round(low, _DIGITS),
                high=round(high, _DIGITS),
                specificity=round(float((column[absent] < threshold).mean()), _DIGITS),
                positives=int(there.sum()),
                negatives=int(absent.sum()),
                source=", ".join(f"{place}, val" for place in told_by),
                normal=tuple(sorted(round(float(score), _DIGITS) for score in column[normal])),
            )
        )
    return tuple(found)
