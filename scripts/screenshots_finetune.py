"""The pictures of the Fine-tune dock: eight corrected X-rays become a model, with the shipped one and a real
training; this takes some minutes."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from screenshots_review import ReviewDesk  # isort: skip  # before Qt and napari

from napari_unet.models.library import default_library
from napari_unet.review.add import add_found, attach_masks, gather
from napari_unet.review.store import ReviewProject
from napari_unet.widgets.finetune.training import BUSY

_DATA = Path(__file__).parents[1] / "tests" / "data" / "covid"
_REVIEWER = "A. Example"
_WIDTH = 400  # of the dock
_ACCEPTED = 8
_PATIENCE_S = 1200.0


def take(folder: Path) -> None:
    """All pictures. folder : where they go, absolute."""
    os.chdir(tempfile.mkdtemp(prefix="clinic-"))  # so that the pictures show no path of this computer
    shutil.copytree(_DATA / "images", "X-rays")
    _correct(Path("X-rays review"))
    desk = ReviewDesk(folder)
    dock = desk.dock("Fine-tune", _WIDTH, tabify=True)
    desk.work.set_reviewer(_REVIEWER)
    desk.work.open_project(Path("X-rays review"))
    desk.wait_until(lambda: desk.work.current is not None, "case")
    desk.front(dock)
    times = dock.setup.presets.times
    desk.wait_until(lambda: times["quick"].text().startswith("about"), "estimate")
    desk.picture("fine-tune")

    desk.click(dock.setup.start)
    desk.wait_until(dock.setup.choice.isVisible, "question about the protocol")
    desk.click(dock.setup.choice.other)
    desk.wait_until(lambda: dock.training.stage in BUSY, "training")
    dock.run.watch.setChecked(True)
    desk.wait_until(lambda: _is_far(dock.training.progress), "second part", _PATIENCE_S)
    desk.picture("fine-tune-running")

    desk.wait_until(lambda: dock.training.stage not in BUSY, "new model", _PATIENCE_S)
    desk.wait(1.0)
    desk.picture("fine-tune-gate")

    desk.click(dock.acceptance.take)
    desk.wait_until(dock.setup.isVisible, "answer")
    desk.wait(3.0)
    desk.picture("fine-tune-taken")
    desk.work.close_project()
    desk.wait(2.0)
    desk.close()


def _correct(project: Path) -> None:
    """A project in which the first X-rays have the masks of a radiologist, and are accepted."""
    with ReviewProject.create(project, default_library().find("cxr-lung").card.output.protocol) as made:
        ids = [id for id, _ in add_found(made, gather([Path("X-rays")]), _REVIEWER)]
        for _ in attach_masks(made, ids[:_ACCEPTED], _DATA / "masks", _REVIEWER, accept=True):
            pass


def _is_far(progress: object) -> bool:
    """In the middle of the second part, with a picture of a held-out case."""
    parts, last = progress.parts, progress.last
    return bool(parts) and parts[-1].part == 2 and last is not None and last.step > 0.6 * last.steps
