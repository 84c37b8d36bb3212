"""What the user chose under File ▸ Preferences ▸ U-Net Lung."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_unet.models.library import ModelLibrary, default_library
from napari_unet.widgets.napari_compat import window

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
    return Preferences(
        device=chosen.device,
        models=_folder(chosen.library_folder.strip()),
        threads=chosen.threads or None,
    )


def chosen_library() -> ModelLibrary:
    """The models of this user as the preferences are now.

    The window asks for models nowhere else, and sends this library along with each request to an engine: the
    engine's process knows nothing of preferences.
    """
    return default_library(preferences().models)


def watch_library(on_change: Callable[[], None]) -> Callable[[], None]:
    """Call `on_change` when another model folder is chosen in the preferences; returns what ends it."""
    return _watch(_page("segmentation"), on_change, "library_folder")


def review_keys() -> dict[str, str]:
    """The keys chosen for the actions of the Review dock, by the action's name; none without the manifest."""
    chosen = _page("review")
    names = () if chosen is None else type(chosen).model_fields
    return {name.removeprefix("key_"): getattr(chosen, name) for name in names if name.startswith("key_")}


def watch_review_keys(on_change: Callable[[], None]) -> Callable[[], None]:
    """Call `on_change` when a key is changed in the preferences; returns what ends it."""
    return _watch(_page("review"), on_change)


def wheel_turns_slices() -> bool:
    """Whether the wheel goes through the slices of a stack, and zooms with Ctrl held; else napari's way."""
    return str(getattr(_page("viewing"), "wheel", "zoom")) == "slices"


def show_preferences(viewer: Any) -> None:
    """Open napari's preferences on our page."""
    window.show_preferences(viewer, _PAGE)


def _page(name: str) -> Any:
    """A page of our settings; None without the manifest."""
    from napari.settings import get_plugin_settings

    try:
        return getattr(get_plugin_settings(PLUGIN), name)
    except (KeyError, AttributeError):
        return None


def _watch(page: Any, on_change: Callable[[], None], only: str | None = None) -> Callable[[], None]:
    """Call `on_change` when a setting of a page changes, or `only` that one; returns what ends it."""
    if getattr(page, "events", None) is None:
        return lambda: None

    def tell(event: Any) -> None:
        if only is None or event.type == only:
            on_change()

    page.events.connect(tell)
    return lambda: page.events.disconnect(tell)


def _folder(text: str) -> Path | None:
    if not text:
        return None
    try:
        return Path(text).expanduser()
    except RuntimeError:  # the home of somebody who is not known here
        return Path(text)
