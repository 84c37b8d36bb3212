"""What an engine can do: for each kind of work the handler, a generator function that yields events and
returns the result (or a plain function). `yield` gives back None, or a message sent meanwhile.

Named and not imported: nothing heavy is, before the first job.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from napari_unet.core.errors import UserError

HANDLERS = {
    "warm": "napari_unet.engine.warm:warm",
    "segment": "napari_unet.inference.segment:segment_steps",
    "find": "napari_unet.inference.find:find_steps",
    "first_mask": "napari_unet.inference.first_mask:first_mask_steps",
    "first_masks": "napari_unet.cluster.first_masks:first_masks_steps",
    "devices": "napari_unet.inference.device:describe_devices",
    "backends": "napari_unet.inference.backend:backends",
    "pick_device": "napari_unet.inference.device:pick_device",
    "count_gpus": "napari_unet.inference.device:count_gpus",
    "gpu_id": "napari_unet.inference.device:gpu_id",
    "finetune": "napari_unet.training.finetune:fine_tune",
    "protocol_question": "napari_unet.training.protocol_question:protocol_question",
    "estimate": "napari_unet.training.estimate:estimate",
    "retest": "napari_unet.training.retest:retest",
    "compare": "napari_unet.training.acceptance:compare_models",
    "train": "napari_unet.training.run:train_model",
    "drawing": "napari_unet.models.checkpoint:network_drawing",
    "anatomy": "napari_unet.inference.inside.steps:anatomy_of",
    "inside": "napari_unet.inference.inside.steps:inside_steps",
    "windows": "napari_unet.inference.inside.steps:windows_steps",
    "lineage": "napari_unet.inference.inside.lineage:lineage_steps",
    "tour_stop": "napari_unet.inference.inside.tour:tour_stop_steps",
    "remember": "napari_unet.training.choose_replay:recipe_replay_set",
    "simulate": "napari_unet.simulation.steps:simulation_steps",
    "subjects": "napari_unet.simulation.steps:subjects_steps",
    "simulated_outcome": "napari_unet.simulation.steps:outcome_steps",
}


def handler_of(kind: str, handlers: Mapping[str, str]) -> Callable[..., Any]:
    """The function that does this kind of work, imported now. Raises UserError if `handlers` has none."""
    if kind not in handlers:
        raise UserError(f"The engine does not know how to do '{kind}'.", "Update napari-unet-lung.")
    module, function = handlers[kind].split(":")
    found: Callable[..., Any] = getattr(import_module(module), function)
    return found
