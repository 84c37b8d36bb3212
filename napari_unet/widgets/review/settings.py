"""What the Review dock remembers for a user of this computer: the name, and the projects of late."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QSettings

_RECENT = 8


def _settings() -> QSettings:
    return QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "napari-unet-lung", "review")


def reviewer() -> str:
    """The name that was given last, "" if none was."""
    return str(_settings().value("reviewer", "") or "").strip()


def remember_reviewer(name: str) -> None:
    """Start with this name next time."""
    _settings().setValue("reviewer", name.strip())


def recent_projects() -> list[Path]:
    """Folders of projects that were open here and are still there, the last one first."""
    kept = _settings().value("projects", []) or []
    folders = [kept] if isinstance(kept, str) else list(kept)  # one entry comes back as it is
    return [Path(folder) for folder in folders if (Path(folder) / "review.db").is_file()]


def remember_project(folder: Path) -> None:
    """This project was opened now."""
    folder = Path(folder).absolute()
    others = [other for other in recent_projects() if other != folder]
    _settings().setValue("projects", [str(path) for path in [folder, *others][:_RECENT]])
