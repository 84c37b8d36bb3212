"""Running a child process and reading what it found."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.result import NotMeasured

_ROOT = Path(__file__).parent.parent
_PATIENCE_S = 600


def run(*command: str) -> str:
    """What `python COMMAND...` printed. Raises NotMeasured if it failed."""
    return _run([sys.executable, *command])


def figures(
    module: str,
    *arguments: object,
    window: bool = False,
    path: str = "",
    patience_s: float = _PATIENCE_S,
) -> dict[str, Any]:
    """The figures that `benchmarks.children.MODULE` printed.

    window : it needs a screen. path : a further folder with packages. patience_s : how long it may take.
    """
    command = [sys.executable, "-m", f"benchmarks.children.{module}", *map(str, arguments)]
    printed = _run([*(_screen() if window else []), *command], path, patience_s)
    return dict(json.loads(printed.splitlines()[-1]))


def _screen() -> list[str]:
    """What to put before a command that opens a window."""
    if sys.platform != "linux" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        return []
    if shutil.which("xvfb-run"):
        return ["xvfb-run", "-a"]
    raise NotMeasured("no screen and no xvfb-run")


def _run(command: list[str], path: str = "", patience_s: float = _PATIENCE_S) -> str:
    with tempfile.TemporaryDirectory() as folder:
        settings = {"NAPARI_CONFIG": str(Path(folder) / "napari.yaml")}  # napari as it comes
        paths = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH"), path]))
        done = subprocess.run(
            command,
            env=os.environ | settings | {"PYTHONPATH": paths},
            capture_output=True,
            text=True,
            timeout=patience_s,
        )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise NotMeasured(f"the process ended with {done.returncode} ({reason})")
    return done.stdout
