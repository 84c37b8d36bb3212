"""Predictors of small models, and images as they see them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from inside_models import chest, teaching_model

from napari_unet.inference.inside.subject import Subject, subject_of
from napari_unet.inference.predictor import Predictor
from napari_unet.models.checkpoint import load_model


@pytest.fixture
def predictor(tmp_path: Path) -> Callable[..., Predictor]:
    def make(name: str, **fields: object) -> Predictor:
        entry = teaching_model(tmp_path, name, **fields)
        return Predictor(load_model(entry), entry.card, torch.device("cpu"))

    return make


@pytest.fixture
def seen(predictor: Callable[..., Predictor]) -> Callable[..., Subject]:
    """The chest as the model of that name sees it."""

    def look(name: str, **fields: object) -> Subject:
        return subject_of(predictor(name, **fields), chest())

    return look
