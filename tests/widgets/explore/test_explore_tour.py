"""The tour by keys alone, in two languages; the lineage; the window of 2012."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from korean_font import need_korean_font
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_unet.core.errors import UserError
from napari_unet.core.inside import NetworkDone, Place, WindowsDone
from napari_unet.core.lineage import LINEAGE
from napari_unet.inference.inside import tour as tour_stops
from napari_unet.tour.stops import TOUR
from napari_unet.widgets.explore import dock as dock_module

ALT = Qt.KeyboardModifier.AltModifier


def key(explorer, name, modifier=ALT) -> None:
    canvas = explorer.viewer.window._qt_viewer.canvas.native
    QTest.keyClick(canvas, name, modifier)
    explorer.calm()


def test_ten_stops_by_keys_alone(explorer) -> None:
    for stop in TOUR:
        key(explorer, Qt.Key.Key_Right)
        assert explorer.dock.tour.stop is stop
        (picture,) = explorer.named("Stop")
        assert picture.name == f"Stop {stop.number}" and picture.rgb and picture.visible
        assert stop.title.en in explorer.words("stop_title")
        said = explorer.words("stop_sentence")
        assert said and "{" not in said
        assert not explorer.image.visible
    asked = len(explorer.engine.answered)
    key(explorer, Qt.Key.Key_Right)
    assert explorer.dock.tour.stop is TOUR[-1], "the last stop is the last"
    assert len(explorer.engine.answered) == asked
    key(explorer, Qt.Key.Key_Left)
    assert explorer.dock.tour.stop is TOUR[-2]
    key(explorer, Qt.Key.Key_E)
    assert explorer.dock.tour.stop is None and not explorer.named("Stop") and explorer.image.visible


def test_putting_back_leaves_the_picture_of_the_stop(explorer) -> None:
    """With nothing altered nothing is asked; what was cut before the tour began is joined again."""
    key(explorer, Qt.Key.Key_Right)
    asked = len(explorer.engine.answered)
    key(explorer, Qt.Key.Key_0)
    assert len(explorer.engine.answered) == asked
    key(explorer, Qt.Key.Key_E)
    explorer.dock.network.network.skip_button(0).click()
    explorer.calm()
    key(explorer, Qt.Key.Key_Right)
    key(explorer, Qt.Key.Key_0)
    assert not explorer.dock.network.alteration and not explorer.named("Mask")
    (shown,) = explorer.named("Stop")
    assert shown.visible and not explorer.image.visible and explorer.dock.tour.stop is TOUR[0]
    explorer.dock.network.network.skip_button(0).click()
    explorer.calm()
    assert not explorer.named("Stop") and explorer.named("Mask of the altered"), "a cut is looked at"
    key(explorer, Qt.Key.Key_E)
    assert explorer.image.visible and explorer.viewer.layers.selection.active is explorer.image


def test_a_stop_that_fails_leaves_no_picture_of_the_one_before(explorer, monkeypatch) -> None:
    key(explorer, Qt.Key.Key_Right)
    assert explorer.named("Stop")
    explorer.engine._answers["tour_stop"] = lambda arguments: UserError("It broke.", "Mend it.")
    key(explorer, Qt.Key.Key_Right)
    assert "It broke. Mend it." in explorer.words("message")
    assert not explorer.named("Stop") and explorer.image.visible and explorer.dock.tour.stop is TOUR[1]


def test_the_script_walks_all_stops_and_notes_each_key(explorer, monkeypatch) -> None:
    """scripts/tour_by_keys.py, whose desk is the window here."""
    shown: list[str] = []
    desk = SimpleNamespace(
        canvas=explorer.viewer.window._qt_viewer.canvas.native,
        wait=lambda seconds: None,
        wait_until=lambda happened, what: explorer.calm(),
        picture=shown.append,
    )
    monkeypatch.setitem(sys.modules, "desk", SimpleNamespace(Desk=None))
    monkeypatch.syspath_prepend(Path(__file__).parents[3] / "scripts")
    walk = object.__new__(importlib.import_module("tour_by_keys").Walk)
    walk.desk, walk.dock, walk.log = desk, explorer.dock, []
    walk.tour("ko/")
    assert shown == [f"ko/stop-{stop.number:02d}" for stop in TOUR]
    keys = [line.split("\t")[0] for line in walk.log]
    assert keys == ["Alt+Right"] * len(TOUR) + ["Alt+Left", "Alt+E"]
    assert all(stop.title.en in line and "<" not in line for stop, line in zip(TOUR, walk.log, strict=False))
    explorer.engine._answers["tour_stop"] = lambda arguments: UserError("It broke.", "Mend it.")
    with pytest.raises(SystemExit, match="Stop 1 was not shown"):
        walk.tour("")


def test_the_page_of_the_keys_says_which_held_the_window(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "desk", SimpleNamespace(Desk=None))
    monkeypatch.syspath_prepend(Path(__file__).parents[3] / "scripts")
    script = importlib.import_module("tour_by_keys")
    quick, slow = "Alt+Right\t0.1 s\t50 ms\t2/10. Two", "Alt+Right\t0.8 s\t164 ms\t1/10. One"
    alone = script.Alone(150.4, 40, 80)
    said = script.page([slow, quick, "Alt+E\t0.2 s\t99 ms\t"], alone)
    assert (
        "more than 50 ms. 2 of 3 keys did not meet it: Alt+Right to stop 1 (164 ms), Alt+E (99 ms).\n" in said
    )
    assert "napari alone holds it for 150 ms to add such a picture" in said and "80 ms to remove it" in said
    assert "All 1 keys met it" in script.page([quick], alone)


def test_the_script_measures_napari_without_the_dock(explorer, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "desk", SimpleNamespace(Desk=None))
    monkeypatch.syspath_prepend(Path(__file__).parents[3] / "scripts")
    walk = object.__new__(importlib.import_module("tour_by_keys").Walk)
    waiting = lambda seconds: QTest.qWait(round(1000 * min(seconds, 0.1)))  # noqa: E731
    walk.desk = SimpleNamespace(viewer=explorer.viewer, wait=waiting, settle=lambda: waiting(0.1))
    walk.dock = explorer.dock
    alone = walk.napari_alone()
    assert min(alone) > 0 and alone.add > alone.replace
    assert [layer.name for layer in explorer.viewer.layers] == ["chest"]


def test_the_bar_moves_only_where_an_answer_takes_long(explorer, real_engine, monkeypatch, wait) -> None:
    """Its movement keeps a processor busy, which the engine needs."""
    monkeypatch.setattr(dock_module, "_SLOW_MS", 300)
    explorer.dock.pages.setCurrentIndex(2)
    real_engine._answers.pop("lineage")
    explorer.dock.lineage.run.click()
    assert explorer.dock.bar.isHidden()
    wait(lambda: not explorer.dock.bar.isHidden())
    explorer.dock.cancel.click()
    explorer.calm()
    assert explorer.dock.bar.isHidden()


def test_in_korean(explorer) -> None:
    need_korean_font()
    explorer.dock.tour.go(6)
    explorer.calm()
    before = explorer.named("Stop")[0].data.copy()
    explorer.dock.language.setCurrentIndex(1)
    explorer.calm()
    assert "Convolution의 역연산" in explorer.words("stop_sentence")
    assert "의사가 읽고 확인하지" in explorer.words("unread")
    assert (
        explorer.named("Stop")[0].data.shape != before.shape
        or (explorer.named("Stop")[0].data != before).any()
    )


def test_missing_models_are_named(explorer, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("NAPARI_UNET_MODELS", str(tmp_path))
    monkeypatch.setattr(tour_stops, "CIRESAN", "lineage-unheard-of")
    explorer.dock.tour.go(1)
    explorer.calm()
    assert "lineage-unheard-of" in explorer.words("stop_missing")


def test_without_an_image_there_is_no_tour(explorer) -> None:
    explorer.viewer.layers.clear()
    explorer.calm()
    key(explorer, Qt.Key.Key_Right)
    assert explorer.dock.tour.stop is None and "Open an image" in explorer.words("status")


def test_the_whole_lineage_side_by_side(explorer) -> None:
    explorer.dock.pages.setCurrentIndex(2)
    explorer.dock.lineage.run.click()
    explorer.calm()
    assert len(explorer.named("Lineage")) == 1


def test_the_table_fills_as_networks_are_done(explorer, real_engine, qtbot) -> None:

    real_engine._answers.pop("lineage")
    explorer.dock.lineage.run.click()
    qtbot.waitUntil(lambda: bool(real_engine.jobs))
    job, table = real_engine.jobs[-1], explorer.dock.lineage.table
    job.tell(NetworkDone(LINEAGE[0], scores={"pneumonia": 0.25}, seconds=0.01, parameters=1234))
    job.tell(NetworkDone(LINEAGE[1], missing=True))
    qtbot.waitUntil(lambda: table.rowCount() == 2)
    assert [table.item(0, k).text() for k in range(4)] == ["alexnet", "10 ms", "pneumonia 25 %", "1,234"]
    assert "not in the library" in table.item(1, 2).text()
    explorer.dock.cancel.click()
    explorer.calm()
    assert job.cancelled and explorer.words("status") == "Cancelled."


def test_the_window_counts_and_stops_when_told(explorer, real_engine, qtbot) -> None:
    explorer.dock.lineage.window_run.click()
    qtbot.waitUntil(lambda: bool(real_engine.jobs))
    job, labels = real_engine.jobs[-1], np.zeros((64, 64), np.uint8)
    labels[0, :9] = 1
    assert job.arguments["beside"] == "lineage-unet-2015"
    job.tell(NetworkDone("lineage-unet-2015", labels=np.eye(64, dtype=np.uint8), seconds=0.068))
    qtbot.waitUntil(lambda: bool(explorer.named("U-Net, done")))
    assert "lineage-unet-2015, done after 68 ms" in explorer.words("windows_beside")
    job.tell(WindowsDone(100, 4096, 2.0, 1, labels, Place((0.0, 0.0), (1.0, 1.0))))
    qtbot.waitUntil(lambda: bool(explorer.named("Windows done")))
    assert "100 of 4,096 windows" in explorer.words("windows_counter")
    np.testing.assert_array_equal(explorer.named("Windows done")[0].data, labels)
    assert explorer.named("U-Net, done")[0].visible and explorer.dock.cancel.isEnabled()
    explorer.dock.cancel.click()
    explorer.calm()
    assert job.cancelled and not explorer.dock.cancel.isEnabled()
