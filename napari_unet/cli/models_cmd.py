"""`napari-unet-lung models`: what is in the library, and whether it is intact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from napari_unet.cli.console import complain, json_line, show_table, stderr, stdout
from napari_unet.cli.models_exchange_cmd import export_model, import_model
from napari_unet.cli.options import AsJson
from napari_unet.cli.remember_cmd import remember
from napari_unet.cli.retest_cmd import offered, retest
from napari_unet.cli.usage import find_model
from napari_unet.core.errors import UserError
from napari_unet.core.steps import run
from napari_unet.core.wording import size_in_words
from napari_unet.engine.here import steps

if TYPE_CHECKING:
    from napari_unet.core.network_facts import NetworkDrawing
    from napari_unet.models.card import DataSource, ModelCard, ReplaySpec
    from napari_unet.models.output import Output

app = typer.Typer(help="List, show, verify and choose the models on this computer.", no_args_is_help=True)
app.command("export")(export_model)
app.command("import")(import_model)
app.command("remember")(remember)
app.command("test")(retest)


@app.command("list")
def list_models(as_json: AsJson = False) -> None:
    """Name, version and purpose of every model, and which one is in use for each kind of image."""
    from napari_unet.models.library import default_library

    library = default_library()
    entries, broken = library.scan()
    used = {kind: library.for_kind(kind).folder for kind in {entry.kind for entry in entries}}
    if as_json:
        for entry in entries:
            described = {
                "name": entry.card.name,
                "version": entry.card.version,
                "folder": str(entry.folder),
                "kind": entry.kind,
                "in_use": used[entry.kind] == entry.folder,
                "teaching": entry.card.for_teaching,
            }
            json_line(described)
    else:
        table = Table("Name", "Version", "For", "Masks", "Where", "In use for")
        for entry in entries:
            where = "shipped" if entry.shipped else str(entry.folder)
            card = entry.card
            in_use = entry.kind if used[entry.kind] == entry.folder else ""
            in_use = "by name only" if card.for_teaching or not card.drawing else in_use
            table.add_row(card.name, card.version, card.title, card.output.protocol, where, in_use)
        show_table(table)
        for sentence in filter(None, (offered(entry.card) for entry in entries)):
            stderr.print(sentence, markup=False)
    for unreadable in broken:
        complain(unreadable.error)
    if broken:
        raise typer.Exit(1)


@app.command("use")
def use_model(
    name: Annotated[str, typer.Argument(help="Name of a model in the library.")],
) -> None:
    """Use a model, from now on, for all images of its kind: where no other is named (auto)."""
    from napari_unet.core.image_kind import images_of
    from napari_unet.models.library import default_library

    find_model(name)
    kind = default_library().use(name)
    stdout.print(f"{name} is in use for {images_of(kind)} from now on.", markup=False)


@app.command("show")
def show_model(
    name: Annotated[str, typer.Argument(help="Name or folder of a model.")], as_json: AsJson = False
) -> None:
    """The whole card of one model, and its network stage by stage."""
    card = find_model(name).card
    if as_json:
        json_line(card.in_words())
        return
    drawing = run(steps("drawing", card=card))
    table = Table(show_header=False)
    for field, value in (
        ("name", f"{card.name} {card.version}"),
        ("for", card.use),
        ("masks", card.output.protocol),
        ("parent", card.parent or "–"),
        ("network", _network(card, drawing)),
        ("input", card.input.in_words()),
        ("threshold", f"{card.output.threshold:g}"),
        *([("answers", "\n".join(map(_answer, card.outputs)))] if len(card.outputs) > 1 else []),
        (
            "trained on",
            "\n".join(_source(source) for source in card.data),
        ),
        ("attribution", "\n".join(source.attribution for source in card.data if source.attribution)),
        ("chosen by", card.chosen_by),
        ("replay set", _replay_set(card.memory)),
        ("fine-tuned on", f"{len(card.trained_on)} cases" if card.trained_on else "–"),
        (
            "against parent",
            "\n".join(filter(None, [card.gate.verdict(), offered(card)])) if card.gate else "–",
        ),
        ("limits", "\n".join(card.limits)),
        ("sha256", card.sha256),
    ):
        table.add_row(field, value)
    show_table(table)
    show_table(_stages(drawing))
    scores = Table("Dice on", "images", "mean", "median", "worst", "under 0.90")
    for row in card.scores:
        figures = (f"{v:.3f}" for v in (row.mean, row.median, row.worst))
        scores.add_row(row.set, str(row.n), *figures, f"{row.share_under_090:.0%}")
    show_table(scores)
    if card.finding_scores:
        told = Table("Finding", "on", "images", "with it", "AUC", "sensitivity", "specificity")
        for one in card.finding_scores:
            figures = (f"{v:.3f}" for v in (one.auc, one.sensitivity, one.specificity))
            told.add_row(one.finding, one.set, str(one.n), str(one.positives), *figures)
        show_table(told)


@app.command("verify")
def verify_models(
    name: Annotated[str | None, typer.Argument(help="One model. [all]")] = None,
) -> None:
    """Compare the weights with the checksums on the cards."""
    from napari_unet.models.library import default_library

    entries, broken = ([find_model(name)], []) if name else default_library().scan()
    bad = [unreadable.error for unreadable in broken]
    for entry in entries:
        try:
            entry.verify()
        except UserError as error:
            bad.append(error)
        else:
            stdout.print(f"{entry.card.name} {entry.card.version}: intact", markup=False)
    for problem in bad:
        complain(problem)
    if bad:
        raise typer.Exit(1)


def _stages(found: NetworkDrawing) -> Table:
    """What is deeper in the network is further to the right."""
    table = Table("Stage", "Size", "Channels", "Parameters", "Receptive field")
    for stage in found.stages:
        table.add_row(
            "  " * found.level(stage) + stage.name,
            size_in_words(stage.size),
            str(stage.channels),
            f"{stage.parameters:,}",
            "whole image" if stage.field is None else f"{stage.field} pixels",
        )
    return table


def _network(card: ModelCard, found: NetworkDrawing) -> str:
    facts = f": {card.facts.in_words()}" if card.facts else ""
    return (
        f"{card.net.kind}{facts}\n{found.parameters:,} parameters, {found.multiply_adds / 1e9:.2f} billion"
        f" multiplications for {size_in_words(found.input_size)} pixels"
    )


def _answer(output: Output) -> str:
    protocol = f": {output.protocol}" if output.protocol else ""
    return f"{output.id} ({', '.join(output.channels)}; threshold {output.threshold:g}){protocol}"


def _source(source: DataSource) -> str:
    licence = f"; {source.licence}" if source.licence else ""
    return f"{source.name} ({source.images} images, split {source.split}{licence})"


def _replay_set(spec: ReplaySpec | None) -> str:
    return f"{spec.replay} images for replay, {spec.gate} for the acceptance test" if spec else "–"
