from __future__ import annotations

import logging
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest

from napari_unet.core.quiet import quiet

LIBRARY = "some_library"


def _speak():
    logging.getLogger(f"{LIBRARY}.part").error("said")
    logging.getLogger(LIBRARY).error("said")
    warnings.warn("said", stacklevel=2)


def test_nothing_is_heard_inside_and_all_outside(caplog):
    logging.getLogger(f"{LIBRARY}.part")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with quiet(LIBRARY):
            _speak()
            logging.getLogger("another_library").error("heard")
        assert [record.message for record in caplog.records] == ["heard"] and not caught
        _speak()
    assert len(caplog.records) == 3 and len(caught) == 1


def test_an_error_and_a_second_one_inside_leave_nothing_switched(caplog):
    with pytest.raises(RuntimeError), quiet(LIBRARY):
        with quiet("another_library"):
            _speak()
        _speak()
        raise RuntimeError
    assert not caplog.records
    with pytest.warns(UserWarning, match="said"):
        _speak()
    assert len(caplog.records) == 2
    assert not logging.getLogger(LIBRARY).disabled


def test_one_thread_is_quiet_while_another_is_not(caplog):
    inside, go_on = threading.Event(), threading.Event()

    def reader():
        with quiet(LIBRARY):
            inside.set()
            assert go_on.wait(10)
            _speak()

    with ThreadPoolExecutor(1) as pool, pytest.warns(UserWarning, match="said") as caught:
        reading = pool.submit(reader)
        assert inside.wait(10)
        _speak()
        go_on.set()
        reading.result()
    assert len(caplog.records) == 2 and len(caught) == 1


def test_threads_that_come_and_go_in_any_order(caplog):
    """As `catch_warnings` in two threads: who comes first goes first, and takes the other's state along."""
    first_in, second_in, first_out = threading.Event(), threading.Event(), threading.Event()

    def first():
        with quiet(LIBRARY):
            first_in.set()
            assert second_in.wait(10)
        first_out.set()

    def second():
        assert first_in.wait(10)
        with quiet(LIBRARY):
            second_in.set()
            assert first_out.wait(10)
            _speak()  # the other is gone: this one is still quiet

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with ThreadPoolExecutor(2) as pool:
            for job in [pool.submit(first), pool.submit(second)]:
                job.result()
    assert not caplog.records
    with pytest.warns(UserWarning, match="said"):
        _speak()
    assert len(caplog.records) == 2
