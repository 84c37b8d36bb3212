"""An environment that has PyQt6, and sees everything else of the environment that runs this script."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main(folder: Path) -> None:
    venv.create(folder, with_pip=False, clear=True, symlinks=os.name != "nt")
    places = {"base": str(folder), "platbase": str(folder)}
    python = Path(sysconfig.get_path("scripts", vars=places)) / Path(sys.executable).name
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    wanted = project["optional-dependencies"]["pyqt6"]
    subprocess.run([*pip, "-c", str(ROOT / "constraints.txt"), *wanted], check=True)
    inside = Path(sysconfig.get_path("purelib", vars=places))
    # addsitedir: an editable install of the package is a .pth file itself
    here = sysconfig.get_path("purelib")
    (inside / "everything_else.pth").write_text(f"import site; site.addsitedir({here!r})\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
