"""The form of the custom settings, which magicgui makes from a typed function."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QLabel

from napari_unet.training.adapt_config import PRESETS
from napari_unet.training.augment_config import AugmentConfig
from napari_unet.widgets.finetune.presets import CustomSettings


def test_texts_ranges_and_order_of_the_fields(qtbot):
    settings = CustomSettings()
    qtbot.addWidget(settings)
    names = ["Steps", "Learning rate", "Frozen stages", "Loss", "Augmentation", "Reference images", "Seed"]
    assert [label.text() for label in settings.findChildren(QLabel)] == names
    form = settings.form
    shown = [form.steps, form.learning_rate, form.frozen, form.replay, form.seed]
    assert [box.native.text() for box in shown] == ["46", "0.00100", "0", "50 % of each batch", "0"]
    assert [(box.min, box.max) for box in shown] == [(1, 5000), (0.00001, 0.1), (0, 8), (0, 90), (0, 999_999)]
    assert all(box.native.toolTip() for box in (*shown, form.augment))
    losses = [form.loss.native.itemText(row) for row in range(form.loss.native.count())]
    assert losses == ["Dice and cross-entropy", "Cross-entropy"]
    settings.show()
    qtbot.waitExposed(settings)
    form.steps.native.setFocus()
    order = []
    for _ in names:
        order.append(settings.focusWidget().objectName())
        QTest.keyClick(settings.focusWidget(), Qt.Key.Key_Tab)
    assert order == ["steps", "learning_rate", "frozen", "loss", "augment", "replay", "seed"]


def test_what_is_chosen_is_the_config(qtbot):
    settings = CustomSettings()
    qtbot.addWidget(settings)
    start = PRESETS["quick"].for_images(8)
    config = settings.config()
    for name in ("steps", "learning_rate", "frozen", "loss", "augment", "replay", "seed", "batch"):
        assert getattr(config, name) == getattr(start, name)
    with qtbot.waitSignal(settings.changed):
        QTest.keyClick(settings.form.steps.native, Qt.Key.Key_Up)
    settings.limit_stages(4)
    QTest.keyClick(settings.form.frozen.native, Qt.Key.Key_End)
    QTest.keyClicks(settings.form.frozen.native, "9")  # no more than the network has
    settings.form.frozen.native.stepBy(7)
    with qtbot.waitSignal(settings.changed):
        settings.form.loss.native.setCurrentIndex(1)
    settings.form.augment.native.setCurrentIndex(1)
    config = settings.config()
    assert (config.steps, config.frozen, config.loss) == (start.steps + 1, 4, "cross-entropy")
    assert config.augment == AugmentConfig()
    assert isinstance(config.steps, int) and isinstance(config.seed, int)
