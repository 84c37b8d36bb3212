"""Pictures with findings: one word each instead of a mask, and how well a network tells them apart."""

from __future__ import annotations

from collections.abc import Generator, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_unet.core.errors import UserError
from napari_unet.core.events import CaseDone
from napari_unet.core.evidence_metrics import placements
from napari_unet.core.intensity import IntensityRule
from napari_unet.core.raster import Raster
from napari_unet.core.steps import run
from napari_unet.core.training_pair import TrainingPair
from napari_unet.inference.predictor import Predictor
from napari_unet.inference.prepare import common_box, field_of, network_input
from napari_unet.models.card import FindingRow, ModelCard
from napari_unet.training.data_folder import find_pairs, of_split
from napari_unet.training.frames import Frames, cut_to, framed
from napari_unet.training.learner import THRESHOLDS
from napari_unet.training.pairs import read_image
from napari_unet.training.recipe import FindingConfig, Recipe
from napari_unet.training.samples import OVERSIZE, Samples


def pictures(
    pairs: Sequence[TrainingPair], card: ModelCard, oversize: bool, frames: Frames | None = None
) -> Samples:
    """Images as the model sees them in inference, with the findings of the card's `output` as masks of one
    pixel. Findings that nobody has looked for in a picture are not valid in it.

    oversize : 1.5 times the card's input size, for training. frames : of `find_frames`, where the card cuts
    images to the lungs; one in which they were not found is used as it is, and a note says so. Raises
    UserError for images that cannot be used, for stacks, and for a finding that all of the pictures have that
    tell it, or none.
    """
    rule = card.input.larger(OVERSIZE) if oversize else card.input
    images: list[np.ndarray] = []
    notes: list[str] = []
    for pair in pairs:
        raster = read_image(pair)
        if raster.pixels.ndim != 2:
            raise UserError(f"{pair.id} is a stack, not a picture.", "Leave it out.")
        raster = cut_to(raster, pair, frames)
        notes += [f"{pair.id}: {note}" for note in raster.notes]
        field, _ = field_of(raster, rule, 0, common_box(raster, card.output.mask_rule))
        images.append(network_input(field, rule, card.intensity, bool(raster.inverted)))
    names = card.output.findings
    nobody = float("nan")
    found = np.array(
        [[pair.findings.get(name.casefold(), nobody) for name in names] for pair in pairs], np.float32
    )
    for name, column in zip(names, found.T, strict=True):
        known = column[~np.isnan(column)]
        if known.min(initial=1) == known.max(initial=0) or not len(known):
            which = "All" if len(known) and known.all() else "None"
            raise UserError(
                f"{which} of the pictures of a split have the finding {name}.",
                "Correct the manifest or the recipe.",
            )
    found = found[:, :, None, None]
    valid = ~np.isnan(found)
    masks = np.where(valid, found, np.float32(0))
    origins = tuple(range(len(pairs)))
    return Samples(np.stack(images), masks, valid.astype(np.float32), origins, tuple(notes))


def finding_counts(
    findings: Sequence[FindingConfig], pairs: Sequence[TrainingPair]
) -> dict[str, dict[str, int]]:
    """Of each finding the number of pictures that have it, and of those that do not; others do not tell."""
    counts = {}
    for finding in findings:
        told = [pair.findings.get(finding.name.casefold()) for pair in pairs]
        counts[finding.name] = {"with": told.count(True), "without": told.count(False)}
    return counts


def choose_cut(predictor: Predictor, val: Samples) -> float:
    """The threshold with the highest mean of sensitivity and specificity of the findings of `val`.

    Images are given as the network takes them.
    """
    told = _told(scores_of_samples(predictor, val), val)

    def balance(threshold: float) -> float:
        return float(np.mean([_rates(*both, threshold) for both in told]))

    return max(THRESHOLDS, key=balance)


def scores_of_samples(predictor: Predictor, samples: Samples) -> np.ndarray:
    """float (N, findings) in 0..1, of images as the network takes them."""
    shown = predictor.with_card(
        predictor.card.model_copy(update={"intensity": IntensityRule("window", 0, 1)})
    )
    return np.array([_scores(shown, Raster(image[0]), False) for image in samples.images])


@torch.inference_mode()
def usual_maps(
    net: nn.Module, samples: Samples, pairs: Sequence[TrainingPair], normal: str
) -> dict[str, Tensor]:
    """The mean map of the pictures without the finding `normal`, and how far they lie from it, as a network
    keeps them; {} if it keeps none.

    samples : of `pairs`, at the network's size.
    """
    kept = getattr(net, "usual", None)
    without = [k for k, pair in enumerate(pairs) if pair.findings.get(normal.casefold()) is False]
    if not isinstance(kept, Tensor) or not without:
        return {}
    found = torch.cat([net.cells(torch.from_numpy(samples.images[k])[None]) for k in without])  # type: ignore[operator]
    mean = found.mean(0, keepdim=True)
    away = (found - mean) - (found - mean).mean(dim=(2, 3), keepdim=True)
    usual = functional.interpolate(mean, size=kept.shape[1:], mode="bilinear")[0]
    return {"usual": usual, "spread": away.std(dim=(0, 2, 3)).clamp_min(1e-6)}


def _told(scores: np.ndarray, samples: Samples) -> list[tuple[np.ndarray, np.ndarray]]:
    """Of each finding the scores and the truth of the samples that tell it."""
    truths, known = samples.masks[:, :, 0, 0] > 0, samples.valid[:, :, 0, 0] > 0
    columns = zip(scores.T, truths.T, known.T, strict=True)
    return [(column[told], truth[told]) for column, truth, told in columns]


def score_findings(predictor: Predictor, recipe: Recipe) -> Generator[CaseDone, None, tuple[FindingRow, ...]]:
    """How each finding that a set of `recipe.scores` tells is told there, on images at their own size."""
    rows: list[FindingRow] = []
    card = predictor.card
    for wanted in recipe.scores:
        pairs = of_split(
            find_pairs(wanted.data, recipe.training.seed, findings=recipe.findings), wanted.split
        )
        found = []
        for done, pair in enumerate(pairs, start=1):
            raster = framed(read_image(pair), card.frame)
            found.append(_scores(predictor, raster, raster.inverted))
            yield CaseDone(pair.id, done, len(pairs), notes=raster.notes)
        for name, scores in zip(card.output.findings, np.array(found).T, strict=True):
            if name.casefold() not in pairs[0].findings:
                continue
            truth = np.array([pair.findings[name.casefold()] for pair in pairs])
            sensitivity, specificity = _rates(scores, truth, card.output.threshold)
            row = FindingRow(
                set=f"{wanted.data.name}, {wanted.split}",
                finding=name,
                n=len(pairs),
                positives=int(truth.sum()),
                auc=round(float(np.mean(placements(scores, truth.tolist()))), 4),
                sensitivity=round(sensitivity, 4),
                specificity=round(specificity, 4),
                note=wanted.note,
            )
            rows.append(row)
    return tuple(rows)


def _scores(predictor: Predictor, raster: Raster, inverted: bool | None) -> list[float]:
    """Of each finding, in the card's order."""
    return list(run(predictor.steps(raster, inverted)).scores.values())


def _rates(scores: np.ndarray, truth: np.ndarray, threshold: float) -> tuple[float, float]:
    """Sensitivity and specificity; nan where there are none to be found, or to be left."""
    said = scores >= threshold
    return tuple(  # type: ignore[return-value]
        float(np.mean(said[truth == is_there] == is_there)) if (truth == is_there).any() else float("nan")
        for is_there in (True, False)
    )


@torch.inference_mode()
def finding_auc(net: nn.Module, samples: Samples, card: ModelCard, device: str = "cpu") -> tuple[float, ...]:
    """Area under the ROC curve of each finding, on images at the network's size that tell it."""
    net.eval()
    own = card.channels_of(card.output)
    logits = [net.pool(net(torch.from_numpy(image)[None].to(device)))[0, own] for image in samples.images]  # type: ignore[operator]
    told = _told(torch.stack(logits).cpu().numpy(), samples)
    return tuple(float(np.mean(placements(scores, truth.tolist()))) for scores, truth in told)
