"""`napari-unet-lung finetune`: the accepted and corrected masks of a project make a model."""

from __future__ import annotations

import shlex
from collections.abc import Generator, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_unet.cli import usage
from napari_unet.cli.console import complain, json_line, progress_bar, stderr, stdout, watched
from napari_unet.cli.options import AsJson, Device, ProjectFolder, Threads
from napari_unet.engine.here import steps

if TYPE_CHECKING:
    from napari_unet.core.protocol import ProtocolQuestion
    from napari_unet.training.outcome import FineTuneResult


class Slices(StrEnum):
    """Which slices of volumes count."""

    ALL = "all"
    CORRECTED = "corrected"


class Protocol(StrEnum):
    """What was said about the protocols of masks and model."""

    SAME = "same"
    OTHER = "other"


def finetune(
    project: ProjectFolder,
    preset: Annotated[
        str, typer.Option(parser=usage.preset, metavar="[quick|thorough]", help="Number of steps.")
    ] = "quick",
    parent: Annotated[
        str, typer.Option("--from", metavar="NAME", help="The model to start from.")
    ] = "cxr-lung",
    name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Name of the new model.", show_default="the parent's with the date"
        ),
    ] = None,
    protocol: Annotated[
        Protocol | None,
        typer.Option(
            help="Whether your masks follow the model's protocol. Other: the new model has an additional "
            "answer.",
            show_default="same, where neither words nor masks differ",
        ),
    ] = None,
    slices: Annotated[
        Slices,
        typer.Option(
            help="Which slices of CT volumes count. Corrected: those that a person changed, also of volumes "
            "in progress.",
        ),
    ] = Slices.ALL,
    seed: Annotated[
        int, typer.Option(min=0, help="The same seed, device and number of threads give the same model.")
    ] = 0,
    device: Device = "auto",
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Fit a model to the accepted and corrected cases of a review project.

    The new model goes into your model folder whatever the comparison with the old one says; the old one
    stays. With --protocol other its answers are those of the old model, and one that follows your masks.
    """
    from napari_unet.review.store import ReviewProject

    usage.check_model(parent, device)
    with ReviewProject.open(project) as opened:
        pairs, words = opened.training_pairs(slices is Slices.CORRECTED), opened.protocol
        untouched = opened.untouched_pairs()
    about = {"pairs": pairs, "parent": parent, "protocol": words, "device": device, "threads": threads}
    if protocol is None:
        typed = {"preset": preset, "from": parent, "name": name, "seed": seed or None, "threads": threads}
        if slices is not Slices.ALL:
            typed["slices"] = slices
        _ask(steps("protocol_question", **about), parent, ["finetune", str(project), *_options(typed)])

    from napari_unet.training.adapt_config import PRESETS

    work = steps(
        "finetune",
        name=name,
        preset=preset,
        config=replace(PRESETS[preset], seed=seed),
        same_protocol=protocol is not Protocol.OTHER,
        untouched=untouched,
        **about,
    )
    result = _watched(work)
    if as_json:
        json_line(_record(result))
    else:
        _show(result)


def _options(typed: Mapping[str, object]) -> list[str]:
    """As on the command line; without those that were not given."""
    given = {name: str(value) for name, value in typed.items() if value is not None}
    return [text for name, value in given.items() for text in (f"--{name}", value)]


def _ask(steps: Generator[Any, Any, ProtocolQuestion], parent: str, command: list[str]) -> None:
    """Ends the command if only a person can know whether the protocols are the same; says how to go on."""
    question = watched("Comparing protocols", steps)
    if not question.open:
        return
    again = f"napari-unet-lung {shlex.join(command)} --protocol"
    complain(question.asked_of(parent))
    for line in (
        *question.in_lines(),
        f"If they follow the same protocol, and only the images differ: {again} same",
        f"If they follow another protocol, so that the new model has an answer for each: {again} other",
    ):
        stderr.print(line, markup=False)
    raise typer.Exit(2)


def _watched(steps: Generator[Any, Any, FineTuneResult]) -> FineTuneResult:
    """Runs the steps under a progress bar; Ctrl+C closes them, and nothing has been written then."""
    from napari_unet.core.events import CaseDone, Note, PartBegun, StepsDone
    from napari_unet.core.steps import run

    with progress_bar("Reading the cases") as bar:

        def tell(event: object) -> None:
            match event:
                case Note(text):
                    bar.say(text)
                case PartBegun(part=1, seconds=seconds) as begun:
                    bar.say(f"This will take about {_duration(seconds)}.")
                    bar.show(0, begun.steps, _title(begun))
                case PartBegun() as begun:
                    bar.show(0, begun.steps, _title(begun))
                case StepsDone(step=step):
                    bar.show(step)
                case CaseDone(done=done, total=total, error=error):
                    bar.show(done, total, "Comparing")
                    if error:
                        bar.say(error)

        return run(steps, tell)


def _title(begun: Any) -> str:
    if not begun.held_out:
        return f"Training on all {begun.cases} cases"
    return f"Training on {begun.cases} cases to test on {begun.held_out} (part {begun.part} of {begun.parts})"


def _show(result: FineTuneResult) -> None:
    from napari_unet.cli.acceptance_output import show_report

    show_report(result.report)
    if earlier := result.of_earlier_answers():
        stdout.print(earlier, markup=False)
    stdout.print(
        f"The model {result.card.name} is in {result.folder} (training {_duration(result.train_seconds)}, "
        f"comparing {_duration(result.acceptance_seconds)})",
        markup=False,
    )


def _record(result: FineTuneResult) -> dict[str, Any]:
    from napari_unet.cli.acceptance_output import report_record

    return {
        "name": result.card.name,
        "parent": result.card.parent,
        "folder": str(result.folder),
        "seconds": {"training": round(result.train_seconds, 2), "gate": round(result.acceptance_seconds, 2)},
        "answers": [output.id for output in result.card.outputs],
        "earlier_change": result.earlier_change,
        **report_record(result.report),
    }


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
