"""`napari-unet-lung`: all commands in one program.

Exit codes: 0 all good, 1 if any input or check failed, 2 wrong usage, 130 stopped by Ctrl+C.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from napari_unet.cli import (
    compare_cmd,
    demo_cmd,
    doctor_cmd,
    evaluate_cmd,
    find_cmd,
    finetune_cmd,
    models_cmd,
    review_cmd,
    segment_cmd,
    series_cmd,
    simulate_cmd,
    tour_cmd,
    train_cmd,
    watch_cmd,
)
from napari_unet.cli.console import complain, stderr
from napari_unet.core.errors import UserError

_INTERRUPTED = 130

app = typer.Typer(
    name="napari-unet-lung",
    help="Lung segmentation of chest X-rays and CT. Research use, not a medical device.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("segment")(segment_cmd.segment)
app.command("watch")(watch_cmd.watch)
app.command("find")(find_cmd.find)
app.command("series")(series_cmd.series)
app.command("evaluate")(evaluate_cmd.evaluate)
app.command("finetune")(finetune_cmd.finetune)
app.command("compare")(compare_cmd.compare)
app.command("train")(train_cmd.train)
app.command("simulate")(simulate_cmd.simulate)
app.add_typer(models_cmd.app, name="models")
app.add_typer(review_cmd.app, name="review")
app.command("doctor")(doctor_cmd.doctor)
app.command("demo")(demo_cmd.demo)
app.command("tour")(tour_cmd.tour)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(version("napari-unet-lung"))
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Lung segmentation of chest X-rays and CT. Research use, not a medical device."""


def main() -> None:
    """Runs the program; a UserError becomes one plain line on stderr and exit code 1, Ctrl+C a word.

    So does what the system says of a file that it cannot reach: a name that is too long, a lost drive.
    """
    try:
        app()
    except UserError as error:
        complain(error)
        sys.exit(1)
    except OSError as error:
        if not error.filename:
            raise
        complain(f"{error.filename} cannot be used ({error.strerror}). Check the name and the drive.")
        sys.exit(1)
    except SystemExit as end:
        if end.code == _INTERRUPTED:
            stderr.print("Stopped.")
        raise
