"""The fixtures of chest_window.py."""

from chest_window import hands, viewer, viewing

__all__ = ["hands", "viewer", "viewing"]
