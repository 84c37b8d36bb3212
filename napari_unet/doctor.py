"""What is installed and whether it works; each problem with its remedy. By itself imports no torch, no Qt."""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distributions, requires, version
from pathlib import Path
from typing import Literal

from napari_unet.core.errors import UserError
from napari_unet.models.library import ModelLibrary, default_library

OURS = "napari-unet-lung"
_RIVAL = "napari-unet"
_BINDINGS = ("PyQt5", "PyQt6", "PySide6")
_QT_PACKAGES = (
    "sudo apt-get install libgl1 libegl1 libdbus-1-3 libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 "
    "libxcb-image0 libxcb-keysyms1 libxcb-render-util0 libxcb-xinerama0"
)
# Own process: a broken driver ends it, not the doctor.
_DRAW = """
from qtpy import API_NAME, QtGui
app = QtGui.QGuiApplication([])
context = QtGui.QOpenGLContext()
surface = QtGui.QOffscreenSurface()
surface.create()
if not (context.create() and context.makeCurrent(surface)):
    raise SystemExit("no OpenGL context")
from OpenGL import GL
print(API_NAME, GL.glGetString(GL.GL_VERSION).decode(), GL.glGetString(GL.GL_RENDERER).decode(), sep=", ")
"""
# Likewise: what the settings page of the window says, asked where napari and Qt may be imported.
_ASK = """
import json
from npe2 import PluginManager
PluginManager.instance().discover()
from napari_unet.widgets.common.preferences import preferences
print(json.dumps(str(preferences().models or "")))
"""


@dataclass(frozen=True)
class Check:
    """status : "note" is worth knowing but stops nothing. remedy : what to do; empty if all is well."""

    name: str
    status: Literal["ok", "note", "problem"]
    found: str
    remedy: str = ""


def run_checks() -> Iterator[Check]:
    """All checks, one after the other; a check that breaks is itself a problem."""
    groups: tuple[Callable[[], Iterator[Check]], ...] = (
        _python,
        _foreign,
        _requirements,
        _devices,
        _window,
        _models,
        _decoders,
    )
    for group in groups:
        try:
            yield from group()
        except Exception as error:
            found = f"{type(error).__name__}: {error}"
            yield Check(group.__name__.strip("_"), "problem", found, "Please report this.")


def foreign_files() -> list[str]:
    """Files in `napari_unet` that another distribution has installed there, as "path (distribution)"."""
    found = []
    for distribution in distributions():
        name = re.sub(r"[-_.]+", "-", distribution.metadata["Name"] or "").lower()
        if name == OURS:
            continue
        record = distribution.read_text("RECORD") or ""
        lines = [line for line in record.splitlines() if line.startswith(("napari_unet/", '"napari_unet/'))]
        found += [f"{row[0]} ({name})" for row in csv.reader(lines)]
        if name == _RIVAL and not lines:
            found.append(f"napari_unet ({name})")
    return found


def refuse_foreign_files() -> None:
    """Raises UserError if another distribution has put files into our package: nobody knows which run."""
    if found := foreign_files():
        raise UserError(
            f"Another package has installed its files in napari_unet: {found[0]}"
            + (f" and {len(found) - 1} more." if len(found) > 1 else "."),
            f"The two cannot share an environment. Make a new one and install only {OURS} in it.",
        )


def _python() -> Iterator[Check]:
    fine = sys.version_info >= (3, 11)
    found = f"{platform.python_version()} on {platform.platform()}"
    yield Check("Python", "ok" if fine else "problem", found, "" if fine else "Install Python 3.11 or newer.")
    yield Check(OURS, "ok", version(OURS))


def _foreign() -> Iterator[Check]:
    try:
        refuse_foreign_files()
        yield Check("other packages", "ok", "none has files in napari_unet")
    except UserError as error:
        yield Check("other packages", "problem", error.problem, error.remedy)


def _requirements() -> Iterator[Check]:
    """The base set must be there; napari is for the window only."""
    base = [line for line in requires(OURS) or () if "extra ==" not in line]
    names = [re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in base]
    there, missing = [], []
    for name in names:
        try:
            there.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        remedy = f"pip install {' '.join(missing)}"
        yield Check("requirements", "problem", f"missing: {', '.join(missing)}", remedy)
    yield Check("requirements", "ok", ", ".join(there))


def _devices() -> Iterator[Check]:
    try:
        from napari_unet.inference.device import describe_devices

        devices = describe_devices()
    except (ImportError, OSError) as error:
        remedy = "pip install --force-reinstall torch"
        yield Check("PyTorch", "problem", f"cannot be imported: {error}", remedy)
        return
    for device in devices:
        status: Literal["ok", "note"] = "ok" if device.usable else "note"
        yield Check(f"device {device.name}", status, f"{device.title}. {device.reason}".strip())


def _window() -> Iterator[Check]:
    """napari, a Qt binding, a screen, and OpenGL on it. Without them the command line still works."""
    bindings = [name for name in _BINDINGS if importlib.util.find_spec(name)]
    try:
        yield Check("napari", "ok", version("napari"))
    except PackageNotFoundError:
        yield Check("napari", "note", "not installed", f'For the window: pip install "{OURS}[all]"')
    if not bindings:
        yield Check("Qt", "note", "not installed", f'For the window: pip install "{OURS}[all]"')
        return
    yield Check("Qt", "ok", ", ".join(f"{name} {version(name)}" for name in bindings))
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        remedy = "To try with a virtual one: xvfb-run -a napari-unet-lung doctor"
        yield Check("OpenGL", "note", "no screen here", remedy)
        return
    yield _opengl()


def _opengl() -> Check:
    try:
        command = [sys.executable, "-c", _DRAW]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except subprocess.TimeoutExpired:
        return Check("OpenGL", "problem", "no answer within a minute", "Update the graphics driver.")
    if ran.returncode == 0:
        return Check("OpenGL", "ok", ran.stdout.strip())
    reason = (ran.stderr.strip().splitlines() or [f"ended with {ran.returncode}"])[-1]
    if "platform plugin" in ran.stderr or "cannot open shared object" in ran.stderr:
        return Check("OpenGL", "problem", reason, f"On Debian and Ubuntu: {_QT_PACKAGES}")
    return Check("OpenGL", "problem", reason, "Update the graphics driver.")


def _models() -> Iterator[Check]:
    library = default_library()
    entries, broken = library.scan()
    for entry in entries:
        try:
            entry.verify()
            yield Check(f"model {entry.card.name}", "ok", f"version {entry.card.version}, checksum right")
        except UserError as error:
            yield Check(f"model {entry.card.name}", "problem", error.problem, error.remedy)
    for folder, reason in ((unreadable.folder, unreadable.error) for unreadable in broken):
        yield Check(f"model {folder.name}", "problem", reason.problem, reason.remedy)
    if not any(entry.shipped for entry in entries):
        remedy = f"pip install --force-reinstall --no-deps {OURS}"
        yield Check("models", "problem", "none came with the package", remedy)
    yield _writable(library.own, "model folder", "Set NAPARI_UNET_MODELS to a folder that you may write to.")
    chosen = _chosen_in_napari()
    if chosen is not None and chosen != library.own:
        yield from _preferred(chosen)


def _preferred(own: Path) -> Iterator[Check]:
    """The folder that napari's preferences name: the window uses it in place of the command line's."""
    yield Check(
        "model folder of the window",
        "note",
        f"napari's preferences name {own}; this command line uses another",
        f"To use the same models here: NAPARI_UNET_MODELS={own}",
    )
    yield _writable(own, "model folder of the window", "Choose another folder in napari's preferences.")
    entries, broken = ModelLibrary(own).scan()
    for entry in entries:
        try:
            entry.verify()
            found = f"version {entry.card.version}, checksum right"
            yield Check(f"model {entry.card.name} of the window", "ok", found)
        except UserError as error:
            yield Check(f"model {entry.card.name} of the window", "problem", error.problem, error.remedy)
    for unreadable in broken:
        name, reason = unreadable.folder.name, unreadable.error
        yield Check(f"model {name} of the window", "problem", reason.problem, reason.remedy)


def _chosen_in_napari() -> Path | None:
    """Asked in a process of its own: this one has neither napari nor Qt. None if nothing is chosen."""
    try:
        command = [sys.executable, "-P", "-c", _ASK]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        named = json.loads(ran.stdout.splitlines()[-1]) if ran.returncode == 0 else ""
    except (subprocess.TimeoutExpired, ValueError, IndexError):
        return None
    return Path(named) if named else None


def _writable(own: Path, title: str, remedy: str) -> Check:
    existing = next(folder for folder in (own, *own.parents) if folder.exists())
    if existing.is_dir() and os.access(existing, os.W_OK):
        return Check(title, "ok", str(own))
    return Check(title, "problem", f"{own} cannot be written to", remedy)


def _decoders() -> Iterator[Check]:
    """Compressed DICOM and TIFF files need imagecodecs; it comes along, but may be missing or broken."""
    try:
        import imagecodecs

        there = bool(imagecodecs.JPEG8.available and imagecodecs.JPEG2K.available)
    except (ImportError, AttributeError):
        there = False
    yield _decoder("DICOM and TIFF, compressed", there, "imagecodecs")


def _decoder(title: str, there: bool, package: str) -> Check:
    if there:
        return Check(title, "ok", "can be read")
    return Check(title, "note", "no decoder", f"For such files: pip install {package}")
