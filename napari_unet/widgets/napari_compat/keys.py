"""Which keys napari has taken: it lists its shortcuts, but not what they do nor for whom."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def described_actions() -> dict[str, tuple[Any, str]]:
    """napari's actions that can have a shortcut, by name: the class whose keys they are, and what they do."""
    from napari.utils.action_manager import action_manager

    return {
        str(name): (getattr(action, "keymapprovider", None), str(action.description))
        for name, action in action_manager._actions.items()
    }


def menu_keys() -> Iterator[tuple[str, str]]:
    """Keys of napari's menus, each with the name of its command."""
    from napari._app_model import get_app_model

    for binding in get_app_model().keybindings:
        yield str(binding.keybinding), binding.command_id
