"""The state of a broken-off training as safetensors and JSON: no pickle, never half written."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from napari_unet.core.errors import UserError
from napari_unet.core.events import EpochEnded
from napari_unet.io.atomic import atomic_write
from napari_unet.training.config import TrainingConfig
from napari_unet.training.learner import Learner

_FILE = "training.safetensors"


def save_state(
    folder: Path,
    learner: Learner,
    best: dict[str, Tensor],
    settings: dict[str, Any],
    history: list[EpochEnded],
) -> None:
    """Writes one file that holds all a training needs to go on; the one before is replaced whole.

    settings : what must be the same when it goes on; plain JSON. Raises UserError if it cannot be written.
    """
    tensors = {f"net.{name}": value for name, value in learner.net.state_dict().items()}
    tensors |= {f"average.{name}": value for name, value in learner.average.state_dict().items()}
    tensors |= {f"best.{name}": value for name, value in best.items()}
    tensors["generator"] = learner.augment.generator.get_state()
    tensors["torch_generator"] = torch.get_rng_state()
    state = learner.optimizer.state_dict()
    for index, values in state["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value for name, value in values.items()}
    words = {
        "settings": settings,
        "history": [asdict(epoch) for epoch in history],
        "groups": state["param_groups"],
        "schedule": {
            name: value
            for name, value in learner.schedule.state_dict().items()
            if isinstance(value, int | float | str | list | bool)
        },
    }
    stored = {name: value.contiguous().clone() for name, value in tensors.items()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(folder / _FILE) as path:
            save_file(stored, path, metadata={"state": json.dumps(words)})
    except (OSError, SafetensorError) as error:
        raise UserError(
            f"The state of the training could not be saved in {folder} ({error}).",
            "Free space or choose another folder.",
        ) from error


def load_state(
    folder: Path,
    learner: Learner,
    best: dict[str, Tensor],
    settings: dict[str, Any],
) -> list[EpochEnded]:
    """Puts everything back as `save_state` found it; returns the epochs so far, [] if there is no state.

    Raises UserError if the file is damaged or was saved with other settings.
    """
    path = folder / _FILE
    if not path.exists():
        return []
    words, tensors = _read(path)
    if _with_defaults(words["settings"]) != settings:
        raise UserError(
            f"{folder} holds a training with other settings or other images.",
            "Delete that folder to start again.",
        )
    learner.net.load_state_dict(tensors["net"])
    learner.average.load_state_dict(tensors["average"])
    best.update(tensors["best"])
    learner.augment.generator.set_state(tensors["generator"][""])
    torch.set_rng_state(tensors["torch_generator"][""])
    states: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors["optimizer"].items():
        index, _, name = key.partition(".")
        states.setdefault(int(index), {})[name] = value
    learner.optimizer.load_state_dict({"state": states, "param_groups": words["groups"]})
    schedule = learner.schedule
    schedule.load_state_dict({**schedule.state_dict(), **words["schedule"]})
    return [_epoch(fields) for fields in words["history"]]


def _epoch(fields: dict[str, Any]) -> EpochEnded:
    """From JSON, which knows no tuples."""
    of_labels, gradients = fields.get("label_dice", ()), fields.get("gradients", ())
    return EpochEnded(**{**fields, "label_dice": tuple(of_labels), "gradients": tuple(map(tuple, gradients))})


def _with_defaults(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings that an earlier version saved, with the defaults of what it did not know."""
    known, saved = TrainingConfig().plain(), settings["training"]
    parts = {name: known[name] | saved.get(name, {}) for name in ("augment", "volumes")}
    return {**settings, "training": known | saved | parts}


def _read(path: Path) -> tuple[dict[str, Any], dict[str, dict[str, Tensor]]]:
    """The words and, by their first name, the tensors of a state file."""
    tensors: dict[str, dict[str, Tensor]] = {}
    try:
        with safe_open(path, framework="pt") as file:
            words = json.loads(file.metadata()["state"])
            for key in file.keys():  # noqa: SIM118 (not a dict)
                owner, _, name = key.partition(".")
                tensors.setdefault(owner, {})[name] = file.get_tensor(key)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{path} is damaged: the training cannot continue.", "Delete that file to start again."
        ) from error
    return words, tensors
