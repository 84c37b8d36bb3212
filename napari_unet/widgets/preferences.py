"""What the user chose under File ▸ Preferences ▸ U-Net Lung."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PLUGIN = "napari-unet-lung"
_PAGE = "U-Net Lung"


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


def review_keys() -> dict[str, str]:
    """The keys chosen for the actions of the Review dock, by the action's name; none without the manifest."""
    chosen = _review_page()
    names = () if chosen is None else type(chosen).model_fields
    return {name.removeprefix("key_"): getattr(chosen, name) for name in names if name.startswith("key_")}


def watch_review_keys(on_change: Callable[[], None]) -> Callable[[], None]:
    """Call `on_change` when a key is changed in the preferences; returns what ends it."""
    chosen = _review_page()
    if chosen is None:
        return lambda: None

    def tell(_event: Any) -> None:
        on_change()

    chosen.events.connect(tell)
    return lambda: chosen.events.disconnect(tell)


def show_preferences(viewer: Any) -> None:
    """Open napari's preferences on our page."""
    dialog = viewer.window._open_preferences_dialog()
    pages = dialog._list
    ours = [row for row in range(pages.count()) if pages.item(row).text() == _PAGE]
    if ours:
        pages.setCurrentRow(ours[0])


def _review_page() -> Any:
    from napari.settings import get_plugin_settings

    try:
        return get_plugin_settings(PLUGIN).review
    except (KeyError, AttributeError):
        return None
