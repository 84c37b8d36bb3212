"""Models that give a further answer, as a fine-tune makes them, can be looked into like any other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from inside_models import chest
from net_fakes import saved

from napari_unet.core.input_rule import InputRule
from napari_unet.core.inside import Alteration, AskLook, AskMaps, AskMask
from napari_unet.core.steps import run
from napari_unet.inference.inside.anatomy import anatomy
from napari_unet.inference.inside.steps import inside_steps
from napari_unet.models.card import NetSpec
from napari_unet.models.output import Output
from napari_unet.nets.answer_designs import DESIGNS

BASE = {"kind": "unet", "arguments": {"base": 4, "depth": 2}}


@pytest.mark.parametrize("design", DESIGNS)
def test_every_block_of_both_answers(tmp_path: Path, design: str) -> None:
    entry = saved(
        tmp_path / design,
        name="child",
        net=NetSpec(kind="further-answer", arguments={"base": BASE, "design": design}),
        input=InputRule(size=(64, 64)),
        outputs=(Output(id="old"), Output(id="new")),
    )
    found = anatomy(entry.card)
    head = next(name for name in found.stages if name.startswith("own.") and name.endswith("head"))
    assert found.skips == (0, 1) and "base.head" in found.stages

    def ask(question: object, output: str = "new") -> object:
        steps = inside_steps(chest(), question, model=str(entry.folder), output=output, device="cpu")  # type: ignore[arg-type]
        return run(steps)

    for stage in found.stages:
        maps = ask(AskMaps(stage))
        assert maps.stage == stage and len(maps.maps)  # type: ignore[attr-defined]
    silent = ask(AskMask(Alteration(silenced=frozenset({head}))), "old")
    np.testing.assert_array_equal(silent.labels, silent.unaltered)  # type: ignore[attr-defined]
    for operation in ("convolution", "pooling", "deconvolution", "skip", "latent"):
        assert ask(AskLook(operation)).panels  # type: ignore[attr-defined]
