"""The doors between layers and rasters: copies, spacing once, headers that still fit."""

from __future__ import annotations

import dask.array
import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image

from napari_unet.core.errors import UserError
from napari_unet.core.raster import Modality, Raster
from napari_unet.widgets.common.layers import (
    HEADER,
    placement,
    raster_source,
    show_map,
    show_mask,
    slice_in_view,
    spacing_of,
)

TURNED = np.array([[0.0, -1, 3], [1, 0, 4], [0, 0, 1]])


def test_the_raster_is_a_copy():
    layer = Image(np.zeros((4, 5), np.uint16), name="chest")
    raster = raster_source(layer)()
    layer.data[0, 0] = 9
    assert raster.pixels[0, 0] == 0 and raster.pixels.dtype == np.uint16
    assert raster.source == "chest"


def test_no_units_no_spacing():
    assert raster_source(Image(np.zeros((4, 5)), scale=(0.2, 0.2)))().spacing_mm is None


@pytest.mark.parametrize("unit, factor", [("mm", 1), ("um", 0.001), ("cm", 10)])
def test_spacing_from_scale_and_units(unit, factor):
    layer = Image(np.zeros((4, 5)), scale=(2, 3), units=unit)
    assert np.allclose(raster_source(layer)().spacing_mm, (2 * factor, 3 * factor))


def test_scale_and_affine_are_both_taken():
    layer = Image(np.zeros((4, 5)), scale=(2, 3), affine=np.diag([2.0, 2, 1]) @ TURNED, units="mm")
    assert np.allclose(spacing_of(layer), (4, 6))


def test_one_axis_without_a_length_is_no_spacing():
    layer = Image(np.zeros((3, 4, 5)), units=("pixel", "mm", "mm"))
    assert spacing_of(layer) is None


def test_the_readers_header_is_kept():
    header = Raster(
        np.zeros((4, 5)), (0.2, 0.3), "PixelSpacing", modality=Modality.DX, inverted=True, row_direction="R"
    ).header()
    layer = Image(np.zeros((4, 5)), scale=(0.2, 0.3), units="mm", metadata={HEADER: header})
    raster = raster_source(layer)()
    assert raster.header() == header


def test_a_spacing_that_the_user_corrected_goes_first():
    header = Raster(np.zeros((4, 5)), (0.2, 0.3), "PixelSpacing", view="PA").header()
    layer = Image(np.zeros((4, 5)), scale=(0.5, 0.5), units="mm", metadata={HEADER: header})
    raster = raster_source(layer)()
    assert raster.spacing_mm == (0.5, 0.5) and "PixelSpacing" not in raster.spacing_source
    assert raster.view == "PA"


def test_a_header_of_another_shape_loses_what_does_not_fit():
    header = Raster(np.zeros((3, 4, 5)), (1, 0.2, 0.3), affine=np.eye(4), view="PA").header()
    raster = raster_source(Image(np.zeros((4, 5)), metadata={HEADER: header}))()
    assert raster.spacing_mm is None and raster.affine is None and raster.view == "PA"


def test_metadata_of_others_does_no_harm():
    raster_source(Image(np.zeros((4, 5)), metadata={HEADER: "?"}))()
    raster_source(Image(np.zeros((4, 5)), metadata={HEADER: {"from the future": 1}}))()


def test_a_slice_has_its_own_spacing_and_no_volume_affine():
    data = np.arange(60).reshape(3, 4, 5)
    header = Raster(data, (5.0, 0.2, 0.3), affine=np.eye(4), frame="nifti").header()
    raster = raster_source(Image(data, metadata={HEADER: header}), index=(2,))()
    assert np.array_equal(raster.pixels, data[2])
    assert raster.spacing_mm == (0.2, 0.3)
    assert raster.affine is None and raster.frame is None


def test_lazy_and_multiscale_data():
    data = np.random.default_rng(0).random((40, 60))
    assert np.array_equal(raster_source(Image(dask.array.from_array(data)))().pixels, data)
    pyramid = Image([data, data[::2, ::2]], multiscale=True)
    assert np.array_equal(raster_source(pyramid)().pixels, data)


def test_colour_is_refused_and_grey_rgba_is_not():
    grey = np.full((4, 5, 1), 7, np.uint8)
    rgba = np.concatenate([grey, grey, grey, np.full_like(grey, 255)], axis=2)
    assert np.array_equal(raster_source(Image(rgba, rgb=True))().pixels, grey[..., 0])
    rgba[..., 0] = 200
    with pytest.raises(UserError, match="colour"):
        raster_source(Image(rgba, rgb=True))()


@pytest.mark.parametrize("index", [None, (2,)])
def test_a_mask_lies_where_its_image_lies(index):
    viewer = ViewerModel()
    image = viewer.add_image(
        np.zeros((3, 4, 5)),
        scale=(5, 0.2, 0.3),
        translate=(1, 2, 3),
        rotate=(10, 20, 30),
        shear=(0.1, 0.2, 0.3),
        affine=np.diag([1.0, -1, 2, 1]),
        units="mm",
    )
    shape, first = ((3, 4, 5), 0) if index is None else ((4, 5), 2)
    mask = show_mask(viewer, np.zeros(shape, np.uint8), image, name="m", index=index)
    chart = show_map(viewer, np.zeros(shape, np.float32), image, name="p", index=index)
    for layer in (mask, chart):
        assert np.allclose(layer.data_to_world((0, 1, 2)), image.data_to_world((first, 1, 2)))
        assert layer.units == image.units
    assert viewer.layers.selection.active is chart


def test_placement_takes_the_spacing_once():
    image = Image(np.zeros((4, 5)), affine=np.diag([2.0, 3, 1]), units="mm")
    where = placement(image)
    assert np.allclose(where["scale"], 1) and np.allclose(where["affine"], np.diag([2, 3, 1]))


def test_slice_in_view_follows_the_slider_and_the_layers_own_place():
    viewer = ViewerModel()
    image = viewer.add_image(np.zeros((5, 8, 8)), scale=(2, 1, 1), translate=(10, 0, 0))
    viewer.dims.set_point(0, 16)
    assert slice_in_view(viewer, image) == (3,)
    viewer.dims.order = (1, 0, 2)
    with pytest.raises(UserError, match="does not show the slices"):
        slice_in_view(viewer, image)


def test_slice_in_view_of_a_layer_with_fewer_axes_than_the_viewer():
    viewer = ViewerModel()
    image = viewer.add_image(np.zeros((5, 8, 8)))
    viewer.add_image(np.zeros((7, 5, 8, 8)))
    viewer.dims.set_point((0, 1), (6, 3))
    assert slice_in_view(viewer, image) == (3,)
