"""A model card in the words of BioImage.IO: the resource description file (spec 0.5) and its README."""

from __future__ import annotations

import re
from typing import Any

from napari_unet.core.errors import UserError
from napari_unet.models.card import ModelCard
from napari_unet.models.example import Example

FORMAT = "0.5.3"
_UNET = {
    "text": "Ronneberger, Fischer, Brox: U-Net: Convolutional Networks for Biomedical Image Segmentation",
    "doi": "10.1007/978-3-319-24574-4_28",
}


def description(
    card: ModelCard,
    example: Example,
    stride: int,
    weights: dict[str, Any],
    authors: tuple[str, ...],
    licence: str,
) -> dict[str, Any]:
    """What goes into rdf.yaml. weights : the entry of the spec. licence : SPDX identifier, "" if not stated.

    Raises UserError if the spec has no word for the card's IntensityRule.
    """
    cite = [_UNET]
    if example.doi:
        cite.append({"text": f"Test image: {example.credit}", "doi": example.doi})
    about: dict[str, Any] = {
        "format_version": FORMAT,
        "type": "model",
        "name": _name(card),
        "description": " ".join(filter(None, (_sentence(card.title), _sentence(card.output.protocol))))[:1000]
        or card.name,
        "authors": [{"name": re.sub(r"[/\\]", "-", name)} for name in authors or ("Not stated",)],
        "cite": cite,
        "covers": ["cover.png"],
        "documentation": "README.md",
        "tags": ["semantic-segmentation", "2d", "unet", "pytorch", *card.channels, *card.modalities],
        "inputs": [_input(card, stride)],
        "outputs": [_output(card)],
        "weights": weights,
        "config": {"napari_unet_lung": _own_words(card)},
    }
    if licence:
        about["license"] = licence
    if re.fullmatch(r"\d+(\.\d+)*", card.version):
        about["version"] = card.version
    return about


def readme(card: ModelCard, example: Example) -> str:
    """README.md of the package: what the description file cannot say, in plain words."""
    size = card.input.size
    before = "Give the image at its own size."
    if size:
        before = (
            f"Resize the **whole** image to {size[1]} × {size[0]} pixels first (area mean where it shrinks), "
            "and bring the probability back to the image's own size afterwards (bilinear). "
            "The description file cannot say this."
        )
    elif card.input.spacing_mm:
        y, x = card.input.spacing_mm
        before = (
            f"Resample the image to {y:g} × {x:g} mm a pixel first. The description file cannot say this."
        )
    rule = card.output.mask_rule
    parts = f"keep the {rule.largest_parts} largest parts" if rule.largest_parts else "keep all parts"
    holes = "fill holes, then " if rule.fill_holes else ""
    rows = "\n".join(
        f"| {row.set} | {row.n} | {row.mean:.3f} | {row.median:.3f} | {row.worst:.3f} |"
        for row in card.scores
    )
    scores = (
        f"| Dice on | images | mean | median | worst |\n|---|---|---|---|---|\n{rows}"
        if rows
        else "None are stated."
    )
    data = "\n".join(
        f"- {d.name}, {d.split or 'all'} ({d.images} images). {d.attribution}. "
        f"Licence: {d.licence or 'not stated'}."
        for d in card.data
    )
    limits = "\n".join(f"- {limit}" for limit in card.limits)
    mean = ", the mean of image and mirrored image" if card.flips else ""
    return f"""# {card.title or card.name}

Exported by napari-unet-lung from the model `{card.name}`, version {card.version}.
Research use, not a medical device.

**For:** {card.use or "not stated"}.

**What a mask holds:** {card.output.protocol or "not stated"}.

**Made from:** {f"the model `{card.parent}`" if card.parent else "no other model"}.

## Before and after

1. {before}
2. Bones must be bright: invert images in which they are dark.
3. The output is a probability between 0 and 1{mean}.
4. A pixel of probability {card.output.threshold:g} and more belongs to the mask; {holes}{parts}.

## Validation

{scores}

To validate the model on your own images, compare its masks with masks drawn by the rule above, case by case.

## Limits

{limits or "None are stated."}

## Data

{data or "None are stated."}

## Test image

{example.credit}. No image that the model was trained on is in this package.
"""


def _name(card: ModelCard) -> str:
    """5 to 64 of the characters that the spec allows."""
    name = (
        f"{card.title} ({card.name})" if card.title and len(card.title) + len(card.name) < 61 else card.name
    )
    return re.sub(r"[^A-Za-z0-9_\- ()]", "-", name).ljust(5, "_")[:64]


def _sentence(text: str) -> str:
    return f"{text.rstrip('.')}." if text else ""


def _space(card: ModelCard, axis: int, size: Any) -> dict[str, Any]:
    found = {"type": "space", "id": "yx"[axis], "size": size}
    if card.input.spacing_mm:
        found |= {"scale": card.input.spacing_mm[axis], "unit": "millimeter"}
    return found


def _input(card: ModelCard, stride: int) -> dict[str, Any]:
    sizes = card.input.size or ({"min": stride, "step": stride},) * 2
    axes = [{"type": "batch"}, {"type": "channel", "channel_names": ["grey"]}]
    return {
        "id": "image",
        "description": "One grey image. README.md says what to do before.",
        "axes": axes + [_space(card, axis, sizes[axis]) for axis in (0, 1)],
        "test_tensor": {"source": "test_input.npy"},
        "data": {"type": "float32"},
        "preprocessing": [{"id": "ensure_dtype", "kwargs": {"dtype": "float32"}}, *_intensity(card)],
    }


def _intensity(card: ModelCard) -> list[dict[str, Any]]:
    rule = card.intensity
    clip = {"id": "clip", "kwargs": {"min": 0.0, "max": 1.0}}
    if rule.kind == "window" and (rule.low, rule.high) == (0, 1):
        return [clip]  # the spec forbids a scaling that changes nothing
    if rule.kind == "percentiles":
        if rule.high <= 1 or rule.low >= 100:
            raise UserError(
                f"BioImage.IO cannot express percentiles from {rule.low:g} to {rule.high:g}.",
                "Export the model as ONNX.",
            )
        words = {"axes": ["channel", "y", "x"], "min_percentile": rule.low, "max_percentile": rule.high}
        scaled: dict[str, Any] = {"id": "scale_range", "kwargs": words}
    else:
        gain = 1.0 / (rule.high - rule.low)
        scaled = {"id": "scale_linear", "kwargs": {"gain": gain, "offset": -rule.low * gain}}
    return [scaled, clip]


def _output(card: ModelCard) -> dict[str, Any]:
    names = [re.sub(r"\W", "_", name) for name in card.channels]
    axes = [{"type": "batch"}, {"type": "channel", "channel_names": names}]
    sizes = ({"tensor_id": "image", "axis_id": axis} for axis in "yx")
    return {
        "id": "probability",
        "description": "Probability of each class.",
        "axes": axes + [_space(card, axis, size) for axis, size in enumerate(sizes)],
        "test_tensor": {"source": "test_output.npy"},
        "data": {"type": "float32", "range": [0.0, 1.0]},
    }


def _own_words(card: ModelCard) -> dict[str, Any]:
    """What this program needs to go on with the probability; nothing about single cases."""
    kept = ("name", "version", "parent", "input", "intensity", "threshold", "mask_rule", "flips", "sha256")
    words = card.in_words()
    return {name: words[name] for name in kept}
