"""A review of small made-up X-rays, in a real viewer on a real project, with an obedient engine."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from job_fakes import until_calm
from PIL import Image as Picture
from qtpy.QtWidgets import QApplication

from napari_unet.core.prediction import Prediction
from napari_unet.io.formats import read_raster
from napari_unet.review.saving.save_state import Saving
from napari_unet.review.store import ReviewProject
from napari_unet.review.types import Author, AuthorKind, Case, NewCase
from napari_unet.widgets.session import session_of

MODEL = Author(AuthorKind.MODEL, "test-lung", "1.0")
SHAPE = (60, 80)


def write_images(folder: Path, count: int, shape: tuple[int, int] = SHAPE) -> list[Path]:
    """X-rays 0.png, 1.png, …, all different."""
    folder.mkdir(exist_ok=True)
    paths = []
    for number in range(count):
        ramp = np.add.outer(np.arange(shape[0]), np.arange(shape[1])) + 3 * number
        paths.append(folder / f"{number}.png")
        Picture.fromarray((ramp % 251).astype(np.uint8)).save(paths[-1])
    return paths


def write_stack(path: Path, shape: tuple[int, int, int] = (6, 40, 50)) -> Path:
    """A CT of 4 mm slices with pixels of 1.5 mm."""
    values = np.random.default_rng(0).integers(-1000, 500, shape[::-1]).astype(np.int16)
    nib.save(nib.Nifti1Image(values, np.diag([1.5, 1.5, 4.0, 1.0])), path)
    return path


def lungs(shape: tuple[int, ...]) -> np.ndarray:
    """A mask with two boxes."""
    mask = np.zeros(shape, np.uint8)
    height, width = shape[-2:]
    mask[..., height // 4 : -height // 4, width // 8 : 3 * width // 8] = 1
    mask[..., height // 4 : -height // 4, 5 * width // 8 : -width // 8] = 1
    return mask


class Review:
    """What a test needs of one review: the case work, what it reported, and ways to wait for it."""

    def __init__(self, viewer: Any, qtbot: Any, folder: Path) -> None:
        self.viewer = viewer
        self.qtbot = qtbot
        self.folder = folder
        self.session = session_of(viewer)
        self.session.attach(self)
        self.work = self.session.casework
        self.work.set_reviewer("Ann")
        self.opened: list[Case] = []
        self.failures: list[Any] = []
        self.news: list[str] = []
        self.recovered: list[str] = []
        self.work.case_opened.connect(self.opened.append)
        self.work.failed.connect(self.failures.append)
        self.work.reported.connect(self.news.append)
        self.work.recovered.connect(self.recovered.append)

    def start(self, images: list[Path], masks: bool | list[np.ndarray] = True) -> list[str]:
        """Open a new project with these images, and a model's mask of each; returns the case ids.

        masks : the masks themselves, True for two boxes in each.
        """
        with ReviewProject.create(self.folder) as project:
            ids = [id for id, _ in project.add([NewCase(str(path)) for path in images], "Ann")]
            if masks is True:
                masks = [lungs(read_raster(path).shape) for path in images]
            for id, mask in zip(ids, masks or (), strict=bool(masks)):
                project.add_revision(id, mask, MODEL)
        self.reopen()
        return ids

    def reopen(self) -> None:
        """Open the project again."""
        self.work.open_project(self.folder)
        self.qtbot.waitUntil(lambda: self.work.project is not None)

    def open(self, id: str) -> Any:
        """Open a case; returns its mask layer."""
        self.work.navigator.open_case(id)
        self.until_open(id)
        return self.work.current_layer

    def until_open(self, id: str) -> None:
        """Wait until a case is open."""
        self.qtbot.waitUntil(lambda: self.work.current is not None and self.work.current.id == id)

    def settle(self) -> None:
        """Wait until nothing is read or written any more, and all of it was reported."""

        def is_calm() -> bool:
            link = self.work.connection
            if link.worker is not None:
                assert link.worker.flush(20)
                assert link.saver.flush(20)
                with link.saver._telling:
                    if isinstance(link.saver._told, Saving):  # its thread is about to report more
                        return False
            return not link._jobs

        until_calm(self.qtbot, is_calm)

    def saved(self, id: str) -> np.ndarray:
        """The current mask of a case as it lies on the disk."""
        self.settle()
        project = self.work.project
        return project.read_mask(project.case(id).revision)

    def journaled(self, id: str) -> np.ndarray | None:
        """The mask that would be found after a crash now."""
        from napari_unet.review.saving.recovery import unsaved_work

        recorder = self.work.presenter.recorder
        if recorder is not None:
            recorder._save_later.cancel()  # on a busy machine it would be a revision by then
        self.settle()
        found = unsaved_work(self.work.project, id)
        if recorder is not None:
            recorder._save_later()  # nothing is saved if nothing was changed
        return found

    def close(self, dock: Any = None) -> None:
        """The last dock is closed; wait until everything is written. dock : one that is open, if any."""
        worker = self.work.connection.worker
        self.session.detach(self)
        if dock is not None:
            dock.setParent(None)
        if worker is not None:
            assert worker.join(20)


def stroke(layer: Any, *points: tuple[float, ...], label: int = 1, size: int = 7) -> None:
    """Paint through these points, as one stroke of the brush."""
    layer.brush_size = size
    with layer.block_history():
        for point in points:
            layer.paint(point, label)


def wait_seconds(qtbot: Any, seconds: float) -> None:
    """Let the event loop run."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.005)


def first_mask(shape: tuple[int, ...] = SHAPE) -> Prediction:
    """What the engine would say."""
    labels = lungs(shape)
    probability = (labels[::2, ::2] * 250).astype(np.uint8)
    probability[5:15, 5:15] = 127
    return Prediction(
        probability[None],
        shape=shape,
        model="test-lung",
        version="1.0",
        drawn=labels,
        boundary_uncertainty=0.25,
        checks=("holes",),
    )


def asked(review: Review, engine: Any, count: int) -> Any:
    """The newest job of the engine, once there are so many."""
    review.qtbot.waitUntil(lambda: len(engine.jobs) == count)
    return engine.jobs[-1]
