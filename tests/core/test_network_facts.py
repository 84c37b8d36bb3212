from __future__ import annotations

from math import prod
from typing import Any

import pytest

from napari_unet.core.network_facts import NetworkFacts, stage_words
from napari_unet.core.tiling import TilePlan, plan_tiles

FACTS = {"axes": 2, "channels": 1, "stride": 16, "receptive_radius": 107}


def test_tiles_are_planned_of_facts_alone() -> None:
    plan = plan_tiles(NetworkFacts(**FACTS), (4000, 3000), 1000)
    assert (plan.halo, plan.stride, plan.count) == (112, 16, 12)
    volume = plan_tiles(NetworkFacts(3, 1, 8, 20), (140, 512, 512), 1024)
    assert (volume.halo, volume.stride) == (24, 8)


def _reads(plan: TilePlan) -> list[int]:
    return [prod(cut.stop - cut.start for cut in tile.read) for tile in plan.tiles()]


@pytest.mark.parametrize("facts", [NetworkFacts(**FACTS), NetworkFacts(2, 1, 32, 281)])
@pytest.mark.parametrize("shape", [(2048, 2048), (4096, 4096), (3000, 2500), (700, 9000), (40, 50)])
@pytest.mark.parametrize("core", [64, 512, 1184])
def test_the_cheapest_tiles_are_taken_and_none_is_larger_than_asked_for(
    facts: NetworkFacts, shape: tuple[int, int], core: int
) -> None:
    plan = plan_tiles(facts, shape, core)
    reads = _reads(plan)
    side = -(-core // facts.stride) * facts.stride
    assert max(reads) <= (side + 2 * plan.halo) ** 2
    square = TilePlan(shape, side, plan.halo, plan.stride)
    assert sum(reads) <= sum(_reads(square))


def test_long_tiles_save_seams() -> None:
    """A network of depth 5 reads 1.28 times an image of 2048², where square tiles read 1.64 times."""
    deep = NetworkFacts(2, 1, 32, 281)
    plan = plan_tiles(deep, (2048, 2048), 1184)
    assert plan.count == 2 and sum(_reads(plan)) / 2048**2 == pytest.approx(1.28, abs=0.01)


def test_a_network_that_sees_everything_has_one_tile() -> None:
    plan = plan_tiles(NetworkFacts(2, 1, 16, None), (4000, 3000), 1000)
    assert (plan.count, plan.halo) == (1, 0)


@pytest.mark.parametrize(
    "wrong",
    [{"stride": 0}, {"axes": 0}, {"receptive_radius": -1}, {"stride": 1 << 40}, {"output_margin": -2}],
)
def test_facts_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        NetworkFacts(**{**FACTS, **wrong})


def test_facts_in_words() -> None:
    assert NetworkFacts(**FACTS).in_words() == "stride 16, receptive radius 107 pixels"
    every = NetworkFacts(2, 1, 16, None, 92)
    assert every.in_words() == "stride 16, receptive radius everything, borders mirrored by 92 pixels"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("encoder.0", "encoder level 1"),
        ("up.3", "up-convolution level 4"),
        ("image.decoder.11", "image decoder level 12"),
        ("bottleneck", "bottleneck"),
        ("output", "output"),
    ],
)
def test_stages_have_names_that_people_use(name: str, words: str) -> None:
    assert stage_words(name) == words
