"""A network without padding predicts every pixel of an image, whole or in tiles."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from net_fakes import TINY, tiny_net

from napari_unet.nets.mirrored import MirroredBorders
from napari_unet.nets.registry import NETS, build


def _image(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height).random((height, width))


@settings(max_examples=40, deadline=None)
@given(depth=st.integers(0, 3), rows=st.integers(1, 9), columns=st.integers(1, 9))
def test_it_is_the_network_on_the_mirrored_image(depth: int, rows: int, columns: int) -> None:
    bare = tiny_net(depth=depth, padded=False).double()
    net = MirroredBorders(bare)
    image = _image(rows * net.stride, columns * net.stride)
    wide = np.pad(image, [(net.before, net.after)] * 2, mode="reflect")  # numpy mirrors again where it must
    with torch.inference_mode():
        found = net(torch.from_numpy(image)[None, None])[0, 0].numpy()
        expected = bare(torch.from_numpy(wide)[None, None])[0, 0, : image.shape[0], : image.shape[1]].numpy()
    assert found.shape == image.shape
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_far_from_the_border_nothing_is_mirrored() -> None:
    bare = tiny_net(depth=2, padded=False).double()
    net = MirroredBorders(bare)
    image = torch.from_numpy(_image(64, 64))[None, None]
    with torch.inference_mode():
        inner = bare(image)[0, 0]
        middle = slice(net.before, net.before + len(inner))
        found = net(image)[0, 0, middle, middle]
    assert net.before % net.stride == 0  # otherwise the poolings would begin at other pixels
    torch.testing.assert_close(found, inner)


def test_every_row_of_the_registry_is_a_network() -> None:
    small = {
        "unet": dict(TINY),
        "unet-2015": {"base": 1},
        "sliding-window": {"window": 65, "maps": 2, "hidden": 2},
        "alexnet": {"width": 1 / 32, "channels": 1, "classes": 1},
        "finding": {"base": 2, "depth": 2, "widest": 4},
        "further-answer": {"base": {"kind": "unet", "arguments": dict(TINY)}},
    }
    assert small.keys() == NETS.keys()
    for kind, arguments in small.items():
        net = build(kind, arguments)
        classes = 1 + (kind == "further-answer")
        assert (net.channels, net.classes, net.output_margin) == (1, classes, 0)
        x = torch.zeros(1, 1, 4 * net.stride, 3 * net.stride)
        assert net(x).shape == (1, classes, *x.shape[2:])


def test_a_network_that_is_unknown_is_named() -> None:
    with pytest.raises(ValueError, match="'vgg' is none of unet, "):
        build("vgg", {})


def test_the_registry_needs_no_torch() -> None:
    import subprocess
    import sys

    code = "import sys; sys.modules['torch'] = None; import napari_unet.nets.registry"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
