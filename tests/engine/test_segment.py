"""The real job, with a small network: the engine gives what the same call gives in one's own process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_unet.core.raster import Raster

SCRIPT = """
import numpy as np
from napari_unet.core.raster import Raster
raster = Raster(np.load(FOLDER + "/image.npy"), spacing_mm=(0.5, 0.5))
with ChildEngine(threads=1) as engine:
    for _ in range(2):
        job = engine.submit("segment", raster=raster, model=FOLDER + "/model", device="cpu",
                            input_check=False)
        prediction = job.result(100)
np.save(FOLDER + "/probability.npy", prediction.probability)
print(prediction.model, prediction.spacing_mm)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Holds a model with random weights and an image."""
    from napari_unet.core.input_rule import InputRule
    from napari_unet.models.card import ModelCard, NetSpec
    from napari_unet.models.checkpoint import build_net, save_model

    net = NetSpec(arguments={"base": 4, "depth": 2})
    card = ModelCard(name="tiny", net=net, input=InputRule(size=(64, 64)))
    save_model(build_net(net).state_dict(), card, tmp_path / "model")
    np.save(tmp_path / "image.npy", np.random.default_rng(0).integers(0, 255, (90, 80), np.uint8))
    return tmp_path


def test_segment_needs_no_torch_here_and_gives_the_same(
    no_leak: None, run_script: Callable[..., Any], no_torch: str, folder: Path
) -> None:
    from napari_unet.inference.segment import segment

    done = run_script(no_torch + SCRIPT.replace("FOLDER", repr(str(folder))))
    assert done.stderr == ""
    assert done.stdout.strip() == "tiny (0.5, 0.5)"
    raster = Raster(np.load(folder / "image.npy"), spacing_mm=(0.5, 0.5))
    expected = segment(raster, model=str(folder / "model"), device="cpu", input_check=False).probability
    np.testing.assert_allclose(np.load(folder / "probability.npy"), expected, atol=1e-5)


STOPPED = """
import numpy as np, sys
from napari_unet.core.raster import Raster
from napari_unet.core.steps import STOP
stack = np.random.default_rng(0).integers(-1000, 200, (400, 64, 64)).astype(np.int16)
with ChildEngine(threads=1) as engine:
    job = engine.submit("segment", raster=Raster(stack), model=FOLDER + "/model", device="cpu",
                        input_check=False)
    for event in job.events():
        if getattr(event, "done", 0) == 1:
            job.ask(STOP)
    prediction = job.result(100)
print(prediction.shape, 1 <= prediction.stopped_at < 400, prediction.maps[:, prediction.stopped_at:].any())
"""


def test_a_volume_in_work_is_stopped_by_a_word_and_comes_as_far_as_it_is(
    no_leak: None, run_script: Callable[..., Any], no_torch: str, folder: Path
) -> None:
    done = run_script(no_torch + STOPPED.replace("FOLDER", repr(str(folder))))
    assert done.stderr == ""
    assert done.stdout.strip() == "(400, 64, 64) True False"
