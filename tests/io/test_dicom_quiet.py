"""No patient in a log or a warning, however many threads read at once."""

from __future__ import annotations

import logging
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from dicom_files import NUMBER, PATIENT, dataset, save
from pydicom.misc import warn_and_log

from napari_unet.core.errors import UserError
from napari_unet.io.dicom import guarded
from napari_unet.io.formats import read_raster
from napari_unet.io.identity import read_identity


@pytest.fixture
def files(tmp_path, caplog):
    """pydicom quotes what it complains of: here the patient's name and number."""
    pixels = np.arange(48 * 64, dtype=np.uint16).reshape(48, 64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = [save(tmp_path / "date.dcm", pixels, PatientBirthDate=NUMBER)]
        found.append(save(tmp_path / "short.dcm", pixels, PixelData=b"\0\0"))
    dataset(pixels).save_as(tmp_path / "fine.dcm")
    content = (tmp_path / "fine.dcm").read_bytes()
    (tmp_path / "cut.dcm").write_bytes(content.replace(b"PN\x0e\x00", b"IS\x0e\x00"))  # a name for a number
    caplog.clear()
    return [*found, tmp_path / "cut.dcm"]


def test_many_threads_never_name_the_patient_and_leave_the_loggers_as_they_were(files, caplog):
    logger = logging.getLogger("pydicom")
    done = threading.Event()
    heard = []

    def others():
        """Somebody else's reading in the same process, with filters of its own."""
        while not done.wait(0.002):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
            logger.warning("another program's line")
            heard.append(1)

    def read(number):
        for way in (read_raster, read_identity):
            try:
                way(files[number % len(files)])
            except UserError as error:
                assert PATIENT not in str(error) and NUMBER not in str(error)

    with warnings.catch_warnings(record=True) as caught, ThreadPoolExecutor(8) as pool:
        warnings.simplefilter("always")
        loud = pool.submit(others)
        for job in [pool.submit(read, number) for number in range(40)]:
            job.result()
        done.set()
        loud.result()
    lines = [*(record.getMessage() for record in caplog.records), *(str(w.message) for w in caught)]
    assert [line for line in lines if "another program" not in line] == []
    assert len(lines) == len(heard) > 0
    assert not logger.disabled


def test_the_worst_order_of_two_readers_and_somebody_elses_filters(caplog):
    """The first reader leaves while the second is at work, and a third thread puts its old filters back."""
    first_in, second_in, first_out = threading.Event(), threading.Event(), threading.Event()

    def first():
        with guarded("a"):
            first_in.set()
            assert second_in.wait(10)
        first_out.set()

    def second():
        assert first_in.wait(10)
        with guarded("b"):
            second_in.set()
            assert first_out.wait(10)
            warnings.filters[:] = [("always", None, Warning, None, 0)]
            warn_and_log(f"odd value {PATIENT}")
            logging.getLogger("pydicom.pixels.decoders.base").error(PATIENT)

    with warnings.catch_warnings(record=True) as caught, ThreadPoolExecutor(2) as pool:
        for job in [pool.submit(first), pool.submit(second)]:
            job.result()
    assert not caplog.records and not caught
    with pytest.warns(UserWarning, match="somebody else"):
        warn_and_log("somebody else")
    assert [record.message for record in caplog.records] == ["somebody else"]
