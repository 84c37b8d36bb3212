from __future__ import annotations

from typing import Any

import pytest

from napari_unet.core.network_facts import NetworkFacts
from napari_unet.core.tiling import TilePlan, plan_tiles

FACTS = {"axes": 2, "channels": 1, "stride": 16, "receptive_radius": 107}


def test_tiles_are_planned_of_facts_alone() -> None:
    assert plan_tiles(NetworkFacts(**FACTS), (4000, 3000), 1000) == TilePlan((4000, 3000), 1008, 112, 16)
    volume = NetworkFacts(3, 1, 8, 20)
    assert plan_tiles(volume, (140, 512, 512), 1024) == TilePlan((140, 512, 512), 104, 24, 8)


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
