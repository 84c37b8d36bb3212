"""Our keys clash with nothing, and are given back."""

from __future__ import annotations

import napari.layers
import numpy as np
import pytest
from app_model.types import KeyBinding
from napari._app_model import get_app_model
from napari.components import ViewerModel
from napari.settings import get_settings
from napari.utils.key_bindings import coerce_keybinding

from napari_unet.widgets.viewing import HINTS, install_viewing
from napari_unet.widgets.viewing.keys import CT_WINDOWS, INVERT, OUTLINE, PRESET, RESET

OURS = (INVERT, RESET, OUTLINE, PRESET, *CT_WINDOWS)
LAYER_TYPES = ("Image", "Labels", "Points", "Shapes", "Surface", "Tracks", "Vectors")


def test_no_key_belongs_to_napari(viewer):
    taken = {str(key) for keys in get_settings().shortcuts.shortcuts.values() for key in keys}
    for kind in (ViewerModel, type(viewer), *(getattr(napari.layers, name) for name in LAYER_TYPES)):
        for base in kind.__mro__:
            taken |= {str(key) for key in getattr(base, "class_keymap", {})}
    taken |= {str(binding.keybinding) for binding in get_app_model().keybindings}
    assert {"V", "P", "Ctrl+Z"} <= taken, "the lists that we look into are the ones in use"
    assert not taken & {str(coerce_keybinding(key)) for key in (*OURS, "PageUp", "PageDown")}


@pytest.mark.parametrize("active", ["chest", "lungs", "points", "shapes", None])
def test_keys_work_whatever_layer_is_active(viewer, viewing, hands, active):
    viewer.add_points(np.zeros((1, 2)), name="points")
    viewer.add_shapes(name="shapes")
    viewer.layers.selection.active = viewer.layers[active] if active else None
    hands.press_key(INVERT)
    hands.press_key(OUTLINE)
    assert viewer.layers["chest"].colormap.name == "gray_r"
    assert viewer.layers["lungs"].contour > 0
    viewer.layers["chest"].contrast_limits = (1, 2)
    hands.press_key(RESET)
    assert viewer.layers["chest"].contrast_limits == [0, 4083]


def test_keys_work_while_painting(viewer, viewing, hands):
    viewer.layers["lungs"].mode = "paint"
    hands.press_key(OUTLINE)
    hands.press_key(INVERT)
    assert viewer.layers["lungs"].contour > 0
    assert viewer.layers["chest"].colormap.name == "gray_r"
    assert viewer.layers["lungs"].mode == "paint"


def test_the_hints_name_every_key_and_the_mouse():
    assert {hint.gesture for hint in HINTS} == {*OURS, "Right-drag", "Middle-drag", "PgUp", "PgDown"}
    assert all(hint.does for hint in HINTS)


def test_removal_leaves_the_viewer_as_it_was(viewer, hands):
    def state():
        events = (
            *viewer.layers.events.emitters.values(),
            *viewer.layers.selection.events.emitters.values(),
            *viewer.dims.events.emitters.values(),
            *viewer.scene.camera.events.emitters.values(),
            *viewer.canvas.grid.events.emitters.values(),
            *(e for layer in viewer.layers for e in layer.events.emitters.values()),
        )
        return (
            dict(viewer.keymap),
            list(viewer.mouse_drag_callbacks),
            list(viewer.canvas.overlays),
            [len(emitter.callbacks) for emitter in events],
            [sorted(vars(layer)) for layer in viewer.layers],
        )

    before = state()
    viewing = install_viewing(viewer)
    assert state() != before
    viewing.remove()
    viewing.remove()
    assert state() == before
    hands.press_key(INVERT)
    assert viewer.layers["chest"].colormap.name == "gray"


def test_installing_twice_gives_the_same(viewer, viewing, hands):
    assert install_viewing(viewer) is viewing
    hands.press_key(INVERT)
    assert viewer.layers["chest"].colormap.name == "gray_r", "once, not twice"


def test_a_proxy_stands_for_its_viewer(make_napari_viewer_proxy):
    proxy = make_napari_viewer_proxy()
    viewing = install_viewing(proxy)
    assert install_viewing(proxy.__wrapped__) is viewing
    viewing.remove()


def test_after_removal_it_can_be_installed_again(viewer, viewing, hands):
    viewing.remove()
    again = install_viewing(viewer)
    assert again is not viewing
    hands.press_key(INVERT)
    assert viewer.layers["chest"].colormap.name == "gray_r"
    again.remove()


def test_a_key_that_somebody_had_is_given_back(viewer, hands):
    pressed = []
    viewer.bind_key(INVERT, lambda _viewer: pressed.append("theirs"))
    viewing = install_viewing(viewer)
    hands.press_key(INVERT)
    assert pressed == []
    viewing.remove()
    hands.press_key(INVERT)
    assert pressed == ["theirs"]


def test_a_key_that_somebody_took_is_left_with_them(viewer, viewing):
    def theirs(_viewer):
        """Of another plug-in."""

    viewer.bind_key(RESET, theirs, overwrite=True)
    viewing.remove()
    assert viewer.keymap[KeyBinding.from_str(RESET)] is theirs
