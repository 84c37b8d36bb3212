"""Questions about a network's inside in the engine's process: answered, failed, cancelled, asked twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from inside_models import chest, lineage

from napari_unet.core.errors import UserError
from napari_unet.core.inside import (
    Alteration,
    Anatomy,
    AskField,
    AskLook,
    AskMaps,
    AskMask,
    NetworkDone,
    WindowsDone,
)
from napari_unet.core.steps import run
from napari_unet.engine import ChildEngine, JobCancelled
from napari_unet.models.library import ModelLibrary

WAIT_S = 240


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ModelLibrary:
    return lineage(tmp_path_factory.mktemp("lineage"))


def ask(engine: Any, library: ModelLibrary, question: Any, model: str = "lineage-residual") -> Any:
    return engine.submit(
        "inside", raster=chest(), question=question, model=model, device="cpu", library=library
    )


@pytest.mark.parametrize(
    "question",
    [
        AskMaps("encoder.1", most=2),
        AskField((20, 30)),
        AskMask(Alteration(cut=frozenset({0}))),
        AskLook("residual"),
    ],
)
def test_it_is_answered_there_as_here(
    shared_engine: ChildEngine, library: ModelLibrary, question: Any
) -> None:
    from napari_unet.inference.inside.steps import inside_steps

    there = ask(shared_engine, library, question).result(WAIT_S)
    here = run(inside_steps(chest(), question, model="lineage-residual", device="cpu", library=library))
    assert type(there) is type(here)
    for name, value in vars(here).items():
        if isinstance(value, np.ndarray):
            np.testing.assert_allclose(getattr(there, name), value, atol=1)
        elif name not in ("seconds", "panels", "facts", "weights"):
            assert getattr(there, name) == value


def test_its_anatomy_is_known_without_weights(shared_engine: ChildEngine, library: ModelLibrary) -> None:
    found: Anatomy = shared_engine.submit("anatomy", model="lineage-unet-2015", library=library).result(
        WAIT_S
    )
    assert found.skips == (0, 1, 2, 3) and found.padded is False and found.kinds == ("unet-2015",)
    assert set(found.up) == {"transposed"} and found.stages[0] == "encoder.0"


def test_it_fails_in_words(shared_engine: ChildEngine, library: ModelLibrary) -> None:
    for job in (
        ask(shared_engine, library, AskMaps("nowhere")),
        ask(shared_engine, library, AskMaps("encoder.0"), "lineage-nobody"),
        ask(shared_engine, library, AskField((20, 3000))),
        shared_engine.submit("anatomy", model="lineage-nobody", library=library),
    ):
        with pytest.raises(UserError, match=r"nowhere|lineage-nobody|beyond the image"):
            job.result(WAIT_S)
    assert ask(shared_engine, library, AskField((1, 1))).result(WAIT_S).pixel == (1, 1)


def windows(engine: Any, library: ModelLibrary, **more: Any) -> Any:
    given = {"model": "lineage-ciresan", "device": "cpu", "library": library, **more}
    return engine.submit("windows", raster=chest(), **given)


@pytest.mark.parametrize("beside", ["lineage-unet-2015", "lineage-nobody"])
def test_a_network_is_done_before_the_first_window(
    shared_engine: ChildEngine, library: ModelLibrary, beside: str
) -> None:
    events = list(windows(shared_engine, library, beside=beside, seconds=0.2).events())
    first = events[0]
    assert isinstance(first, NetworkDone) and first.name == beside
    assert first.missing is (beside == "lineage-nobody") is (first.labels is None)
    assert all(isinstance(event, WindowsDone) for event in events[1:])


def test_windows_that_run_are_cancelled(shared_engine: ChildEngine, library: ModelLibrary) -> None:
    job = windows(shared_engine, library)
    with pytest.raises(JobCancelled):
        for event in job.events():
            assert isinstance(event, WindowsDone) and event.done < event.total
            job.cancel()
    assert job.ended
    assert ask(shared_engine, library, AskField((1, 1))).result(WAIT_S).pixel == (1, 1)


def test_asked_twice_it_answers_twice(shared_engine: ChildEngine, library: ModelLibrary) -> None:
    question = AskMask(Alteration(silenced=frozenset({"bottleneck"})))
    one, two = (ask(shared_engine, library, question) for _ in range(2))
    np.testing.assert_array_equal(one.result(WAIT_S).labels, two.result(WAIT_S).labels)


def test_a_question_needs_no_torch_here(
    no_leak: None, run_script: Callable[..., Any], no_torch: str, library: ModelLibrary, tmp_path: Path
) -> None:
    script = f"""
import numpy as np
from pathlib import Path
from napari_unet.core.inside import AskLook
from napari_unet.core.raster import Raster
from napari_unet.models.library import ModelLibrary
pixels = np.random.default_rng(0).random((64, 64), np.float32)
with ChildEngine(threads=1) as engine:
    found = engine.submit("inside", raster=Raster(pixels), question=AskLook("latent"), device="cpu",
                          model="lineage-residual", library=ModelLibrary(Path({str(library.own)!r})))
    print(found.result(100).name)
"""
    done = run_script(no_torch + script)
    assert done.stderr == "" and done.stdout.strip() == "latent"
