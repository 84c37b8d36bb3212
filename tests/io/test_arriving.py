"""A series that is looked at while it is read: the order of its slices, and who gets to see it half read."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from dicom_files import change, save_multi_frame, save_series

from napari_unet.core.errors import UserError
from napari_unet.core.source import Source
from napari_unet.core.steps import run
from napari_unet.io.arriving import ArrivingSeries, settled
from napari_unet.io.formats import read_raster


def volume(depth: int = 7) -> np.ndarray:
    """int16 HU (Z, Y, X); no two voxels are alike."""
    return (np.arange(depth * 8 * 9, dtype=np.int16).reshape(depth, 8, 9) * 2 - 1000).astype(np.int16)


def plain(folder: Path) -> Source:
    return Source.of(save_series(folder, volume()))


def with_a_gap(folder: Path) -> Source:
    files = save_series(folder, volume())
    return Source.of([*files[:2], *files[3:]])


def uneven(folder: Path) -> Source:
    files = save_series(folder, volume())
    for z, mm in enumerate((0, 2.5, 5, 7.5, 9.5, 12, 14.5)):
        change(files[z], ImagePositionPatient=[-100, -120, -300 + mm])
    return Source.of(files)


def tilted(folder: Path) -> Source:
    files = save_series(folder, volume())
    for z in range(len(files)):
        change(files[z], ImagePositionPatient=[-100, -120 + z, -300 + 2.5 * z])
    return Source.of(files)


def round_field(folder: Path) -> Source:
    pixels = volume()
    pixels[:, [0, 0, -1, -1], [0, -1, 0, -1]] = -1024  # RescaleIntercept: stored as 0
    files = save_series(folder, pixels, PixelPaddingValue=0)
    return Source.of(files)


def loud(folder: Path) -> Source:
    return Source.of(save_series(folder, volume(), RescaleSlope=40))


def multi_frame(folder: Path) -> Source:
    return Source.of(save_multi_frame(folder / "whole.dcm", save_series(folder, volume())))


@pytest.mark.parametrize("made", [plain, with_a_gap, uneven, tilted, round_field, loud, multi_frame])
@pytest.mark.parametrize("in_view", [0, 3, 6])
def test_in_whatever_order_the_series_is_the_same(tmp_path: Path, made, in_view: int) -> None:
    source = made(tmp_path / "ct")
    series, expected = ArrivingSeries(source), read_raster(source)
    whole = run(series.steps(lambda: in_view))
    np.testing.assert_array_equal(whole.pixels, expected.pixels)
    assert whole.pixels.dtype == expected.pixels.dtype
    np.testing.assert_equal(whole.header(), expected.header())
    assert settled(series) is whole.pixels and np.asarray(series) is whole.pixels


def test_the_slice_in_view_comes_next(tmp_path: Path) -> None:
    series = ArrivingSeries(plain(tmp_path / "ct"))
    order: list[int] = []
    for event in series.steps(lambda: 3 if len(order) < 2 else 6):
        order.append(event.z)
        assert (event.done, event.total) == (len(order) + 1, 7)  # the middle one was there at first
    assert order[:2] in ([2, 4], [4, 2]) and order[2:] == [6, 5, 1, 0]


def test_the_headers_and_one_slice_are_there_at_once_the_rest_is_grey(tmp_path: Path) -> None:
    series = ArrivingSeries(plain(tmp_path / "ct"))
    assert (series.shape, series.ndim, series.size, len(series)) == ((7, 8, 9), 3, 504, 7)
    assert series.dtype == np.int16 and "being read" in repr(series)
    assert series.preview.spacing_mm == pytest.approx((2.5, 0.75, 0.5))
    np.testing.assert_array_equal(series[3], volume()[3])
    others = series[[0, 1, 2, 4, 5, 6]]
    low, high = volume()[3].min(), volume()[3].max()
    assert len(np.unique(others)) == 1 and low < others.flat[0] < high  # neither black nor white


def test_nobody_computes_with_half_a_series(tmp_path: Path) -> None:
    series, got = ArrivingSeries(plain(tmp_path / "ct")), {}

    def take(name: str, how) -> threading.Thread:
        thread = threading.Thread(target=lambda: got.update({name: how()}))
        thread.start()
        return thread

    threads = [take("all", lambda: np.asarray(series)), take("one", lambda: np.array(series[1]))]
    steps = series.steps(lambda: 0)
    for _ in range(6):
        next(steps)
        assert not got and all(thread.is_alive() for thread in threads)
    run(steps)
    for thread in threads:
        thread.join(30)
    np.testing.assert_array_equal(got["all"], volume())
    np.testing.assert_array_equal(got["one"], volume()[1])


def test_a_damaged_slice_ends_it_for_all_who_wait(tmp_path: Path) -> None:
    files = save_series(tmp_path / "ct", volume())
    files[5].write_bytes(files[5].read_bytes()[:-40])
    series = ArrivingSeries(Source.of(files))
    with pytest.raises(UserError, match=files[5].name):
        run(series.steps(lambda: 0))
    with pytest.raises(UserError, match=files[5].name):
        np.asarray(series)
    assert settled(series) is series


def test_who_waits_hears_that_nobody_reads_on(tmp_path: Path) -> None:
    series = ArrivingSeries(plain(tmp_path / "ct"))
    steps = series.steps(lambda: 0)
    next(steps)
    steps.close()
    series.give_up()
    with pytest.raises(UserError, match="closed before all of it was read"):
        series.result()


def test_giving_up_in_the_end_changes_nothing(tmp_path: Path) -> None:
    series = ArrivingSeries(plain(tmp_path / "ct"))
    whole = run(series.steps(lambda: 0))
    series.give_up()
    assert series.result() is whole


def test_who_waits_may_leave(tmp_path: Path) -> None:
    series = ArrivingSeries(plain(tmp_path / "ct"))

    def leave() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        series.result(leave)


def test_what_is_no_series_is_refused_at_once(tmp_path: Path) -> None:
    files = save_series(tmp_path / "ct", volume())
    change(files[2], ImagePositionPatient=None)
    with pytest.raises(UserError, match="position"):
        ArrivingSeries(Source.of(files))
