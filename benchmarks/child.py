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


def figures(module: str, *arguments: object, window: bool = False) -> dict[str, Any]:
    """The figures that `benchmarks.children.MODULE` printed. window : it needs a screen."""
    command = [sys.executable, "-m", f"benchmarks.children.{module}", *map(str, arguments)]
    return dict(json.loads(_run([*(_screen() if window else []), *command]).splitlines()[-1]))


def _screen() -> list[str]:
    """What to put before a command that opens a window."""
    if sys.platform != "linux" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        return []
    if shutil.which("xvfb-run"):
        return ["xvfb-run", "-a"]
    raise NotMeasured("no screen and no xvfb-run")


def _run(command: list[str]) -> str:
    with tempfile.TemporaryDirectory() as folder:
        settings = {"NAPARI_CONFIG": str(Path(folder) / "napari.yaml")}  # napari as it comes
        path = os.pathsep.join([str(_ROOT), os.environ.get("PYTHONPATH", "")]).strip(os.pathsep)
        done = subprocess.run(
            command,
            env=os.environ | settings | {"PYTHONPATH": path},
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
        )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise NotMeasured(f"the process ended with {done.returncode} ({reason})")
    return done.stdout
