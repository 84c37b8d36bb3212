"""`napari-unet-lung doctor`: what is installed, what is wrong with it, and what to do about it."""

from __future__ import annotations

import typer
from rich.table import Table
from rich.text import Text

from napari_unet.cli.console import show_table, stdout

_LOOKS = {"ok": "green", "note": "yellow", "problem": "bold red"}


def doctor() -> None:
    """Check versions, device, Qt, OpenGL and models; say how to mend each problem."""
    from napari_unet.doctor import run_checks

    table = Table("", "", "found", box=None, pad_edge=False)
    checks = []
    with stdout.status("Checking"):
        for check in run_checks():
            checks.append(check)
            found = Text(check.found)
            if check.remedy:
                found.append(f"\n{check.remedy}", style="italic")
            table.add_row(Text(check.status, style=_LOOKS[check.status]), check.name, found)
    show_table(table)
    problems = sum(check.status == "problem" for check in checks)
    stdout.print(f"{problems} of {len(checks)} checks found a problem." if problems else "No problem found.")
    if problems:
        raise typer.Exit(1)
