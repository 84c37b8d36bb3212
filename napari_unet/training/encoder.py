"""A network that begins with the encoder of a shipped model."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from napari_unet.core.errors import UserError
from napari_unet.models.card import DataSource
from napari_unet.models.checkpoint import load_model
from napari_unet.models.library import default_library

_PARTS = ("encoder.", "bottleneck.")


def begin_with_encoder(net: nn.Module, model: str) -> tuple[DataSource, ...]:
    """Copies the weights of a model's encoder into `net`; returns what that model was trained on.

    model : the name of a shipped one, or a folder. Raises UserError if there is no such model, or if its
    encoder does not fit.
    """
    library = default_library()
    entry = library.find(model) if Path(model).is_dir() else library.find_shipped(model)
    weights = load_model(entry).state_dict()
    theirs = {name: value for name, value in weights.items() if name.startswith(_PARTS)}
    ours = net.state_dict()
    fits = {name for name, value in theirs.items() if name in ours and ours[name].shape == value.shape}
    if not theirs or fits != {name for name in ours if name.startswith(_PARTS)}:
        raise UserError(
            f"The network cannot begin with the encoder of {model}: the levels differ.",
            "Give it the same `base`, `depth` and `widest`.",
        )
    net.load_state_dict({**ours, **theirs})
    return entry.card.data
