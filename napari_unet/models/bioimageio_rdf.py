"""A model card in the words of BioImage.IO: the resource description file (spec 0.5) and its README."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from napari_unet.core.errors import UserError
from napari_unet.models.card import ModelCard
from napari_unet.models.example import Example
from napari_unet.models.standalone import Answer, answers
from napari_unet.nets.registry import PAPERS, layers_of

FORMAT = "0.5.3"


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
    kinds = [kind for kind, _ in layers_of(card.net.kind, card.net.arguments)]
    cite = [dict(PAPERS[kind]) for kind in dict.fromkeys(kinds) if kind in PAPERS]
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
        "tags": [
            *_tasks(card),
            card.net.kind,
            "pytorch",
            *card.channels,
            *card.modalities,
        ],
        "inputs": [_input(card, stride)],
        "outputs": [_output(card, k) for k in range(len(answers(card)))],
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
    several = len(card.outputs) > 1
    holds = card.output.protocol or "not stated"
    return f"""# {card.title or card.name}

Exported by napari-unet-lung from the model `{card.name}`, version {card.version}.
Research use, not a medical device.

**For:** {card.use or "not stated"}.

**What a mask holds:** {"see the answers below" if several else holds}.

**Made from:** {f"the model `{card.parent}`" if card.parent else "no other model"}.

## Before and after

1. {_before(card)}
2. Bones must be bright: invert images in which they are dark.
3. The output is a probability between 0 and 1{mean}.
{_after(card)}

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


def _before(card: ModelCard) -> str:
    """What is done to an image before it is an input."""
    rule, what = card.input, _field(card)
    before = f"Give the {what} at its own size."
    if rule.size:
        before = (
            f"Resize the **whole** {what} to {' × '.join(map(str, rule.size[::-1]))} pixels first (area mean "
            f"where it shrinks), and bring the probability back to the {what}'s own size afterwards "
            f"({'bi' if rule.axes == 2 else 'tri'}linear). The description file cannot say this."
        )
    elif rule.spacing_mm:
        pixel = " × ".join(f"{n:g}" for n in rule.spacing_mm)
        before = f"Resample the {what} to {pixel} mm a pixel first. The description file cannot say this."
    if rule.neighbours:
        before += (
            f" The {rule.channels} channels are a slice, in the middle, and its {rule.neighbours} neighbours "
            "on each side, in their order; at the ends of a stack its last slice is repeated."
        )
    return before


def _after(card: ModelCard) -> str:
    """What is done with each answer, as points of a list that begins with 4."""
    points: list[str] = []
    for answer in answers(card):
        output, which = answer.output, f" of `{answer.name}`" if len(card.outputs) > 1 else ""
        if answer.pooled:
            words = f"A score{which} of {output.threshold:g} or more says that the finding is there"
        elif output.task == "classification":
            words = f"The map{which} shows where {', '.join(output.findings)} is seen; it is no mask"
        else:
            rule = output.mask_rule
            parts = f"keep the {rule.largest_parts} largest parts" if rule.largest_parts else "keep all parts"
            holes = "fill holes, then " if rule.fill_holes else ""
            sure = f"A pixel{which} of probability {output.threshold:g} or more belongs to the mask"
            words = f"{sure}; {holes}{parts}"
            if which:
                held = output.protocol or "not stated"
                words += f". Its channels are {output.labels.in_words()}. A mask holds: {held}"
        points.append(f"{len(points) + 4}. {words.rstrip('.')}.")
    return "\n".join(points)


def result_file(found: Sequence[Answer], k: int) -> str:
    """The name of the test result of answer `k`."""
    return "test_output.npy" if len(found) == 1 else f"test_{found[k].name}.npy"


def _tasks(card: ModelCard) -> list[str]:
    named = {"segmentation": "semantic-segmentation", "classification": "image-classification"}
    return [*dict.fromkeys(named[output.task] for output in card.outputs), f"{card.input.axes}d"]


def _name(card: ModelCard) -> str:
    """5 to 64 of the characters that the spec allows."""
    name = (
        f"{card.title} ({card.name})" if card.title and len(card.title) + len(card.name) < 61 else card.name
    )
    return re.sub(r"[^A-Za-z0-9_\- ()]", "-", name).ljust(5, "_")[:64]


def _sentence(text: str) -> str:
    return f"{text.rstrip('.')}." if text else ""


def _space(card: ModelCard, axis: int, size: Any) -> dict[str, Any]:
    found = {"type": "space", "id": _axes(card)[axis], "size": size}
    if card.input.spacing_mm:
        found |= {"scale": card.input.spacing_mm[axis], "unit": "millimeter"}
    return found


def _input(card: ModelCard, stride: int) -> dict[str, Any]:
    rule = card.input
    sizes = rule.size or ({"min": stride, "step": stride},) * rule.axes
    around = range(-rule.neighbours, rule.neighbours + 1)
    names = [f"slice_{k:+d}" for k in around] if rule.neighbours else ["grey"]
    axes = [{"type": "batch"}, {"type": "channel", "channel_names": names}]
    return {
        "id": "image",
        "description": f"One grey {_field(card)}. README.md says what to do before.",
        "axes": axes + [_space(card, axis, sizes[axis]) for axis in range(rule.axes)],
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
        axes = [*_axes(card)] if card.input.neighbours else ["channel", *_axes(card)]  # each slice by itself
        words = {"axes": axes, "min_percentile": rule.low, "max_percentile": rule.high}
        scaled: dict[str, Any] = {"id": "scale_range", "kwargs": words}
    else:
        gain = 1.0 / (rule.high - rule.low)
        scaled = {"id": "scale_linear", "kwargs": {"gain": gain, "offset": -rule.low * gain}}
    return [scaled, clip]


def _output(card: ModelCard, k: int) -> dict[str, Any]:
    found = answers(card)
    answer = found[k]
    names = [re.sub(r"\W", "_", name) for name in answer.output.channels]
    axes: list[dict[str, Any]] = [{"type": "batch"}, {"type": "channel", "channel_names": names}]
    if not answer.pooled:
        sizes = ({"tensor_id": "image", "axis_id": axis} for axis in _axes(card))
        axes += [_space(card, axis, size) for axis, size in enumerate(sizes)]
    each = "finding" if answer.output.task == "classification" else "class"
    what = "Score" if answer.pooled else "Probability"
    return {
        "id": answer.name,
        "description": f"{what} of each {each}.",
        "axes": axes,
        "test_tensor": {"source": result_file(found, k)},
        "data": {"type": "float32", "range": [0.0, 1.0]},
    }


def _field(card: ModelCard) -> str:
    return "image" if card.input.axes == 2 else "volume"


def _axes(card: ModelCard) -> str:
    return "zyx"[-card.input.axes :]


def _own_words(card: ModelCard) -> dict[str, Any]:
    """What this program needs to go on with the answers; nothing about single cases."""
    kept = ("name", "version", "parent", "input", "intensity", "threshold", "mask_rule", "flips", "sha256")
    words = card.in_words()
    return {name: words[name] for name in kept} | {"outputs": [answer.in_words() for answer in answers(card)]}
