"""Qt's events as what they are."""

from __future__ import annotations

from typing import TypeVar

from qtpy.QtCore import QEvent
from qtpy.sip import unwrapinstance, wrapinstance

_Kind = TypeVar("_Kind", bound=QEvent)


def as_kind(event: QEvent, kind: type[_Kind]) -> _Kind:
    """`event`, of which `type()` says that it is of this kind.

    Where memory is used again and somebody has kept an older event (vispy keeps the last press), PyQt hands
    out that one's Python object: a key that is a QMouseEvent, and has no key.
    """
    if isinstance(event, kind):
        return event
    found: _Kind = wrapinstance(unwrapinstance(event), kind)
    return found
