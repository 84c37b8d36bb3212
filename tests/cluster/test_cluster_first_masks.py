"""First masks for the window: by the window's own child process, on two workers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from cluster_processes import Processes, until

from napari_unet.core.errors import UserError
from napari_unet.core.events import FirstMaskMade
from napari_unet.core.source import Source
from napari_unet.engine import ChildEngine, JobCancelled
from napari_unet.engine.job import EngineJob
from napari_unet.engine.messages import PAUSE, RESUME
from napari_unet.models.library import default_library


@pytest.fixture
def child(tmp_path: Path) -> Iterator[ChildEngine]:
    with ChildEngine(threads=1, log_folder=tmp_path / "logs") as engine:
        yield engine


def ask(engine: ChildEngine, address: str, images: Path, model: str = "auto") -> EngineJob:
    found = {path.stem: Source.of(path) for path in sorted(images.iterdir())}
    return engine.submit("first_masks", address=address, images=found, model=model, library=default_library())


def test_each_case_comes_once(child: ChildEngine, shared: Processes, images: Path) -> None:
    (images / "Kim_08.png").write_bytes(b"no image")
    made: list[FirstMaskMade] = []
    job = ask(child, shared.address, images)
    job.listen(on_progress=made.append)
    job.ask(PAUSE)
    job.ask(RESUME)
    job.result()
    found = {one.case: one for one in made}
    assert sorted(found) == [path.stem for path in sorted(images.iterdir())] and len(made) == 9
    assert "damaged" in str(found["Kim_08"].error) and found["Kim_08"].prediction is None
    first = found["Kim_00"].prediction
    assert first is not None and first.drawn is not None
    assert np.array_equal(np.unique(np.nonzero(first.drawn)[0]), np.arange(10, 30))
    assert "Kim" not in shared.logs()


def test_no_cluster_is_a_user_error(child: ChildEngine, images: Path) -> None:
    with pytest.raises(UserError, match="is no address of a cluster"):
        ask(child, "gpu1", images).result()


def test_a_model_that_workers_do_not_have_is_refused(
    child: ChildEngine, shared: Processes, images: Path, tmp_path: Path
) -> None:
    """It was fine-tuned here, say."""
    import shutil

    from napari_unet.models.library import ModelLibrary
    from napari_unet.resources_path import resource

    shutil.copytree(resource("models") / "cxr-lung", tmp_path / "own" / "mine")
    card = tmp_path / "own" / "mine" / "card.json"
    card.write_text(card.read_text().replace('"name": "cxr-lung"', '"name": "mine"', 1))
    job = child.submit(
        "first_masks",
        address=shared.address,
        images={"one": Source.of(next(images.iterdir()))},
        model="mine",
        library=ModelLibrary(tmp_path / "own"),
    )
    with pytest.raises(UserError, match=r"There is no model named mine.*Import the same model there"):
        job.result()


def test_cancelled_it_leaves_the_cluster_free(
    child: ChildEngine, processes: Processes, toy: Path, images: Path
) -> None:
    (toy / "slow").write_text("0.5")
    processes.scheduler()
    processes.worker("--no-nanny")
    made: list[FirstMaskMade] = []
    job = ask(child, processes.address, images)
    job.listen(on_progress=made.append)
    until(lambda: made, "the first mask")
    job.cancel()
    with pytest.raises(JobCancelled):
        job.result()
    again = ask(child, processes.address, images)  # started a second time
    again.listen(on_progress=made.append)
    again.result()
    assert len({one.case for one in made}) == 8
