"""A fine-tune in the engine's process, with a tiny model: it succeeds, fails, is cancelled, started twice."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from napari_unet.core.errors import UserError
from napari_unet.core.events import CaseDone, PartBegun, Preview, StepsDone
from napari_unet.core.evidence import Evidence
from napari_unet.engine import ChildEngine, JobCancelled
from napari_unet.models.library import ModelLibrary
from napari_unet.training.outcome import Estimate, FineTuneResult

WAIT_S = 240


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> Any:
    tests = Path(__file__).parents[1]
    monkeypatch.syspath_prepend(str(tests / "training"))
    import tuning_fakes

    return tuning_fakes


@pytest.fixture
def library(fakes: Any, tmp_path: Path) -> ModelLibrary:
    made = ModelLibrary(tmp_path / "models")
    fakes.parent(made)
    return made


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def steps_of(heard: Any) -> list[StepsDone]:
    return [event for event in heard.events if isinstance(event, StepsDone)]


def submit(engine: ChildEngine, fakes: Any, library: ModelLibrary, **options: Any) -> Any:
    usual = {"parent": "tiny", "config": fakes.QUICK, "device": "cpu", "threads": 1, "library": library}
    options = usual | options
    return engine.submit("finetune", pairs=fakes.cases(), **options)


def endless(fakes: Any) -> Any:
    from dataclasses import replace

    return replace(fakes.QUICK, steps=1_000_000, check_every=500_000)


def test_it_succeeds_with_the_weights_of_this_process(
    shared_engine: ChildEngine, fakes: Any, library: ModelLibrary, ear: Any
) -> None:
    job = submit(shared_engine, fakes, library, name="there")
    heard = ear(job)
    result = job.result(WAIT_S)
    assert isinstance(result, FineTuneResult) and result.report.child == "there"
    wait_for(lambda: heard.ends)
    assert {PartBegun, StepsDone, Preview, CaseDone} <= {type(event) for event in heard.events}
    fakes.tuned(library, name="here", threads=1)
    here, there = (library.find(name).weights.read_bytes() for name in ("here", "there"))
    assert here == there


def test_estimate_and_compare_are_jobs_too(
    shared_engine: ChildEngine, fakes: Any, library: ModelLibrary
) -> None:
    found = shared_engine.submit("estimate", cases=4, parent="tiny", device="cpu", library=library).result(
        WAIT_S
    )
    assert isinstance(found["quick"], Estimate)
    pairs = fakes.cases(2)
    found = shared_engine.submit(
        "compare", old="tiny", new="tiny", pairs=pairs, device="cpu", library=library
    ).result(WAIT_S)
    assert [(type(one), one.metric, len(one.cases)) for one in found] == [
        (Evidence, "dice", 2),
        (Evidence, "hd95", 2),
    ]


def test_it_fails_in_plain_words(shared_engine: ChildEngine, fakes: Any, library: ModelLibrary) -> None:
    with pytest.raises(UserError, match="no model named gone"):
        submit(shared_engine, fakes, library, parent="gone").result(WAIT_S)


def test_it_is_paused_goes_on_and_is_cancelled_and_leaves_nothing(
    shared_engine: ChildEngine, fakes: Any, library: ModelLibrary, ear: Any
) -> None:
    before = fakes.files(library.own)
    job = submit(shared_engine, fakes, library, config=endless(fakes))
    heard = ear(job)
    wait_for(lambda: steps_of(heard))
    job.ask("pause")
    told = -1
    while told != len(heard.events):
        told = len(heard.events)
        time.sleep(0.5)
    job.ask("resume")
    wait_for(lambda: len(heard.events) > told)
    job.cancel()
    with pytest.raises(JobCancelled):
        job.result(WAIT_S)
    assert fakes.files(library.own) == before


def test_stop_makes_a_model_of_what_there_is(
    shared_engine: ChildEngine, fakes: Any, library: ModelLibrary, ear: Any
) -> None:
    from dataclasses import replace

    job = submit(shared_engine, fakes, library, config=replace(fakes.QUICK, steps=1_000_000, check_every=4))
    heard = ear(job)
    wait_for(lambda: len(steps_of(heard)) > 4)
    job.ask("stop")
    result = job.result(WAIT_S)
    assert result.card.training["steps"] < 100_000


def test_a_crash_in_training_costs_nothing_but_the_job(
    engine: ChildEngine, fakes: Any, library: ModelLibrary, ear: Any
) -> None:
    before = fakes.files(library.own)
    pid = engine.submit("state").result(WAIT_S)["pid"]
    job = submit(engine, fakes, library, config=endless(fakes))
    heard = ear(job)
    wait_for(lambda: steps_of(heard))
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(UserError, match="probably because memory ran out"):
        job.result(WAIT_S)
    assert fakes.files(library.own) == before
    assert engine.submit("plain", value=1).result(WAIT_S) == 1


def test_started_twice_makes_two_models(
    shared_engine: ChildEngine, fakes: Any, library: ModelLibrary
) -> None:
    jobs = [submit(shared_engine, fakes, library) for _ in range(2)]
    names = [job.result(WAIT_S).card.name for job in jobs]
    assert names[1] == f"{names[0]}-2"
    named = [submit(shared_engine, fakes, library, name="ours") for _ in range(2)]
    assert named[0].result(WAIT_S).card.name == "ours"
    with pytest.raises(UserError, match="already"):
        named[1].result(WAIT_S)


def test_segmenting_goes_on_while_another_engine_trains(
    make_engine: Callable[..., ChildEngine], fakes: Any, library: ModelLibrary, ear: Any
) -> None:
    trains, segments = make_engine(nice=1, threads=1), make_engine()
    heard = ear(submit(trains, fakes, library, config=endless(fakes)))
    wait_for(lambda: steps_of(heard))
    image = fakes.case(9).image
    prediction = segments.submit("segment", raster=image, model="tiny", device="cpu", library=library).result(
        WAIT_S
    )
    assert prediction.model == "tiny"
    told = len(heard.events)
    wait_for(lambda: len(heard.events) > told)


def test_the_result_is_read_without_torch(run_script: Callable[..., Any], no_torch: str) -> None:
    read = run_script(
        no_torch
        + "import napari_unet.training.outcome, napari_unet.core.acceptance_report\n"
        + "assert 'torch' not in sys.modules\n"
    )
    assert read.returncode == 0, read.stderr
