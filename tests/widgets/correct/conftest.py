"""A window with the Correct dock, a made-up chest, and a mask of one of its lungs."""

from __future__ import annotations

from weakref import ref

import numpy as np
import pytest
from correct_hands import MaskHands

from napari_unet.widgets.common.colours import mask_colormap
from napari_unet.widgets.common.mask_context import MaskContext
from napari_unet.widgets.correct import CorrectWidget
from napari_unet.widgets.session import session_of

SHAPE = (128, 160)


def chest(shape=SHAPE) -> np.ndarray:
    """Two dark lungs in a bright body, with some noise."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    image = np.full(shape, 180.0)
    image[(rows > 10) & (rows < 120) & (columns > 20) & (columns < 76)] = 40
    image[(rows > 10) & (rows < 120) & (columns > 90) & (columns < 146)] = 40
    image[:, 40:42] = 200  # a wall within the right lung, with lung on either side
    image[110:, 40:42] = 40
    return (image + np.random.default_rng(0).normal(0, 3, shape)).astype(np.uint8)


def first_mask(shape=SHAPE) -> np.ndarray:
    """uint8: a rectangle of 40×20 within the dark lung on the image's left."""
    mask = np.zeros(shape, np.uint8)
    mask[60:100, 56:76] = 1
    return mask


@pytest.fixture
def viewer(make_napari_viewer):
    viewer = make_napari_viewer(show=True)
    viewer.window._qt_window.resize(1000, 600)
    return viewer


@pytest.fixture
def dock(viewer):
    """The Correct dock in its viewer."""
    widget = CorrectWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Correct")
    return widget


@pytest.fixture
def hands(viewer, dock, qtbot) -> MaskHands:
    return MaskHands(viewer, dock, qtbot)


@pytest.fixture
def case(viewer, dock, hands):
    """(image layer, mask layer) that nothing more is known about."""
    image = viewer.add_image(chest(), name="chest")
    mask = viewer.add_labels(first_mask(), name="mask", colormap=mask_colormap())
    hands.ready()
    return image, mask


@pytest.fixture
def known(viewer, dock, hands):
    """(image layer, mask layer) with probability, first mask and spacing."""
    image = viewer.add_image(chest(), name="chest")
    mask = viewer.add_labels(first_mask(), name="mask", colormap=mask_colormap())
    _, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    probability = np.clip((columns - 30) / 60, 0, 1).astype(np.float32)
    context = MaskContext(
        ref(image),
        spacing_mm=(0.5, 0.5),
        row_direction="L",
        probability=lambda lead: probability,
        model_mask=first_mask,
    )
    session_of(viewer).keep_context(mask, context)
    hands.ready()
    return image, mask
