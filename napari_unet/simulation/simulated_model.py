"""The models of a simulation: the one to begin with, and those fitted on the way. Nothing is saved."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from napari_unet.core.errors import UserError
from napari_unet.core.labels import IGNORE
from napari_unet.core.raster import Raster
from napari_unet.core.steps import run
from napari_unet.core.training_pair import TrainingPair
from napari_unet.core.uncertainty import boundary_uncertainty
from napari_unet.inference.predictor import Predictor
from napari_unet.models.card import ModelCard
from napari_unet.simulation.simulate import Corrected, Look, Model
from napari_unet.training.adapt import adapt
from napari_unet.training.adapt_config import AdaptConfig
from napari_unet.training.derived import seen_as_derived
from napari_unet.training.samples import Samples, labelled


def looking(net: nn.Module, card: ModelCard, device: str = "cpu") -> Model:
    """A network as the model of a simulation: its mask, features and uncertainty of a (Y, X) raster."""
    predictor = Predictor(net, card, torch.device(device))

    def look(raster: Raster) -> Look:
        prediction = run(predictor.steps(raster, raster.inverted))
        if prediction.features is None:
            raise UserError(f"The model {card.name} has no bottleneck to compare images by.", "Use a U-Net.")
        mask = prediction.mask()
        uncertainty = boundary_uncertainty(prediction.kept().grid_uncertainty, mask)
        return Look(mask, prediction.features, uncertainty)

    return look


class Fitting:
    """Fits a model to all that is corrected so far; see `Retrain`. Of one outcome only.

    The first time from the parent's weights, then from those of the model before, as a person would go on
    with the model in use. replay_set : the parent's, or None.
    """

    def __init__(
        self,
        parent: nn.Module,
        card: ModelCard,
        replay_set: Samples | None,
        config: AdaptConfig,
        device: str = "cpu",
    ) -> None:
        if card.input.size is None or card.input.axes != 2:
            raise UserError(f"The model {card.name} has no fixed input size.", "Choose another model.")
        if len(card.output.labels.values) > 1:
            raise UserError(
                f"The model {card.name} has several labels, and the simulated annotator paints one.",
                "Choose another model.",
            )
        self._net, self._card, self._replay_set = copy.deepcopy(parent), card, replay_set
        self._config, self._device = config, device

    def __call__(self, done: Sequence[Corrected], seed: int) -> Model:
        """A model fitted to the masks that the annotator made."""
        pairs = [
            TrainingPair(one.subject.id, one.subject.raster, self._labels(one), one.subject.patient)
            for one in done
        ]
        new = labelled(pairs, self._card, oversize=True)
        config = replace(self._config.for_images(len(new)), seed=seed)
        made = run(adapt(self._net, new, self._replay_set, config, self._card, self._device))
        self._net.load_state_dict(made.weights)
        return looking(self._net, seen_as_derived(self._card), self._device)

    def _labels(self, one: Corrected) -> np.ndarray:
        """What the annotator leaves: the model's label, IGNORE where nobody could say."""
        labels = one.mask * np.uint8(self._card.output.labels.values[0])
        if one.subject.ignore is not None and one.mask.any():
            labels[one.subject.ignore] = IGNORE
        return labels
