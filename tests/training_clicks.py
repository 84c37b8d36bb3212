"""A fine-tune in the Fine-tune dock by clicks, with a real training."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt

from napari_unet.widgets.finetune.training import Stage


def train(dock: Any, qtbot: Any, steps: int, patience_ms: int) -> None:
    """Train for so many steps by the same protocol, and wait until the new model is to be decided on."""
    dock.setup.presets.buttons["custom"].click()
    dock.setup.presets.settings.form.steps.value = steps
    qtbot.waitUntil(dock.setup.start.isEnabled)
    qtbot.mouseClick(dock.setup.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dock.setup.choice.isVisible() or dock.training.stage is Stage.RUNNING)
    if dock.setup.choice.isVisible():
        qtbot.mouseClick(dock.setup.choice.same, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dock.training.stage is Stage.RUNNING)
    qtbot.waitUntil(lambda: dock.training.stage is not Stage.RUNNING, timeout=patience_ms)
    assert dock.training.stage is Stage.DECIDE, dock.message.text()
