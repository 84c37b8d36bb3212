"""Other people's packages, taken from the network into a folder of their own for a benchmark."""

from __future__ import annotations

import subprocess
import sys

from benchmarks.result import NotMeasured


def fetch(folder: str, *wanted: str) -> None:
    """Put packages ("name==version") into `folder`, without what they depend on.

    Raises NotMeasured if they cannot be fetched.
    """
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder, *wanted]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise NotMeasured("it could not be fetched from PyPI")
