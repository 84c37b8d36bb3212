"""Windows by name: what is offered for which image."""

from __future__ import annotations

import numpy as np
import pytest

from napari_unet.core.raster import Modality
from napari_unet.core.window import Window
from napari_unet.core.window_presets import presets

CT = ["lung", "mediastinum", "bone"]


def names(*arguments) -> list[str]:
    return [preset.name for preset in presets(*arguments)]


def test_what_is_offered():
    volume = np.linspace(-1000, 1500, 4000).reshape(10, 20, 20)
    assert names(volume) == [*CT, "automatic", "full range"], "only CT has such values"
    assert names(volume, None, Modality.CR) == ["automatic", "full range"]
    assert names(volume[0] + 2000, (0.0, 9.0)) == ["as in the file", "automatic", "full range"]
    assert names(np.zeros((4, 4)), (3.0, 3.0)) == ["full range"]
    assert names(np.full((4, 4), np.nan)) == ["full range"]


def test_the_usual_windows_of_a_ct():
    offered = presets(np.zeros((2, 4, 4)), None, Modality.CT)
    found = {p.name: (p.window.level, p.window.width) for p in offered}
    assert (found["lung"], found["mediastinum"]) == ((-600, 1500), (40, 400))


def test_borders_and_markers_do_not_make_the_automatic_window():
    pixels = np.random.default_rng(0).normal(1000, 100, (200, 200))
    pixels[:2, :40], pixels[-2:, :40] = 0, 60_000
    found = {p.name: p.window for p in presets(pixels)}
    assert 600 < found["automatic"].low < 900 and 1100 < found["automatic"].high < 1400
    assert found["full range"] == Window(0, 60_000)
    padded = {p.name: p.window for p in presets(pixels, None, Modality.CR, (60_000.0, 60_000.0))}
    assert padded["full range"].high < 2000


@pytest.mark.parametrize(("value", "text"), [(-0.2, "0"), (-600.4, "−600"), (1500.0, "1500")])
def test_numbers_in_words(value, text):
    assert Window(0, 2000).text(value) == text
    assert Window(0, 1).text(-0.256) == "−0.26"
