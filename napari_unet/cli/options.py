"""Options that several commands have, in the same words."""

from __future__ import annotations

from typing import Annotated

import typer

Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Threads = Annotated[int | None, typer.Option(min=1, help="Number of processor threads.", show_default="all")]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume", help="Do only what is missing in OUT, or was made by another model, option or version."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON to stdout.")]
