"""What can be done by key while cases are reviewed, and which keys may do it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qtpy.QtGui import QKeySequence

from napari_unet.review.types import Reason
from napari_unet.widgets.common.shortcuts import ACTS
from napari_unet.widgets.napari_compat.window import described_actions, menu_keys
from napari_unet.widgets.viewing import HINTS


@dataclass(frozen=True)
class Action:
    """One thing that a key does. name : in the preferences. held : goes on while the key is held down."""

    name: str
    title: str
    key: str
    held: bool = False


ACTIONS = (
    Action("accept", "Accept", "A"),
    Action("reject", "Reject (then a number for the reason)", "R"),
    Action("second_look", "Needs a second look", "S"),
    Action("take_back", "Take back the last decision", "T"),
    Action("next", "Next case", "N", held=True),
    Action("previous", "Previous case", "Shift+N", held=True),
    Action("display", "Mask filled, outline or off", "D"),
    Action("probability", "Show the probability", "U"),
    Action("jump", "Jump to the next uncertain place", "J", held=True),
    Action("flip", "Switch between before and after", "K"),
    Action("note", "Write a note", "I"),
)
"""In the order in which they are shown. The default keys are free in the viewer, Labels and Image layers."""

HELD = frozenset(action.name for action in ACTIONS if action.held)

REASON_KEYS = {str(number): reason for number, reason in enumerate(Reason, start=1)}
"""The one more key of a rejection."""


@dataclass(frozen=True)
class KeyPlan:
    """keys : name of the action for each key, normalised. problems : keys that were refused, in sentences."""

    keys: dict[str, str]
    problems: tuple[str, ...] = ()

    def key_of(self, name: str) -> str:
        """The key of an action, "" if it has none."""
        return next((key for key, action in self.keys.items() if action == name), "")


def plan_keys(chosen: Mapping[str, str], taken: Mapping[str, str]) -> KeyPlan:
    """Give each action the key that was chosen for it, its default where that cannot be.

    chosen : key by name of the action; "" for none. taken : what other keys do already.
    """
    keys: dict[str, str] = {}
    problems = []
    refused = []
    for action in ACTIONS:
        wanted = chosen.get(action.name, action.key)
        if not wanted.strip():
            continue
        key = normal_key(wanted)
        if not key:
            problems.append(f"“{wanted}” cannot be used as the key for “{action.title}”.")
        elif key in taken:
            problems.append(f"{key} cannot be used for “{action.title}”: {taken[key]} uses it already.")
        elif key in keys:
            other = _titles()[keys[key]]
            problems.append(f"{key} cannot be used for “{action.title}”: “{other}” uses it already.")
        else:
            keys[key] = action.name
            continue
        refused.append(action)
    for action in refused:
        default = normal_key(action.key)
        if default not in keys and default not in taken:
            keys[default] = action.name
    return KeyPlan(keys, tuple(problems))


def _titles() -> dict[str, str]:
    return {action.name: action.title for action in ACTIONS}


def normal_key(text: str) -> str:
    """A single key with its modifiers as Qt writes it ("Shift+N"); "" if `text` is none."""
    sequence = QKeySequence.fromString(text.strip(), QKeySequence.SequenceFormat.PortableText)
    name = sequence.toString(QKeySequence.SequenceFormat.PortableText)
    plain = name.isascii() and name.isprintable()  # an unknown word becomes a strange sign
    return name if sequence.count() == 1 and plain else ""


def taken_keys(viewer: Any) -> dict[str, str]:
    """Keys of napari's viewer and of Labels and Image layers, of its menus, and of whoever bound one.

    Normalised, each with what it does in words.
    """
    from napari.components import ViewerModel
    from napari.layers import Image, Labels
    from napari.settings import get_settings

    taken: dict[str, str] = {}

    def add(key: object, does: str) -> None:
        taken.setdefault(normal_key(str(key)) or str(key), does)
        if str(key) == "Enter":
            taken.setdefault("Return", does)

    for hint in HINTS:
        if normal_key(hint.gesture):
            add(hint.gesture, f"“{hint.does}” of this plug-in")
    for key, does in ACTS.items():
        add(key, f"“{does}” of this plug-in")
    kinds = {Image: "image layers", Labels: "mask layers", ViewerModel: "the viewer"}
    actions = described_actions()
    for name, keys in get_settings().shortcuts.shortcuts.items():
        plain = str(name).split(":")[-1].replace("_", " ")
        provider, said = actions.get(str(name), (None, plain))
        owner = next((words for kind, words in kinds.items() if provider is kind), None)
        if str(name) not in actions:
            owner = "napari"
        if owner is not None:
            for key in keys:
                add(key, f"“{said.splitlines()[0]}” of {owner}")
    for kind, owner in kinds.items():
        for key, function in kind.class_keymap.items():
            add(key, f"“{_words(function)}” of {owner}")
    for key, command in menu_keys():
        add(key, f"“{command.split('.')[-1].replace('_', ' ')}” of napari's menus")
    for key, function in viewer.keymap.items():
        add(key, f"“{_words(function)}” of the viewer or a plug-in")
    return taken


def _words(function: object) -> str:
    return getattr(function, "__name__", type(function).__name__).replace("_", " ")
