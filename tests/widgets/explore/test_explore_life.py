"""Failures, cancelled questions, layers that go, and a dock that closes."""

from __future__ import annotations

import numpy as np
import pytest
from inside_models import chest
from looks import cut_texts, on_small_screen, scroll_bars
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_unet.core.errors import UserError
from napari_unet.widgets.explore import dock as dock_module


def ask(explorer) -> None:
    explorer.dock.network.network.stage_button("encoder.0").click()


def test_a_failure_is_said_and_the_dock_is_free(explorer, real_engine) -> None:
    real_engine._answers["inside"] = lambda _: UserError("It broke.", "Mend it.")
    ask(explorer)
    explorer.calm()
    assert "It broke." in explorer.words("message") and not explorer.dock.cancel.isEnabled()


def test_what_nobody_foresaw_frees_the_dock_too(explorer, real_engine, monkeypatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("nobody foresaw this")

    monkeypatch.setattr(explorer.dock._shown, "maps", broken)
    ask(explorer)
    explorer.calm()
    assert "nobody foresaw this" in explorer.words("message") and not explorer.dock.cancel.isEnabled()
    monkeypatch.undo()
    ask(explorer)
    explorer.calm()
    assert explorer.named("Feature maps") and explorer.words("message") == ""


def test_the_last_question_counts(explorer, real_engine, qtbot) -> None:
    answer = real_engine._answers.pop("inside")
    ask(explorer)
    qtbot.waitUntil(lambda: len(real_engine.jobs) == 1)
    first = real_engine.jobs[0]
    real_engine._answers["inside"] = answer
    explorer.dock.network.network.stage_button("encoder.1").click()
    explorer.calm()
    assert first.cancelled
    assert [layer.name for layer in explorer.named("Feature maps")] == ["Feature maps: encoder level 2"]


def test_an_image_that_goes_meanwhile(explorer, real_engine, qtbot) -> None:
    real_engine._answers.pop("inside")
    ask(explorer)
    qtbot.waitUntil(lambda: bool(real_engine.jobs))
    explorer.viewer.layers.remove(explorer.image)
    explorer.calm()
    assert real_engine.jobs[0].cancelled and len(explorer.viewer.layers) == 0


def test_an_image_that_is_replaced_meanwhile(explorer, real_engine, qtbot) -> None:
    answer = real_engine._answers.pop("inside")
    ask(explorer)
    qtbot.waitUntil(lambda: bool(real_engine.jobs))
    job = real_engine.jobs[0]
    explorer.image.data = np.zeros((64, 64), np.float32)
    job.end(answer(job.arguments))
    explorer.calm()
    assert not explorer.named("Feature maps") and "replaced" in explorer.words("status")


def to_the_tour(explorer) -> None:
    canvas = explorer.viewer.window._qt_viewer.canvas.native
    QTest.keyClick(canvas, Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier)


def another_image(explorer) -> None:
    explorer.dock.image.choose(explorer.viewer.add_image(chest().pixels, name="another"))


def back(explorer) -> None:
    explorer.dock.back.click()


@pytest.mark.parametrize("do", [to_the_tour, another_image, back])
def test_the_network_is_drawn_whatever_is_done_before_the_engine_answers(
    explorer, real_engine, qtbot, do
) -> None:
    answered = real_engine._answers.pop("anatomy")
    explorer.dock.model.choose("lineage-unet-2015")
    qtbot.waitUntil(lambda: bool(real_engine.jobs))
    (job,) = real_engine.jobs
    do(explorer)
    qtbot.waitUntil(lambda: not explorer.dock.cancel.isEnabled())
    assert explorer.dock.is_busy and not job.cancelled
    job.end(answered(job.arguments))
    explorer.calm()
    assert explorer.dock.network.network.skip_button(3).isEnabled()
    assert bool(explorer.named("Stop 1")) is (do is to_the_tour), "the stop stays where it is"


def test_a_network_that_nobody_wants_any_more_is_not_drawn(explorer, real_engine, qtbot) -> None:
    answered = real_engine._answers.pop("anatomy")
    explorer.dock.model.choose("lineage-unet-2015")
    qtbot.waitUntil(lambda: bool(real_engine.jobs))
    real_engine._answers["anatomy"] = answered
    explorer.choose("lineage-encoder-decoder")
    assert real_engine.jobs[0].cancelled
    with pytest.raises(KeyError):
        explorer.dock.network.network.skip_button(0)


def test_a_network_that_cannot_be_drawn_says_why(explorer, real_engine) -> None:
    real_engine._answers["anatomy"] = lambda _: UserError("It broke.", "Mend it.")
    explorer.choose("lineage-unet-2015")
    assert "It broke. Mend it." in explorer.words("message") and not explorer.dock.network.look.isEnabled()


def test_another_network_takes_its_layers_away(explorer) -> None:
    ask(explorer)
    explorer.calm()
    explorer.choose("lineage-unet-2015")
    assert [layer.name for layer in explorer.viewer.layers] == ["chest"]
    assert not explorer.dock.network.alteration


def test_the_dock_leaves_nothing_behind(explorer, viewer) -> None:
    ask(explorer)
    explorer.dock.network.click.click()
    explorer.dock.network.follow.click()
    explorer.calm()
    callbacks, moves = len(viewer.mouse_drag_callbacks), len(viewer.mouse_move_callbacks)
    viewer.window.remove_dock_widget(explorer.dock)
    QTest.qWait(20)
    assert [layer.name for layer in viewer.layers] == ["chest"]
    assert len(viewer.mouse_drag_callbacks) == callbacks - 1
    assert len(viewer.mouse_move_callbacks) == moves - 1


def test_it_offers_teaching_models_and_leaves_the_model_in_use(explorer) -> None:
    box = explorer.dock.model
    texts = [box.itemText(row) for row in range(box.count())]
    assert "lineage-alexnet (for teaching)" in texts and "cxr-lung" in texts
    before = explorer.dock._session.model
    explorer.choose("lineage-ciresan")
    assert explorer.dock._session.model == before


def test_its_keys_are_those_of_the_docs() -> None:
    from pathlib import Path

    page = (Path(__file__).parents[3] / "docs" / "keyboard.md").read_text(encoding="utf-8")
    for key in dock_module.KEYS:
        assert f"| {key.replace('Right', '→').replace('Left', '←')} |" in page


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_it_fits_a_small_screen(explorer, viewer, qtbot, theme) -> None:
    """With the deepest network that ships: nothing is cut off, and nothing has to be scrolled."""
    viewer.theme = theme
    on_small_screen(viewer, qtbot)
    explorer.choose("ct-lung")
    qtbot.wait(100)
    assert cut_texts(explorer.dock) == [] and scroll_bars(explorer.dock) == []
    explorer.choose("lineage-residual")
    explorer.dock.network.network.skip_button(0).click()
    explorer.calm()
    for page in (1, 2):
        explorer.dock.pages.setCurrentIndex(page)
        qtbot.wait(50)
        assert cut_texts(explorer.dock) == []
