"""Files that napari's own reader opens: what it drops or shows otherwise is read again from the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from dock_fakes import settle, two_lungs, words
from napari.components import ViewerModel
from napari.layers import Image, Labels
from PIL import Image as Picture

from napari_unet.core.errors import UserError
from napari_unet.io.formats import read_raster
from napari_unet.widgets.common.layers import HEADER, raster_source
from napari_unet.widgets.finetune.layer_pairs import pairs_of

CASES = Path(__file__).parents[2] / "data" / "cases"
_GREY = np.add.outer(np.arange(48) * 2, np.arange(64) * 2).astype(np.uint8)


@pytest.fixture
def segment_file(dock, viewer, click_segment, qtbot):
    """Open a file as napari does, click on Segment; returns (job, the mask's layer)."""

    def segment(path):
        viewer.open(str(path), plugin="napari")
        job = click_segment()
        raster = job.arguments["raster"]
        job.end(two_lungs(raster.shape, raster.spacing_mm))
        qtbot.waitUntil(lambda: dock._job is None)
        settle(qtbot, dock)
        (mask,) = (layer for layer in viewer.layers if isinstance(layer, Labels))
        return job, mask

    return segment


def _rgb16(path: Path) -> Path:
    imagecodecs = pytest.importorskip("imagecodecs")
    path.write_bytes(imagecodecs.png_encode(np.dstack([_GREY.astype(np.uint16) * 300] * 3)))
    return path


def _planar(path: Path) -> Path:
    tifffile.imwrite(path, np.stack([_GREY] * 3), photometric="rgb", planarconfig="separate")
    return path


def _gif(path: Path) -> Path:
    Picture.fromarray(_GREY).save(path)
    return path


def _mpo(path: Path) -> Path:
    Picture.fromarray(_GREY).save(
        path, format="MPO", save_all=True, append_images=[Picture.fromarray(_GREY[::2, ::2].copy())]
    )
    return path


@pytest.mark.parametrize("name", ["grey_alpha.png", "orientation6.jpg"])
def test_a_picture_that_napari_shows_otherwise_is_opened_again(dock, viewer, segment_file, name):
    job, mask = segment_file(CASES / name)
    expected = read_raster(CASES / name)
    np.testing.assert_array_equal(job.arguments["raster"].pixels, expected.pixels)
    images = [layer for layer in viewer.layers if not isinstance(layer, Labels)]
    assert len(images) == 1 and images[0].name == Path(name).stem
    np.testing.assert_array_equal(images[0].data, expected.pixels)
    assert mask.data.shape == images[0].data.shape == (256, 256)
    assert dock.image.layer() is images[0]
    assert any("opened again" in note for note in job.arguments["raster"].notes)
    assert viewer.dims.ndim == 2


def test_the_pixel_size_of_a_tiff_is_known_and_said(dock, viewer, segment_file):
    job, mask = segment_file(CASES / "imagej_0.2mm.tif")
    assert job.arguments["raster"].spacing_mm == pytest.approx((0.2, 0.2))
    assert any("0.2 × 0.2 mm (ImageJ" in note for note in job.arguments["raster"].notes)
    image = viewer.layers[0]
    assert tuple(image.scale) == tuple(mask.scale) == (1, 1), "the spacing counts once"
    pixels = int(np.count_nonzero(mask.data))
    assert f"{pixels * 0.04:,.0f} mm²" in words(dock, "sizes")


def test_white_is_zero_is_shown_so(viewer, segment_file, tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", _GREY, photometric="miniswhite")
    job, _ = segment_file(tmp_path / "a.tif")
    np.testing.assert_array_equal(job.arguments["raster"].pixels, _GREY)
    assert job.arguments["raster"].inverted is True
    assert viewer.layers[0].colormap.name == "gray_r"


def test_pixels_that_the_user_changed_are_not_replaced(viewer, dock, click_segment):
    (layer,) = viewer.open(str(CASES / "grey_alpha.png"), plugin="napari")
    layer.data = changed = layer.data[..., 0] // 2
    np.testing.assert_array_equal(click_segment().arguments["raster"].pixels, changed)
    assert list(viewer.layers) == [layer]


def test_what_was_painted_over_it_before_is_kept_and_told(viewer, dock, click_segment):
    (old,) = viewer.open(str(CASES / "orientation6.jpg"), plugin="napari")
    painted = viewer.add_labels(np.ones(old.data.shape, np.uint8), name="painted")
    click_segment()
    new = dock.image.layer()
    assert list(viewer.layers) == [new, old, painted]
    assert new.visible and not old.visible and not painted.visible
    assert (painted.data == 1).all() and "painted" in words(dock, "message")


def test_closing_the_image_meanwhile_is_said(viewer, dock, qtbot):
    viewer.open(str(CASES / "grey_alpha.png"), plugin="napari")
    dock.run.click()
    assert not dock.run.isEnabled() and dock.cancel.isEnabled()
    viewer.layers.clear()
    qtbot.waitUntil(lambda: dock._job is None)
    assert "closed or replaced" in words(dock, "status")


# -- whoever asks for a raster: no window needed --


def opened(path) -> Image:
    """The layer that napari's own reader makes of a file."""
    (layer,) = ViewerModel().open(str(path), plugin="napari")
    return layer


@pytest.mark.parametrize(
    "name", ["grey_alpha.png", "cmyk.jpg", "imagej_0.2mm.tif", "orientation2.jpg", "orientation6.jpg"]
)
def test_a_raster_is_that_of_the_file(name):
    layer = opened(CASES / name)
    raster, expected = raster_source(layer)(), read_raster(CASES / name)
    np.testing.assert_array_equal(raster.pixels, expected.pixels)
    assert raster.spacing_mm == expected.spacing_mm
    assert HEADER not in layer.metadata, "looking changes nothing"


@pytest.mark.parametrize(
    ("name", "make"), [("a.png", _rgb16), ("a.tif", _planar), ("a.gif", _gif), ("a.jpg", _mpo)]
)
def test_other_pictures_are_as_on_the_command_line(tmp_path, name, make):
    raster = raster_source(opened(make(tmp_path / name)))()
    np.testing.assert_array_equal(raster.pixels, read_raster(tmp_path / name).pixels)


def test_a_stack_with_a_pixel_size(tmp_path):
    sizes = {"axes": "ZYX", "PhysicalSizeX": 500, "PhysicalSizeY": 400, "PhysicalSizeZ": 2000}
    tifffile.imwrite(tmp_path / "a.ome.tif", np.stack([_GREY] * 5), ome=True, metadata=sizes)
    layer = opened(tmp_path / "a.ome.tif")
    assert raster_source(layer)().spacing_mm == pytest.approx((2, 0.4, 0.5))
    assert raster_source(layer, index=(3,))().spacing_mm == pytest.approx((0.4, 0.5))


def test_what_the_user_set_as_scale_goes_first():
    layer = opened(CASES / "imagej_0.2mm.tif")
    layer.scale, layer.units = (0.5, 0.5), ("mm", "mm")
    assert raster_source(layer)().spacing_mm == pytest.approx((0.5, 0.5))


@pytest.mark.parametrize("name", ["grey_alpha.png", "imagej_0.2mm.tif", "orientation6.jpg"])
def test_changed_pixels_count_and_keep_their_size(name):
    layer = opened(CASES / name)
    changed = layer.data[..., 0] if layer.ndim == 3 else layer.data
    layer.data = changed = changed // 2 + np.eye(256, dtype=np.uint8)
    raster = raster_source(layer)()
    np.testing.assert_array_equal(raster.pixels, changed)
    assert raster.spacing_mm == (pytest.approx((0.2, 0.2)) if name.endswith("tif") else None)


def test_a_layer_whose_file_is_gone_is_taken_as_it_is(tmp_path):
    Picture.fromarray(_GREY).save(tmp_path / "a.png")
    layer = opened(tmp_path / "a.png")
    (tmp_path / "a.png").unlink()
    np.testing.assert_array_equal(raster_source(layer)().pixels, _GREY)


def test_a_colour_photograph_stays_refused(tmp_path):
    Picture.fromarray(np.dstack([_GREY, _GREY[::-1], 255 - _GREY])).save(tmp_path / "a.png")
    with pytest.raises(UserError, match="colour picture"):
        raster_source(opened(tmp_path / "a.png"))()


def drawn_over(layer) -> Labels:
    """A mask as a user paints it over what napari shows."""
    mask = np.zeros(layer.data.shape[:2], np.uint8)
    mask[:100, :40] = 1
    return Labels(mask, name="painted")


def test_a_pair_of_a_turned_picture_is_brought_upright_with_its_mask():
    layer = opened(CASES / "orientation6.jpg")
    mask = drawn_over(layer)
    ((pair, name),) = pairs_of([(layer, mask)])()
    expected = read_raster(CASES / "orientation6.jpg")
    np.testing.assert_array_equal(pair.image.pixels, expected.pixels)
    np.testing.assert_array_equal(pair.mask, np.rot90(mask.data, -1))
    assert name == "painted" and pair.image.source == ""


def test_pairs_know_the_size_and_the_values_of_the_file():
    layers = [opened(CASES / name) for name in ("imagej_0.2mm.tif", "cmyk.jpg")]
    (tiff, _), (cmyk, _) = pairs_of([(layer, drawn_over(layer)) for layer in layers])()
    assert tiff.image.spacing_mm == pytest.approx((0.2, 0.2))
    np.testing.assert_array_equal(cmyk.image.pixels, read_raster(CASES / "cmyk.jpg").pixels)
    np.testing.assert_array_equal(tiff.mask, drawn_over(layers[0]).data)


def test_a_mask_over_what_is_no_image_of_the_file_is_refused_with_the_remedy():
    layer = opened(CASES / "grey_alpha.png")
    with pytest.raises(UserError, match="press Segment"):
        pairs_of([(layer, Labels(np.ones(layer.data.shape, np.uint8)))])()
