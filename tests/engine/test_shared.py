"""Objects with arrays, there and back."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_unet.core.errors import UserError
from napari_unet.core.raster import Modality, Raster
from napari_unet.engine import ChildEngine
from napari_unet.engine.channel import Channel
from napari_unet.engine.shared import dump, load, put, take

pytestmark = pytest.mark.usefixtures("no_leak")
rng = np.random.default_rng(0)
TOKEN = f"nul-{os.getpid()}-"
BIG = rng.random((300, 400))

ARRAYS = {
    "big": BIG,
    "small": np.arange(3),
    "empty": np.empty((0, 5), np.float32),
    "no axes": np.array(3.5),
    "strided": BIG[::2, ::-3],
    "Fortran order": np.asfortranarray(BIG),
    "transposed stack": rng.integers(0, 9, (20, 30, 40)).T,
    "read-only": np.broadcast_to(np.float32(1), (200, 200)),
    "bool": BIG > 0.5,
    "big-endian": BIG.astype(">f4"),
    "NaN": np.full((100, 100), np.nan, np.float16),
    "fields": np.zeros(2000, [("a", "u1"), ("b", "f8")]),
    "objects": np.array([None, "x", 3] * 500, object),
}


def there_and_back(value: object) -> Any:
    return load([bytearray(part) for part in dump(value)])


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_come_back_equal(name: str) -> None:
    array = ARRAYS[name]
    back = there_and_back(array)
    np.testing.assert_array_equal(back, array)
    assert back.dtype == array.dtype
    assert back.flags.writeable or array.nbytes < 4096 or array.dtype.hasobject


@pytest.mark.parametrize("name", ["big", "strided", "Fortran order", "transposed stack", "read-only"])
def test_big_arrays_stay_out_of_the_pickle(name: str) -> None:
    pickle, *arrays = dump({"deep": [(ARRAYS[name],)]})
    assert pickle.nbytes < 1000
    assert [part.nbytes for part in arrays] == [ARRAYS[name].nbytes]


def test_a_memory_map_arrives_as_an_array(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", BIG)
    back = there_and_back(np.load(tmp_path / "a.npy", mmap_mode="r"))
    assert type(back) is np.ndarray
    np.testing.assert_array_equal(back, BIG)


def test_a_raster_through_the_engine(engine: ChildEngine) -> None:
    raster = Raster(
        rng.integers(0, 4096, (3, 200, 210)).astype(np.int16),
        spacing_mm=(2.0, 0.5, 0.5),
        affine=np.diag([2.0, 0.5, 0.5, 1.0]),
        modality=Modality.CT,
        source="폐 1.nii.gz",
    )
    back, again = engine.submit("plain", value=(raster, {"again": [raster]})).result(30)
    assert again["again"][0] is back
    np.testing.assert_array_equal(back.pixels, raster.pixels)
    np.testing.assert_array_equal(back.affine, raster.affine)
    assert back.pixels.dtype == np.int16
    assert (back.spacing_mm, back.modality, back.source) == (raster.spacing_mm, Modality.CT, raster.source)
    back.pixels[:] = 0  # its own memory, writable


def test_a_huge_array_and_arrays_in_events(engine: ChildEngine) -> None:
    huge = rng.integers(0, 255, 64_000_000, np.uint8)
    seen: list[Any] = []
    job = engine.submit("echo", value=huge)
    job.listen(on_progress=seen.append)
    assert np.array_equal(job.result(60), huge)
    assert np.array_equal(seen[0], huge)


def test_many_arrays_and_a_long_text(engine: ChildEngine) -> None:
    value = {"arrays": [np.full(n, n) for n in range(600, 1600, 7)], "text": "x" * 1_000_000}
    back = engine.submit("plain", value=value).result(30)
    assert back["text"] == value["text"]
    assert all(np.array_equal(a, b) for a, b in zip(back["arrays"], value["arrays"], strict=True))


def test_take_removes_the_segment() -> None:
    parts = [memoryview(b"abc"), memoryview(b"de")]
    segment = put(f"{TOKEN}a", parts)
    assert [bytes(part) for part in take(f"{TOKEN}a", (3, 2))] == [b"abc", b"de"]
    segment.close()
    with pytest.raises(FileNotFoundError):
        take(f"{TOKEN}a", (3, 2))


@pytest.mark.skipif(not Path("/dev/shm").exists(), reason="Linux reserves the memory beforehand")
def test_too_little_shared_memory_is_said_and_leaves_nothing(
    engine: ChildEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(UserError, match="shared memory"):
        engine.submit("plain", value=BIG).result(30)
    assert engine.submit("plain", value=1).result(30) == 1


class Ends:
    """Two channels joined by pipes."""

    def __init__(self) -> None:
        there, back = os.pipe(), os.pipe()
        self.left = self._channel(back[0], there[1], mine=f"{TOKEN}l", theirs=f"{TOKEN}r")
        self.right = self._channel(there[0], back[1], mine=f"{TOKEN}r", theirs=f"{TOKEN}l")

    @staticmethod
    def _channel(reader: int, writer: int, **names: str) -> Channel:
        return Channel(os.fdopen(reader, "rb"), os.fdopen(writer, "wb"), **names)


def test_what_the_other_end_never_fetched_is_removed() -> None:
    ends = Ends()
    ends.left.send(BIG)
    ends.left.send(BIG)
    assert np.array_equal(ends.right.receive(), BIG)
    ends.right.close()
    with pytest.raises(EOFError):
        ends.left.receive()
    ends.left.sweep()
    ends.left.close()


def test_what_the_other_end_was_about_to_send_is_removed() -> None:
    ends = Ends()
    unfinished = put(f"{TOKEN}l1", [memoryview(b"abc")])
    ends.left.close()
    with pytest.raises(EOFError):
        ends.right.receive()
    ends.right.sweep()
    ends.right.close()
    unfinished.close()


def test_sending_to_nobody() -> None:
    ends = Ends()
    ends.right.close()
    with pytest.raises(BrokenPipeError):
        ends.left.send(BIG)
    ends.left.sweep()
    ends.left.close()


def test_both_ends_send_at_once() -> None:
    ends = Ends()
    received: list[Any] = []

    def answer() -> None:
        received.extend(ends.right.receive() for _ in range(50))

    thread = threading.Thread(target=answer)
    thread.start()
    talk = threading.Thread(target=lambda: [ends.right.send(BIG) for _ in range(50)])
    talk.start()
    listen = threading.Thread(target=lambda: received.extend(ends.left.receive() for _ in range(50)))
    listen.start()
    for _ in range(50):
        ends.left.send(BIG)
    for one in (thread, talk, listen):
        one.join(30)
    assert len(received) == 100
    for channel in (ends.left, ends.right):
        channel.hang_up()
    for channel in (ends.left, ends.right):
        with pytest.raises(EOFError):
            channel.receive()
        channel.sweep()
        channel.close()
