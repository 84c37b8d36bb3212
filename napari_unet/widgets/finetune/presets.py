"""How long a model learns: Quick, Thorough or Custom, with the minutes that each takes here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from math import nan
from typing import Any, Literal

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QLabel,
    QRadioButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_unet.training.adapt_config import GENTLE, PRESETS, AdaptConfig
from napari_unet.training.augment_config import AugmentConfig
from napari_unet.widgets.common.forms import Fields, Foldable
from napari_unet.widgets.finetune.training_progress import in_words

CUSTOM = "custom"
_TITLES = {"quick": "Quick", "thorough": "Thorough", CUSTOM: "Custom"}
_AUGMENT = {
    "Place and shape": GENTLE,
    "Place, shape and looks": AugmentConfig(),
    "None": AugmentConfig(**{field.name: 0.0 for field in fields(AugmentConfig)}),
}
_USUAL = 8  # images: Custom begins with what Quick makes of them
_LOSSES: Mapping[str, Literal["dice and cross-entropy", "cross-entropy"]] = {
    "Dice and cross-entropy": "dice and cross-entropy",
    "Cross-entropy": "cross-entropy",
}


class PresetBox(QWidget):
    """changed : another preset or setting. `fold` has the custom settings, for a place below the box."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.buttons = {name: QRadioButton(title) for name, title in _TITLES.items()}
        self.times = {name: QLabel() for name in _TITLES}
        self._group = QButtonGroup(self)
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(2)
        for row, (name, button) in enumerate(self.buttons.items()):
            self._group.addButton(button)
            grid.addWidget(button, row, 0)
            grid.addWidget(self.times[name], row, 1)
            self.times[name].setAlignment(Qt.AlignmentFlag.AlignRight)
        grid.setColumnStretch(1, 1)
        self.settings = CustomSettings()
        self.fold = Foldable("Custom settings", self.settings)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(grid)
        self.buttons["quick"].setChecked(True)
        self._group.buttonToggled.connect(self._on_toggled)
        self.settings.changed.connect(self.changed)
        self.say_times("")
        self._show_fold()

    def preset(self) -> str:
        """Name of the chosen preset, or CUSTOM."""
        return next(name for name, button in self.buttons.items() if button.isChecked())

    def configs(self) -> dict[str, AdaptConfig]:
        """The settings of each preset, and the custom ones."""
        return {**PRESETS, CUSTOM: self.settings.config()}

    def config(self) -> AdaptConfig | None:
        """The custom settings if they are chosen, else None."""
        return self.settings.config() if self.preset() == CUSTOM else None

    def say_times(self, text: str) -> None:
        """The same words beside each preset, while nobody knows how long it takes."""
        for label in self.times.values():
            label.setText(text)

    def show_seconds(self, seconds: Mapping[str, float]) -> None:
        """How long each preset takes on this computer."""
        for name, label in self.times.items():
            label.setText(in_words(seconds.get(name, nan)))

    def _on_toggled(self, _button: Any, on: bool) -> None:
        if on:
            self._show_fold()
            self.changed.emit()

    def _show_fold(self) -> None:
        custom = self.preset() == CUSTOM
        self.fold.setVisible(custom)
        self.fold.button().setChecked(custom)


class CustomSettings(QWidget):
    """The settings of one training; they begin with those of Quick. changed : one of them is another."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        start = PRESETS["quick"].for_images(_USUAL)
        self.steps = _spin(1, 5000, start.steps, "One step learns from one batch of images.")
        self.rate = QDoubleSpinBox()
        self.rate.setDecimals(5)
        self.rate.setRange(0.00001, 0.1)
        self.rate.setSingleStep(0.0001)
        self.rate.setValue(start.learning_rate)
        self.rate.setToolTip("Size of one step. Larger ones learn faster, and may harm what the model knows.")
        self.frozen = _spin(
            0, 8, start.frozen, "Stages of the network, from the first, that stay as they are."
        )
        self.loss = QComboBox()
        self.loss.addItems(list(_LOSSES))
        self.augment = QComboBox()
        self.augment.addItems(list(_AUGMENT))
        self.augment.setToolTip("How much each image is changed at random before the model is trained on it.")
        self.replay = _spin(
            0,
            90,
            round(100 * start.replay),
            "Images from the model's earlier training, so that it does not forget them.",
        )
        self.replay.setSuffix(" % of each batch")
        self.seed = _spin(0, 999_999, start.seed, "The same seed gives the same model on the same processor.")
        form = Fields()
        form.add("Steps", self.steps)
        form.add("Learning rate", self.rate)
        form.add("Frozen stages", self.frozen)
        form.add("Loss", self.loss)
        form.add("Augmentation", self.augment)
        form.add("Reference images", self.replay)
        form.add("Seed", self.seed)
        self.setLayout(form)
        for box in (self.steps, self.rate, self.frozen, self.replay, self.seed):
            box.valueChanged.connect(lambda _: self.changed.emit())
        for box in (self.loss, self.augment):
            box.activated.connect(lambda _: self.changed.emit())

    def limit_stages(self, stages: int) -> None:
        """How many stages the encoder of the model has that is begun with."""
        self.frozen.setMaximum(stages)

    def config(self) -> AdaptConfig:
        """What is chosen."""
        steps = self.steps.value()
        return replace(
            PRESETS["quick"],
            steps=steps,
            per_image=0,
            check_every=max(1, min(25, steps // 6)),
            learning_rate=self.rate.value(),
            frozen=self.frozen.value(),
            loss=_LOSSES[self.loss.currentText()],
            augment=_AUGMENT[self.augment.currentText()],
            replay=self.replay.value() / 100,
            seed=self.seed.value(),
        )


def _spin(low: int, high: int, value: int, tip: str) -> QSpinBox:
    box = QSpinBox()
    box.setRange(low, high)
    box.setValue(value)
    box.setToolTip(tip)
    return box
