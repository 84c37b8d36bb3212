"""Writes the page of each shipped model, docs/models/<name>.md, from its card: `make docs`."""

from __future__ import annotations

import json
from pathlib import Path

from napari_unet.core.input_rule import InputRule
from napari_unet.core.masks import MaskRule
from napari_unet.models.card import DataSource, FindingRow, ModelCard, ScoreRow
from napari_unet.models.folder import WEIGHTS_FILE, read_card
from napari_unet.resources_path import resource

PAGES = Path(__file__).parents[1] / "docs" / "models"


def page(card: ModelCard, weights_bytes: int) -> str:
    """The page of a model as Markdown."""
    made_from = f", made from `{card.parent}`" if card.parent else ""
    sections = [
        f"# {card.title or card.name}",
        "<!-- Made from the model's card by scripts/model_pages.py (`make docs`): do not edit. -->",
        f"The model `{card.name}`, version {card.version}{made_from}. Research use, not a medical device.",
        f"**For:** {card.use}.",
        "**For teaching:** no dock offers it, and `auto` never takes it. Name it to look at how it works; do "
        "not work with its results."
        if card.for_teaching
        else "",
        f"**What counts as lung:** {card.output.protocol}. Masks drawn by another rule will not match its "
        "masks exactly, however good both are. [Two protocols on one X-ray](../protocols.md) shows the "
        "difference."
        if card.output.protocol
        else "",
        "## Accuracy\n\n" + (_findings(card.finding_scores) if card.finding_scores else _scores(card.scores)),
        "## How a score is read\n\n" + _references(card) if card.output.references else "",
        "## What it was trained on\n\n" + "\n".join(_source(source) for source in card.data),
        f"The weights were chosen by: {card.chosen_by}." if card.chosen_by else "",
        "## Replay set\n\n" + _replay_set(card) if card.memory else "",
        "## Limits\n\n" + "\n".join(f"- {limit}" for limit in card.limits) if card.limits else "",
        "## How it processes an image\n\n" + _steps(card),
        "## For the record\n\n" + _record(card, weights_bytes),
        _details("Arguments of the network", card.net.arguments),
        _details("Settings of the training", card.training),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _scores(rows: tuple[ScoreRow, ...]) -> str:
    if not rows:
        return "No scores are on the card."
    lines = [
        "Dice: agreement with masks drawn by people, on whole images at their own size; 1 is perfect.",
        "",
        "| images | n | mean | median | worst | under 0.90 |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        figures = f"{row.mean:.3f} | {row.median:.3f} | {row.worst:.3f} | {row.share_under_090:.0%}"
        lines.append(f"| {_set(row)} | {row.n} | {figures} |")
    return "\n".join(lines)


def _findings(rows: tuple[FindingRow, ...]) -> str:
    lines = [
        "AUC: the area under the ROC curve; 1 is perfect, 0.5 is chance. Sensitivity and specificity are "
        "those at the threshold of the card.",
        "",
        "| pictures | finding | n | with it | AUC | sensitivity | specificity |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        figures = f"{row.auc:.3f} | {row.sensitivity:.3f} | {row.specificity:.3f}"
        lines.append(f"| {_set(row)} | {row.finding} | {row.n} | {row.positives} | {figures} |")
    return "\n".join(lines)


def _references(card: ModelCard) -> str:
    normal = len(card.output.references[0].normal)
    counts = card.training.get("training_pictures", {})
    lines = [
        "A score is a rank among images, not a probability of disease. It is said as: higher than n of 100 "
        f"normal images of the calibration set ({normal} normal images, those of the "
        "sources below without any finding). A threshold belongs to this version of the model.",
        "",
        "| finding | training: with, without | threshold, of 100 | chosen on | with, without | sensitivity "
        "there (95 % interval) | specificity there |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in card.output.references:
        of = counts.get(one.finding, {})
        trained = f"{of['with']}, {of['without']}" if of else "–"
        hit = f"{one.sensitivity:.2f} ({one.low:.2f} to {one.high:.2f})"
        lines.append(
            f"| {one.finding} | {trained} | {100 * one.threshold:.1f} | {one.source} | {one.positives}, "
            f"{one.negatives} | {hit} | {one.specificity:.2f} |"
        )
    return "\n".join(lines)


def _set(row: ScoreRow | FindingRow) -> str:
    return f"{row.set}<br>{row.note}" if row.note else row.set


def _replay_set(card: ModelCard) -> str:
    if card.memory is None:
        return ""
    return (
        f"{card.memory.replay} images that fine-tuning replays, and {card.memory.gate} on which the "
        "acceptance test compares a new model with this one, with their masks, at the model's input size. "
        "They come from its training and validation data, under the same terms, and are stored in "
        "`memory.safetensors` beside the weights. What a fine-tune does to images of other hospitals they do "
        "not show."
    )


def _source(source: DataSource) -> str:
    images = f", {source.images} images" if source.images else ""
    split = f" (split “{source.split}”{images})" if source.split else images
    credit = f" {source.attribution}." if source.attribution else ""
    licence = f" Licence: {source.licence}." if source.licence else ""
    return f"- {source.name}{split}.{credit}{licence}"


def _steps(card: ModelCard) -> str:
    unit = "percentiles" if card.intensity.kind == "percentiles" else "values"
    grey = (
        f"Scales grey values to 0..1 between the {unit} {card.intensity.low:g} and {card.intensity.high:g}."
    )
    size = _input(card.input)
    taken = [" or ".join(part) for part in (card.modalities, card.views, card.body_parts) if part]
    steps = [
        f"Refuses an image whose header gives anything but {', '.join(taken)}." if taken else "",
        f"Cuts the image to the lungs, which `{card.frame.model}` finds, with a margin of "
        f"{card.frame.margin:.0%}. Without lungs there is no score."
        if card.frame
        else "",
        *((size, grey) if card.input.size else (grey, size)),
        "Also predicts the mirrored image, and averages the two." if card.flips else "",
        *_answer(card),
    ]
    return "\n".join(f"{n}. {step}" for n, step in enumerate(filter(None, steps), start=1))


def _answer(card: ModelCard) -> tuple[str, ...]:
    least = f"with a probability of at least {card.output.threshold:g}"
    if card.output.references:
        return (
            "Takes from the last map of cells, by log-mean-exp, one score per finding "
            f"({', '.join(card.output.findings)}). The map is the heat map.",
        )
    if card.output.task == "classification":
        return (f"A picture {least} has the finding ({', '.join(card.output.findings)}). It draws nothing.",)
    return f"Pixels {least} are lung.", _cleaning(card.output.mask_rule)


def _cleaning(rule: MaskRule) -> str:
    if rule.both_lungs and rule.largest_parts == 1:
        return "Cleans both lungs of a volume together: holes, corners that belong to the other lung, parts."
    parts = f"the {rule.largest_parts} largest parts" if rule.largest_parts else "all parts"
    holes = "Fills holes, then keeps" if rule.fill_holes else "Keeps"
    smooth = (
        f" Smooths the border by {rule.smoothing:g} mm (pixels if there is no spacing)."
        if rule.smoothing
        else ""
    )
    return f"{holes} {parts}, none under {rule.min_part_share:.0%} of the largest.{smooth}"


def _input(spec: InputRule) -> str:
    if spec.size:
        size = f"{spec.size[1]} × {spec.size[0]} pixels"
        beside = f", each slice with {spec.neighbours} on either side" if spec.neighbours else ""
        return f"Resizes the whole image to {size}{beside}, and the probability back to the image's own size."
    if spec.spacing_mm:
        return f"Resamples to {spec.spacing_mm[0]:g} × {spec.spacing_mm[1]:g} mm per pixel, tile by tile."
    return "Uses the image's own pixels, tile by tile."


def _record(card: ModelCard, weights_bytes: int) -> str:
    rows = [
        ("network", f"`{card.net.kind}`"),
        ("classes", ", ".join(card.channels)),
        ("weights", f"{weights_bytes / 1e6:.1f} MB, safetensors"),
        ("made on", card.created),
        ("SHA-256 of the weights", f"`{card.sha256}`"),
        ("SHA-256 of the replay set", f"`{card.memory.sha256}`" if card.memory else ""),
    ]
    return "| | |\n|---|---|\n" + "\n".join(f"| {name} | {value} |" for name, value in rows if value)


def _details(title: str, settings: dict[str, object]) -> str:
    if not settings:
        return ""
    text = json.dumps(settings, indent=2, ensure_ascii=False)
    return f"<details>\n<summary>{title}</summary>\n\n```json\n{text}\n```\n\n</details>"


def pages() -> dict[Path, str]:
    """Path and text of the page of every shipped model."""
    folders = sorted(path.parent for path in resource("models").glob("*/card.json"))
    cards = [(read_card(folder), (folder / WEIGHTS_FILE).stat().st_size) for folder in folders]
    return {PAGES / f"{card.name}.md": page(card, size) for card, size in cards}


def main() -> None:
    """Writes all pages."""
    for path, text in pages().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(f"docs/models/{path.name}")


if __name__ == "__main__":
    main()
