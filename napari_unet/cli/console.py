"""Where the command line speaks: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console
from rich.text import Text

stdout = Console(highlight=False, soft_wrap=True)
stderr = Console(stderr=True, highlight=False, soft_wrap=True)


def complain(problem: object) -> None:
    """One line on stderr that says what is wrong."""
    stderr.print(Text.assemble(("Error: ", "bold red"), str(problem)))


def json_line(record: dict[str, Any]) -> None:
    """One object as one line on stdout; only ASCII, which every shell and code page hands on unharmed."""
    print(json.dumps(record), flush=True)
