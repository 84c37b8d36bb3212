"""What people get when they install the package."""

from __future__ import annotations

import configparser
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*command: object, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(
        list(map(str, command)),
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as file:
        return file.namelist()


def test_one_top_level_package(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in names(wheel)}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"napari_unet"}


def test_everything_is_in_it(wheel: Path) -> None:
    inside = {name.removeprefix("napari_unet/") for name in names(wheel)}
    package = {
        str(path.relative_to(ROOT / "napari_unet").as_posix())
        for path in (ROOT / "napari_unet").rglob("*")
        if path.suffix in (".py", ".yaml", ".typed", ".html")
    }
    resources = {
        str(path.relative_to(ROOT).as_posix())
        for path in (ROOT / "resources").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert package | resources <= inside


def test_every_package_stands_in_setup_cfg() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    listed = set(config["options"]["packages"].split())
    folders = {path.parent.relative_to(ROOT) for path in (ROOT / "napari_unet").rglob("__init__.py")}
    assert listed == {".".join(folder.parts) for folder in folders} | {"napari_unet.resources"}


def test_the_base_set_is_what_the_code_imports() -> None:
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "napari_unet").rglob("*.py")]
    imported = set(re.findall(r"^ *(?:import|from) (\w+)", "\n".join(texts), re.MULTILINE))
    distributions = importlib.metadata.packages_distributions()
    used = {name.lower() for module in imported for name in distributions.get(module, ())}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = {re.match(r"[\w-]+", line)[0].lower() for line in project["dependencies"]}
    assert asked <= used, f"nothing imports {asked - used}"


def test_no_qt_and_no_napari_in_the_base_set(wheel: Path) -> None:
    (metadata,) = [name for name in names(wheel) if name.endswith("dist-info/METADATA")]
    lines = zipfile.ZipFile(wheel).read(metadata).decode().splitlines()
    base = [line.lower() for line in lines if line.startswith("Requires-Dist") and "extra ==" not in line]
    assert any("torch" in line for line in base)
    assert not [line for line in base if any(name in line for name in ("pyqt5", "pyqt6", "pyside", "napari"))]


def test_segment_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    code = "import napari_unet; print(napari_unet.__file__)"
    where = run(installed / "python", "-c", code, folder=tmp_path)
    assert where.stdout.startswith(str(installed.parent)), where.stderr
    sample = ROOT / "resources" / "samples" / "hannover_1052b0fe.png"
    ran = run(installed / "napari-unet-lung", "segment", sample, "-o", "out", "--json", folder=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["model"] == "cxr-lung"
    assert (tmp_path / "out" / "hannover_1052b0fe_mask.png").is_file()


def test_the_manifest_is_found(installed: Path, tmp_path: Path) -> None:
    code = "import npe2; print(npe2.PluginManifest.from_distribution('napari-unet-lung').name)"
    ran = run(installed / "python", "-c", code, folder=tmp_path)
    assert ran.stdout.strip() == "napari-unet-lung", ran.stderr


@pytest.mark.slow
def test_segment_from_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    """Installs all requirements as pip finds them; needs a package index."""
    venv.create(tmp_path / "env", with_pip=True)
    scripts = tmp_path / "env" / ("Scripts" if os.name == "nt" else "bin")
    python = scripts / Path(sys.executable).name
    constraints = ROOT / "constraints.txt"
    got = run(python, "-m", "pip", "install", "-q", "-c", constraints, wheel, folder=tmp_path)
    if got.returncode and "connection" in got.stderr.lower():
        pytest.skip("no package index can be reached")
    assert got.returncode == 0, got.stderr
    assert run(python, "-c", "import napari", folder=tmp_path).returncode
    sample = ROOT / "resources" / "samples" / "hannover_1052b0fe.png"
    ran = run(scripts / "napari-unet-lung", "segment", sample, "-o", "out", folder=tmp_path)
    assert ran.returncode == 0, ran.stderr
