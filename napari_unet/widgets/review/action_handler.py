"""What a key or button of the Review dock does."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from qtpy.QtCore import QObject, Qt, Signal
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

from napari_unet.core.errors import UserError
from napari_unet.review.types import Reason
from napari_unet.widgets.casework.decisions import EmptyMask, StillWrong
from napari_unet.widgets.casework.work import CaseWork
from napari_unet.widgets.common.window_keys import WindowKeys
from napari_unet.widgets.review.actions import REASON_KEYS, KeyPlan
from napari_unet.widgets.review.page import ReviewPage
from napari_unet.widgets.session import frame_of

_ESCAPE = "Esc"
_DECISIONS = {"accept", "reject", "second_look", "take_back"}
_DISPLAYS = ("filled", "outline", "off")


class ActionHandler(QObject):
    """Turns actions by name into what the case work does.

    done : a sentence on what was decided. nameless : a decision was not made, as nobody gave a name for it.
    """

    done = Signal(str)
    nameless = Signal()

    def __init__(self, casework: CaseWork, page: ReviewPage, keys: WindowKeys, dock: QWidget) -> None:
        super().__init__(dock)
        self._casework = casework
        self._page = page
        self._keys = keys
        self._dock = dock
        self._plan = KeyPlan({})
        self._empty_case = ""  # whose empty mask waits to be confirmed
        self._tab_before: QDockWidget | None = None
        self._display = _DISPLAYS[0]
        self._probability = False
        self._does: dict[str, Callable[[], Any]] = {
            "accept": self._accept,
            "reject": self._ask_reason,
            "second_look": self._second_look,
            "take_back": casework.decisions.take_back,
            "next": casework.navigator.open_next,
            "previous": casework.navigator.open_previous,
            "display": self._next_display,
            "probability": self._switch_probability,
            "jump": casework.views.next_uncertain_place,
            "flip": casework.views.flip,
            "note": self._write_note,
        }
        page.decide.acted.connect(self.act)
        page.decide.reasoned.connect(self._on_reason)
        keys.pressed.connect(self.act)
        keys.offered.connect(self._on_reason_key)

    def show_keys(self, plan: KeyPlan) -> None:
        """These keys are in force."""
        self._plan = plan
        self._keys.set_keys(plan.keys)
        self._page.decide.show_keys(plan)

    def act(self, name: str) -> None:
        """Do what the key or button of this name stands for."""
        self.stop_asking()
        self._page.case.flush_note()
        if name != "accept":
            self._empty_case = ""
        if name in _DECISIONS and not self._casework.reviewer:
            self.nameless.emit()
            return
        self._does[name]()

    def reset(self) -> None:
        """Another case is open, or none: open questions are void."""
        self._empty_case = ""
        self.stop_asking()

    def confirm_empty(self, error: EmptyMask) -> UserError:
        """Accepting again takes the empty mask; returns what to say."""
        case = self._casework.current
        self._empty_case = "" if case is None else case.id
        key = self._plan.key_of("accept")
        again = f"press {key} once more" if key else "press Accept once more"
        none = "no lung" if self._casework.labels.of_lungs else "nothing"
        return UserError(error.problem, f"If there is {none} to mark, {again}.")

    def name_key(self, error: StillWrong) -> UserError:
        """What is still wrong in the mask, with the key that accepts it all the same."""
        key = self._plan.key_of("accept")
        again = f"press {key} once more" if key else "press Accept once more"
        return UserError(error.problem, f"Correct it, or {again} to accept the mask as it is.")

    def _accept(self) -> None:
        case = self._casework.current
        if case is None:
            return
        done = partial(self.done.emit, f"Case {case.number} accepted.")
        if self._casework.decisions.accept(case.id == self._empty_case, done):
            done()

    def _second_look(self) -> None:
        case = self._casework.current
        if case is not None:
            self._casework.decisions.second_look()
            self.done.emit(f"Case {case.number} is marked for a second look.")

    # -- the reason for a rejection --

    def _ask_reason(self) -> None:
        if self._casework.current is None:
            return
        self._show_dock()
        self._page.decide.ask_reason(True)
        self._keys.offer(frozenset({*REASON_KEYS, _ESCAPE}))

    def stop_asking(self) -> None:
        """Reject nothing."""
        self._keys.offer(frozenset())
        self._page.decide.ask_reason(False)
        before, self._tab_before = self._tab_before, None
        if before is not None:
            before.raise_()

    def _on_reason_key(self, key: str) -> None:
        self._on_reason(REASON_KEYS.get(key))

    def _on_reason(self, reason: Reason | None) -> None:
        self.stop_asking()
        case = self._casework.current
        if reason is not None and case is not None:
            self._casework.decisions.reject(reason)
            self.done.emit(f"Case {case.number} rejected: {reason.value}.")

    def _show_dock(self) -> None:
        """Bring the dock to the front of its tabs; `stop_asking` brings back what was there."""
        dock = frame_of(self._dock)
        if dock is None or not self._dock.visibleRegion().isEmpty():
            return
        window = dock.parentWidget()
        if not isinstance(window, QMainWindow):
            return
        beside = window.tabifiedDockWidgets(dock)
        self._tab_before = next((d for d in beside if not d.visibleRegion().isEmpty()), None)
        dock.show()
        dock.raise_()

    def _write_note(self) -> None:
        """Take the keyboard to the field of the note."""
        if self._casework.current is not None:
            self._show_dock()
            self._tab_before = None  # it stays: somebody writes in it
            self._page.more.button().setChecked(True)
            self._page.case.note.setFocus(Qt.FocusReason.ShortcutFocusReason)

    # -- what is seen --

    def _next_display(self) -> None:
        place = _DISPLAYS.index(self._display) + 1
        self._display = _DISPLAYS[place % len(_DISPLAYS)]
        self._casework.views.mask_display(self._display)
        self._page.decide.show_display(self._display)

    def _switch_probability(self) -> None:
        self._probability = not self._probability
        self._casework.views.show_probability(self._probability)
