"""Vanishing gradients: how much of the gradient arrives at each stage, and what lets it vanish."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from benchmarks.lineage.compare import finished, seeds, why_not
from benchmarks.lineage.tables import line, marked, table_head
from benchmarks.lineage.train import Trained
from napari_unet.core.network_facts import stage_words

VANISHED = 0.1  # of the gradient of the last stage
_WHEN = ("early", "late")
_LAST = "decoder.0"
_NETWORKS = ("no-norm", "no-norm-no-skips", "no-norm-residual", "today", "encoder-decoder", "residual")
_IDEAS = (
    ("Skips, without normalisation", "no-norm", "no-norm-no-skips"),
    ("Skips, with normalisation", "today", "encoder-decoder"),
    ("Residual blocks, without normalisation", "no-norm-residual", "no-norm"),
    ("Residual blocks, with normalisation", "residual", "today"),
    ("Normalisation, with skips", "today", "no-norm"),
    ("Normalisation, without skips", "encoder-decoder", "no-norm-no-skips"),
)  # and the networks that have it and lack it


def arrived(own: Sequence[Trained]) -> dict[str, tuple[float, float]]:
    """Of each stage the norm of its gradient over that of the last, early and late: the mean of the seeds."""
    stages = [name for name in own[0].gradients if name.startswith(("encoder", "bottleneck", "decoder"))]

    def mean(stage: str, when: int) -> float:
        return fmean(one.gradients[stage][when] / one.gradients[_LAST][when] for one in own)

    return {stage: (mean(stage, 0), mean(stage, 1)) for stage in stages}


def gradients(found: Sequence[Trained]) -> str:
    """The table; "" without any of its networks."""
    rows = {name: own for name in _NETWORKS if (own := [one for one in found if one.row == name])}
    if not rows:
        return ""
    stages = list(arrived(next(iter(rows.values()))))
    lines = table_head(["network", "seeds", *map(stage_words, stages)])
    for name, own in rows.items():
        norms = arrived(own)
        cells = [f"{norms[stage][0]:.2g} → {norms[stage][1]:.2g}" for stage in stages]
        lines.append(line([marked(name, own), str(len(own)), *cells]))
    return "\n".join(lines)


def verdicts(own: Sequence[Trained]) -> list[str]:
    """What skips, residual blocks and normalisation did to the gradients: a sentence for each."""
    return [f"**{name}**: {_verdict(having, lacking, own)}." for name, having, lacking in _IDEAS]


def _verdict(having: str, lacking: str, own: Sequence[Trained]) -> str:
    if why := why_not((having, lacking), own):
        return why
    rows, others = finished(having, own), finished(lacking, own)
    before, after = _each(others), _each(rows)
    low, still_low = ({key for key in part if part[key] < VANISHED} for part in (before, after))
    if low:
        said = [
            _listed("cured", low - still_low, before, after),
            _listed("not cured", low & still_low, before, after),
        ]
    else:
        least = min(before, key=lambda key: before[key])
        said = [f"nothing to cure, for without it at least {before[least]:.2g} arrives ({', '.join(least)})"]
    said.append(_listed("starved", still_low - low, before, after))
    return f"{'; '.join(part for part in said if part)} ({seeds(len(rows), len(others))})"


def _each(own: Sequence[Trained]) -> dict[tuple[str, str], float]:
    """By stage, in words, and time."""
    return {
        (stage_words(stage), when): norm
        for stage, norms in arrived(own).items()
        for when, norm in zip(_WHEN, norms, strict=True)
    }


def _listed(
    word: str,
    keys: set[tuple[str, str]],
    before: dict[tuple[str, str], float],
    after: dict[tuple[str, str], float],
) -> str:
    """Stages and times in their order, with what arrives without the idea and with it."""
    found = [key for key in before if key in keys]
    parts = [f"{', '.join(key)} ({before[key]:.2g} without, {after[key]:.2g} with)" for key in found]
    return f"{word}: {' and '.join(parts)}" if parts else ""
