"""What the user chose under Preferences ▸ Plugins ▸ U-Net Lung."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PLUGIN = "napari-unet-lung"


@dataclass(frozen=True)
class Preferences:
    """What the settings page offers.

    device : name for the engine, "auto" for the best there is. models : the user's model folder, or None for
    the usual one. threads : for the network on the CPU; None leaves one core to the window.
    """

    device: str = "auto"
    models: Path | None = None
    threads: int | None = None


def preferences() -> Preferences:
    """The preferences now; the defaults where the plugin's manifest is not installed."""
    from napari.settings import get_plugin_settings

    try:
        chosen = get_plugin_settings(PLUGIN).segmentation
    except KeyError:  # started from a script, without the installed manifest
        return Preferences()
    folder = chosen.library_folder.strip()
    return Preferences(
        device=chosen.device,
        models=Path(folder).expanduser() if folder else None,
        threads=chosen.threads or None,
    )
