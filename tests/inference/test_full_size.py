"""Maps at the image's size are what torch makes of the network's own, and volumes fit into memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from net_fakes import TINY, PointNet, card, saved
from torch import Tensor

from napari_unet.core.input_rule import InputRule
from napari_unet.core.label_set import named_set
from napari_unet.core.prediction import Prediction
from napari_unet.core.raster import Raster
from napari_unet.core.steps import run
from napari_unet.engine.shared import dump, load
from napari_unet.inference import predictor
from napari_unet.inference.predictor import Predictor
from napari_unet.inference.segment import segment
from napari_unet.io.formats import read_raster
from napari_unet.models.card import NetSpec
from napari_unet.samples import SAMPLES, Sample

CPU = torch.device("cpu")


def as_torch_does(grid: Tensor, found: Prediction) -> np.ndarray:
    """(C, Y, X) of maps (C, y, x) as the predictor of version 1 made them."""
    return torch.nn.functional.interpolate(grid[None], found.shape, mode="bilinear")[0].numpy()


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.key)
def test_bundled_x_rays_have_the_probability_that_torch_makes(sample: Sample) -> None:
    found = segment(read_raster(sample.image), device="cpu")
    grid = torch.from_numpy(found.maps)
    assert found.maps.shape == (1, 256, 256) and found.maps.dtype == np.float32
    np.testing.assert_allclose(found.probability, as_torch_does(grid, found), atol=1e-6)
    p = grid.clamp(1e-6, 1 - 1e-6)
    entropy = -(p * p.log2() + (1 - p) * (1 - p).log2()).amin(dim=0)
    np.testing.assert_allclose(found.uncertainty, as_torch_does(entropy[None], found)[0], atol=1e-6)
    kept = found.kept()
    assert np.abs(kept.probability - found.probability).max() <= 1 / 510 + 1e-6


def test_only_the_network_s_own_grid_travels() -> None:
    image = np.random.default_rng(0).random((1500, 1200))
    net = PointNet(lambda x: torch.logit(x, 1e-6))
    found = run(Predictor(net, card(input=InputRule(size=(64, 64))), CPU).steps(Raster(image)))
    full = found.probability
    sent = [part.tobytes() for part in dump(found)]
    assert sum(map(len, sent)) < 20_000
    there = load(sent)
    np.testing.assert_array_equal(there.probability, full)
    np.testing.assert_array_equal(there.mask(), found.mask())


def test_a_stack_whose_maps_would_fill_the_memory_has_8_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = Raster(np.random.default_rng(0).random((3, 40, 50), dtype=np.float32))
    net = PointNet(lambda x: torch.logit(x, 1e-6))
    floats = run(Predictor(net, card(), CPU).steps(stack))
    monkeypatch.setattr(predictor, "_MOST_AS_FLOATS", 40 * 50 * 4)
    found = run(Predictor(net, card(), CPU).steps(stack))
    assert (floats.maps.dtype, found.maps.dtype) == (np.float32, np.uint8)
    assert np.abs(found.probability - floats.probability).max() <= 1 / 510 + 1e-6
    net.axes = 3
    volume = run(Predictor(net, card(input=InputRule(axes=3)), CPU).steps(stack))
    np.testing.assert_array_equal(volume.maps, found.maps)


PEAK = """
import sys
import numpy as np
import torch
from napari_unet.core.resize import resized
from napari_unet.core.raster import Raster
from napari_unet.inference.segment import segment

def kilobytes(name):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(name))

torch.set_num_threads(1)
coarse = np.random.default_rng(0).random((20, 20, 20), dtype=np.float32)
volume = np.stack([resized(plane, (512, 512)) * 1400 - 1000 for plane in resized(coarse, (140, 20, 20))])
segment(Raster(volume[:1, :64, :64]), model=sys.argv[1], device="cpu", input_check=False)
before = kilobytes("VmRSS")
found = segment(Raster(volume), model=sys.argv[1], device="cpu", input_check=False)
found.kept()
assert found.labels().shape == volume.shape
print((kilobytes("VmHWM") - before) / 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
@pytest.mark.parametrize("size", [(256, 256), None])
def test_140_slices_and_three_labels_stay_within_memory(size: tuple[int, int] | None, tmp_path: Path) -> None:
    net = NetSpec(arguments={**TINY, "classes": 3})
    labels, here = named_set(("right lung", "left lung", "heart")), Path(__file__).parents[1]
    saved(tmp_path / "toy", net=net, input=InputRule(size=size), labels=labels)
    done = subprocess.run(
        [sys.executable, "-c", PEAK, tmp_path / "toy"],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": f"{here}:{here.parent}", "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 1500
