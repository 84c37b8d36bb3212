"""The sizes of a mask in words, in units that are known."""

from __future__ import annotations

import numpy as np

from napari_unet.core.lung_measures import lung_measures
from napari_unet.core.measure import measure
from napari_unet.core.raster import Modality, Raster
from napari_unet.widgets.segment.report_view import sizes


def test_each_lung_of_a_volume_is_measured_in_millilitres():
    labels = np.zeros((10, 20, 30), np.uint8)
    labels[:, :10, :10], labels[:, :10, 20:25] = 1, 2
    table = sizes(measure(labels > 0, (5.0, 2.0, 2.0), "L", labels=labels))
    assert [row.split("</tr>")[0] for row in table.split("<tr>")[1:]] == [
        f"<td>{name}</td><td align=right>&nbsp;&nbsp;{ml} mL</td><td align=right>&nbsp;&nbsp;{n} voxels</td>"
        for name, ml, n in (("Right lung", 20, "1,000"), ("Left lung", 10, "500"), ("Both", 30, "1,500"))
    ]
    assert "ratio: 0.50" in table
    raster = Raster(np.full(labels.shape, -800, np.int16), spacing_mm=(5.0, 2.0, 2.0), modality=Modality.CT)
    cut = sizes(measure(labels > 0, (5.0, 2.0, 2.0), "L", labels=labels), lung_measures(labels, raster))
    assert all(f"at least {ml} mL</td>" in cut for ml in (20, 10, 30))
    assert "The scan ends within the lungs, at its first and last slice." in cut


def test_an_image_is_measured_in_square_millimetres_and_without_spacing_in_pixels():
    mask = np.zeros((20, 30), bool)
    mask[5:15, 2:12], mask[5:15, 18:28] = True, True
    assert "50 mm²" in sizes(measure(mask, (0.5, 0.5), "L"))
    assert "Pixel size unknown" in (plain := sizes(measure(mask))) and "mm²" not in plain
    assert sizes(measure(np.zeros((4, 4), bool))) == "No lung in the mask."
