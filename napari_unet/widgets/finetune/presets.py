"""How long a model learns: Quick, Thorough or Custom, with the minutes that each takes here."""

# Without `from __future__ import annotations`: magicgui 0.10.2 cannot read annotations that are strings.

from collections.abc import Mapping
from dataclasses import fields, replace
from math import nan
from typing import Annotated, Any

from magicgui.signature import magic_signature
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QButtonGroup,
    QGridLayout,
    QLabel,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from napari_unet.training.adapt_config import GENTLE, PRESETS, AdaptConfig
from napari_unet.training.augment_config import AugmentConfig
from napari_unet.widgets.common.forms import Fields, Foldable
from napari_unet.widgets.finetune.training_progress import in_words

CUSTOM = "custom"
_TITLES = {"quick": "Quick", "thorough": "Thorough", CUSTOM: "Custom"}
_AUGMENT = [
    ("Place and shape", GENTLE),
    ("Place, shape and appearance", AugmentConfig()),
    ("None", AugmentConfig(**{field.name: 0.0 for field in fields(AugmentConfig)})),
]
_LOSSES = [("Dice and cross-entropy", "dice and cross-entropy"), ("Cross-entropy", "cross-entropy")]
_USUAL = 8  # images: Custom begins with what Quick makes of them
_START = PRESETS["quick"].for_images(_USUAL)


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
        self.form = magic_signature(custom_config).to_container(labels=False)
        for number in (self.form.steps, self.form.frozen, self.form.replay, self.form.seed):
            number.native.setDecimals(0)
        self.form.learning_rate.native.setDecimals(5)
        self.form.replay.native.setSuffix(" % of each batch")
        self.form.changed.connect(lambda: self.changed.emit())
        fields = Fields()
        fields.add_form(self.form)
        self.setLayout(fields)

    def limit_stages(self, stages: int) -> None:
        """How many stages the encoder of the model has that is begun with."""
        self.form.frozen.max = stages

    def config(self) -> AdaptConfig:
        """What is chosen."""
        return custom_config(**self.form.asdict())


def _whole(label: str, low: int, high: int, tip: str = "") -> dict[str, Any]:
    """A field for whole numbers. magicgui's own has no suffix, and takes the keyboard when it is set."""
    return {
        "widget_type": "FloatSpinBox",
        "label": label,
        "min": low,
        "max": high,
        "step": 1,
        "tooltip": tip,
    }


def custom_config(
    steps: Annotated[
        int, _whole("Steps", 1, 5000, "One step learns from one batch of images.")
    ] = _START.steps,
    learning_rate: Annotated[
        float,
        {
            "label": "Learning rate",
            "min": 0.00001,
            "max": 0.1,
            "step": 0.0001,
            "tooltip": "Size of one step. Larger ones learn faster, and may harm what the model knows.",
        },
    ] = _START.learning_rate,
    frozen: Annotated[
        int, _whole("Frozen stages", 0, 8, "Stages of the network, from the first, that stay as they are.")
    ] = _START.frozen,
    loss: Annotated[Any, {"label": "Loss", "choices": _LOSSES}] = _START.loss,
    augment: Annotated[
        AugmentConfig,
        {
            "label": "Augmentation",
            "choices": _AUGMENT,
            "tooltip": "How much each image is changed at random before the model is trained on it.",
        },
    ] = _START.augment,
    replay: Annotated[
        int,
        _whole(
            "Reference images",
            0,
            90,
            "Images from the model's earlier training, so that it does not forget them.",
        ),
    ] = round(100 * _START.replay),
    seed: Annotated[
        int,
        _whole("Seed", 0, 999_999, "The same seed gives the same model on the same processor."),
    ] = _START.seed,
) -> AdaptConfig:
    """The settings of one training; magicgui makes the form from this signature. replay : in percent."""
    return replace(
        PRESETS["quick"],
        steps=int(steps),
        per_image=0,
        check_every=max(1, min(25, int(steps) // 6)),
        learning_rate=learning_rate,
        frozen=int(frozen),
        loss=loss,
        augment=augment,
        replay=replay / 100,
        seed=int(seed),
    )
