"""What an export, a thumbnail and a report show of an image: what its reader saw."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
import tifffile
from export_rooms import READER, Room, finished, lungs
from PIL import Image

from napari_unet.core.raster import Raster
from napari_unet.core.window import display_pixels
from napari_unet.io.formats import read_raster
from napari_unet.review.exporting.export import Format, export_steps
from napari_unet.review.exporting.pixels import as_bytes, upright
from napari_unet.review.scan import scan_steps
from napari_unet.review.types import Author, AuthorKind, NewCase

_CASES = Path(__file__).parents[1] / "data" / "cases"
_RAMP = np.tile(np.linspace(100, 4000, 60).astype(np.uint16), (50, 1))


def _exported(tmp_path, name):
    """The folder of an export of one sample with a mask, and the case's id."""
    room = Room(tmp_path)
    ((case, _),) = room.project.add([NewCase(str(_CASES / name))], READER)
    finished(scan_steps(room.project, [case]))
    room.ids["sample"] = case
    shape = read_raster(_CASES / name).shape
    room.project.add_revision(case, lungs(shape), Author(AuthorKind.MODEL, "m"))
    room.decide("sample")
    finished(export_steps(room.project, room.out, tuple(Format)))
    return room.out, case


def _seen(name):
    """As napari shows the layer that our reader makes."""
    napari_layers = pytest.importorskip("napari.layers")
    from napari_unet.npe2_io import get_reader

    ((pixels, options, _),) = get_reader(str(_CASES / name))(str(_CASES / name))
    layer = napari_layers.Image(pixels, **options)
    low, high = layer.contrast_limits
    scaled = np.clip((layer.data.astype(np.float64) - low) / (high - low), 0, 1)
    return layer.colormap.map(scaled.ravel())[:, 0].reshape(layer.data.shape) * 255


@pytest.mark.parametrize(
    "name", ["mono1_window.dcm", "window_outside.dcm", "padding_65535.dcm", "negative_cr.dcm"]
)
def test_every_format_has_what_the_reader_saw(tmp_path, name):
    out, case = _exported(tmp_path, name)
    seen = _seen(name)
    assert seen.std() > 15 and seen.max() > 100
    coco = np.asarray(Image.open(out / "coco" / "images" / f"{case}.png"))
    assert np.abs(coco - seen).max() <= 1.5
    as_png = np.asarray(Image.open(out / "png" / "images" / f"{case}.png")).astype(float)
    as_tiff = tifffile.imread(out / "tiff" / "images" / f"{case}.tif").astype(float)
    as_nifti = np.asarray(nibabel.load(next((out / "nifti" / "images").glob("*.nii*"))).dataobj).squeeze().T
    inside = (seen > 0) & (seen < 255)
    for pixels in (as_png, as_tiff, as_nifti):
        assert np.corrcoef(pixels[inside], seen[inside])[0, 1] > 0.99
        if name.startswith("padding"):
            assert pixels.max() < 5000 and (pixels[:24] == pixels.min()).all()


@pytest.mark.parametrize("inverted", [None, False, True])
@pytest.mark.parametrize("window", [None, (1000.0, 2000.0), (60000.0, 60100.0)])
@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("border", [0, 7])
def test_upright_pixels_look_as_the_image_does(inverted, window, dtype, border):
    pixels = _RAMP.astype(dtype)
    pixels[:border] = 65535 if dtype == np.uint16 else -3
    padding = (float(pixels[0, 0]),) * 2 if border else None
    raster = Raster(pixels, window=window, inverted=inverted, padding=padding)
    straight = upright(raster)
    assert not straight.inverted and straight.padding is None
    assert np.abs(as_bytes(straight).astype(int) - display_pixels(raster)).max() <= 1


def test_a_float_image_that_is_inverted_has_no_white_holes():
    pixels = np.where(np.arange(60) == 7, np.nan, _RAMP.astype(np.float32))
    straight = upright(Raster(pixels, inverted=True))
    assert (straight.pixels[:, 7] == straight.pixels.min()).all()


@pytest.mark.parametrize("name", ["mono1_window.dcm", "window_outside.dcm", "padding_65535.dcm"])
def test_a_thumbnail_is_the_same_picture(name):
    pytest.importorskip("napari")
    from napari_unet.widgets.casework.pictures import drawn

    raster = read_raster(_CASES / name)
    small = Image.fromarray(display_pixels(raster))
    small.thumbnail((96, 96), Image.Resampling.BOX)
    np.testing.assert_array_equal(drawn(raster, None)[..., 0], np.asarray(small))
