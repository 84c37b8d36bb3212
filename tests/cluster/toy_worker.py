"""Networks that need no torch, for every process of the tests: a preload of Dask's workers.

Pixels over 128 are lung, flat images are refused. In the folder TOY a file tells a worker what goes wrong:
"slow" that each case takes so many seconds; "hang" that the first one to take the file never ends,
"deadly" which image kills its worker: the first row with lung. Each network that ran is noted in "ran".
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

import napari_unet
from napari_unet.core.errors import UserError
from napari_unet.core.events import TileDone
from napari_unet.core.prediction import Prediction, in_bytes
from napari_unet.core.raster import Raster
from napari_unet.core.source import Source
from napari_unet.engine.handlers import HANDLERS
from napari_unet.io.formats import read_raster


def use_toys(handlers: dict[str, str]) -> None:
    """No engine of this process needs torch."""
    handlers |= {
        "segment": "toy_worker:steps",
        "first_mask": "toy_worker:first_mask",
        "pick_device": "toy_worker:device",
        "backends": "toy_worker:backend",
        "count_gpus": "toy_worker:no_gpus",
        "gpu_id": "toy_worker:gpu",
    }


def dask_setup(_: Any) -> None:
    """In a worker, before its first task."""
    use_toys(HANDLERS)
    if version := os.environ.get("TOY_VERSION"):
        napari_unet.__version__ = version
    if largest := os.environ.get("TOY_LARGEST_FILE"):
        import resource

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(largest), int(largest)))


def steps(raster: Raster, **_: Any) -> Iterator[TileDone]:
    """A prediction, or whatever the folder TOY asks for."""
    _suffer(Path(os.environ["TOY"]), int(np.argmax(raster.pixels.max(axis=1) > 128)))
    if np.ptp(raster.pixels) == 0:
        raise UserError("This image is empty.", "Open another one.")
    yield TileDone(1, 1)
    return Prediction(  # type: ignore[return-value]
        (raster.pixels[None] / np.float32(255)).astype(np.float32), threshold=0.5, model="bright", version="7"
    )


def first_mask(image: Source | Raster, **_: Any) -> Prediction:
    """As `steps`, of an image in its file or as it was read."""
    raster = image if isinstance(image, Raster) else read_raster(Source.of(image))
    with suppress(OSError):
        time.sleep(float((Path(os.environ["TOY"]) / "slow").read_text()))
    if np.ptp(raster.pixels) == 0:
        raise UserError("This image is empty.", "Open another one.")
    lung = (raster.pixels > 128).astype(np.uint8)
    maps = in_bytes(lung[None].astype(np.float32))
    return Prediction(maps, threshold=0.5, model="bright", version="7", drawn=lung)


def _suffer(toy: Path, first: int) -> None:
    """first : row with lung."""
    with suppress(OSError):
        if first == int((toy / "deadly").read_text()):
            os.kill(os.getpid(), signal.SIGKILL)
    with suppress(OSError):
        (toy / "hang").rename(toy / "hung")
        time.sleep(600)
    with suppress(OSError):
        time.sleep(float(os.environ.get("TOY_SLOW") or (toy / "slow").read_text()))
    with (toy / "ran").open("a") as file:
        file.write(f"{os.getpid()}\n")


def device(name: str) -> str:
    """Of every name."""
    return "cpu"


def backend(device: str) -> str:
    """Of every device."""
    return "torch on cpu"


def no_gpus(name: str) -> int:
    """None."""
    return 0


def gpu(name: str) -> str:
    """The GPU that the process was told that it has."""
    return os.environ.get("TOY_GPU", "")


def echo(argument: object) -> object:
    """A task that is done at once."""
    return argument


def fail(argument: tuple[str, int]) -> str:
    """A task that notes in a file where it ran, and fails so many times."""
    from distributed import get_worker

    path, times = argument
    with Path(path).open("a") as file:
        file.write(f"{get_worker().address}\n")
    if len(Path(path).read_text().splitlines()) <= times:
        raise OSError("the disk of Kim")
    return "done"
