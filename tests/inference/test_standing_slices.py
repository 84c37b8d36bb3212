"""Right and left in CT come from the affine alone, however slices are stored."""

from __future__ import annotations

from itertools import product
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from ct_phantom import chest_with_organs
from net_fakes import TINY, PointNet, card

from napari_unet.core.checks import SITUS
from napari_unet.core.errors import UserError
from napari_unet.core.input_rule import InputRule
from napari_unet.core.intensity import IntensityRule
from napari_unet.core.label_set import RIGHT_AND_LEFT
from napari_unet.core.masks import MaskRule
from napari_unet.core.raster import Raster
from napari_unet.core.standing import Turn, turn_to_stand
from napari_unet.core.steps import STOP, run
from napari_unet.core.volume_labels import likeliest_labels
from napari_unet.inference.predictor import Predictor
from napari_unet.inference.segment import segment_steps
from napari_unet.models.card import NetSpec
from napari_unet.models.output import Output

HEIGHT, WIDTH = 32, 48


def _predictor(modality: str = "CT") -> Predictor:
    """A network that calls air in the left half of the image right lung, and in the right half left lung."""

    def answer(x: torch.Tensor) -> torch.Tensor:
        air = 80 * (0.3 - x[:, :1])
        here = torch.linspace(1, -1, x.shape[-1]).sign().mul(40).expand_as(air)
        return torch.cat([torch.minimum(air, here), torch.minimum(air, -here)], dim=1)

    net = PointNet(answer)
    net.classes = 2
    output = Output(
        labels=RIGHT_AND_LEFT, mask_rule=MaskRule(1, per_slice=False, both_lungs=True), swaps=((0, 1),)
    )
    return Predictor(
        net,
        card(
            net=NetSpec(arguments={**TINY, "classes": 2}),
            input=InputRule(size=(HEIGHT, WIDTH)),
            intensity=IntensityRule("window", -1000, 400),
            modalities=(modality,),
            outputs=(output,),
        ),
        torch.device("cpu"),
    )


def _volume() -> np.ndarray:
    """Z to the head, Y to the back, X to the patient's left; the right lung is larger and lies before."""
    pixels = np.full((6, HEIGHT, WIDTH), 40, np.int16)
    pixels[1:5, 4:24, 6:20] = -850
    pixels[1:5, 10:26, 30:40] = -850
    return pixels


@pytest.mark.parametrize(("down", "along"), list(product("PA", "LR")))
def test_the_same_voxels_are_right_lung_however_slices_are_stored(down: str, along: str) -> None:
    turned = (
        slice(None),
        slice(None, None, -1 if down == "A" else 1),
        slice(None, None, -1 if along == "R" else 1),
    )
    affine = np.diag([3.0, -2.0 if down == "A" else 2.0, -2.0 if along == "R" else 2.0, 1.0])
    raster = Raster(_volume()[turned], (3, 2, 2), affine=affine, row_direction=along)
    prediction = run(_predictor().steps(raster, False))
    expected = np.zeros(_volume().shape, np.uint8)
    expected[1:5, 4:24, 6:20] = 1
    expected[1:5, 10:26, 30:40] = 2
    np.testing.assert_array_equal(prediction.labels(), expected[turned])
    assert prediction.row_direction == along


@pytest.mark.parametrize(("down", "along"), list(product("PA", "LR")))
def test_one_slice_stands_before_the_network_as_its_volume_does(down: str, along: str) -> None:
    """By itself it has no affine: it keeps where its rows and columns lead."""
    affine = np.diag([3.0, -2.0 if down == "A" else 2.0, -2.0 if along == "R" else 2.0, 1.0])
    volume = Raster(_volume(), (3, 2, 2), affine=affine)
    slice_ = volume.slice(2)
    assert (slice_.affine, slice_.row_direction, slice_.column_direction) == (None, along, down)
    assert turn_to_stand(slice_) == turn_to_stand(volume) == Turn(down == "A", along == "R")
    turned = turn_to_stand(slice_).raster(slice_)
    assert not turn_to_stand(turned)


@pytest.mark.parametrize(("down", "along"), list(product("PA", "LR")))
def test_neighbours_come_in_the_same_order_whichever_way_slices_go_on(down: str, along: str) -> None:
    """A network that looks at one neighbour alone, the first one."""
    net = PointNet(lambda x: 80 * (0.3 - x[:, :1]))
    net.channels = 3
    plain = card(
        net=NetSpec(arguments={**TINY, "channels": 3}),
        input=InputRule(size=(HEIGHT, WIDTH), neighbours=1),
        intensity=IntensityRule("window", -1000, 400),
        modalities=("CT",),
        outputs=(Output(mask_rule=MaskRule(0, per_slice=False)),),
    )
    predictor = Predictor(net, plain, torch.device("cpu"))
    axes = [axis for axis, flipped in ((1, down == "A"), (2, along == "R")) if flipped]
    affine = np.diag([3.0, -2.0 if down == "A" else 2.0, -2.0 if along == "R" else 2.0, 1.0])
    pixels = np.flip(_volume(), axes)
    up = run(predictor.steps(Raster(pixels, (3, 2, 2), affine=affine, row_direction=along), False))
    affine = affine @ np.diag([-1.0, 1, 1, 1])
    affine[0, 3] = 3.0 * (len(pixels) - 1)
    feet = Raster(pixels[::-1].copy(), (3, 2, 2), affine=affine, row_direction=along)
    np.testing.assert_array_equal(run(predictor.steps(feet, False)).maps[:, ::-1], up.maps)
    assert (up.labels()[2:].any(axis=(1, 2)) == [True, True, True, True]).all() and not up.labels()[:2].any()


@pytest.mark.parametrize(("down", "along"), list(product("PA", "LR")))
def test_slices_that_are_shown_lie_as_they_are_stored_and_the_volume_can_be_stopped(
    down: str, along: str
) -> None:
    affine = np.diag([3.0, -2.0 if down == "A" else 2.0, -2.0 if along == "R" else 2.0, 1.0])
    pixels = _volume()
    pixels[..., :3] = -2000  # outside of the field of view, on one side
    raster = Raster(pixels, (3, 2, 2), affine=affine, row_direction=along, padding=(-2000.0, -2000.0))
    steps = _predictor().steps(raster, False, shown_at=0.5)
    shown = [next(steps), next(steps), next(steps)]
    with pytest.raises(StopIteration) as end:
        steps.send(STOP)
    found = end.value.value
    assert found.stopped_at == 3
    for z, one in enumerate(shown):
        np.testing.assert_array_equal(one.labels, likeliest_labels(found.maps[:, z], (1, 2), 0.5))
        assert one.box == found.boxes[z] == (slice(0, HEIGHT), slice(3, WIDTH))
    assert shown[2].labels.any()


def test_other_planes_are_refused_by_models_for_ct_only() -> None:
    affine = np.eye(4)[[1, 0, 2, 3]]  # coronal
    raster = Raster(_volume(), (3, 2, 2), affine=affine, row_direction="L")
    with pytest.raises(UserError, match="coronal"):
        run(_predictor().steps(raster, False))
    assert run(_predictor("MR").steps(raster, False)).labels().any()


@pytest.mark.parametrize("down", [False, True])
@pytest.mark.parametrize(("along", "said"), [("L", False), ("R", True)])
def test_it_is_said_where_heart_and_liver_lie_on_the_other_side(along: str, said: bool, down: bool) -> None:
    """A usual chest under a header that calls its right left; the voxels keep the sides of the header."""
    pixels, _ = chest_with_organs()
    affine = np.diag([-5.0 if down else 5.0, 5.0, 5.0 if along == "L" else -5.0, 1.0])
    raster = Raster(pixels[::-1] if down else pixels, (5, 5, 5), affine=affine, row_direction=along)
    predictor = _predictor()
    library: Any = SimpleNamespace(for_image=lambda *_: (SimpleNamespace(card=predictor.card), ""))
    cache: Any = SimpleNamespace(get=lambda *_: predictor)
    found = run(segment_steps(raster, model="auto", library=library, cache=cache, input_check=False))
    assert any("situs inversus or wrong header" in note for note in found.notes) is said
    assert found.image_checks == ((SITUS,) if said else ())
    right = found.labels() == 1
    assert right.any() and (np.nonzero(right)[2].mean() < 30) == (along == "L")
