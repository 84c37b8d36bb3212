from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import napari_unet
from napari_unet import npe2_io
from napari_unet.io.formats import read_mask, read_raster
from napari_unet.resources_path import resource
from napari_unet.samples import CT, CT_2, SAMPLES


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.key)
def test_each_sample_has_an_image_a_mask_and_credits(sample):
    image, mask = read_raster(sample.image), read_mask(sample.mask)
    assert image.shape == mask.shape == (512, 512)
    assert set(np.unique(mask)) == {0, 255}
    assert sample.image.name in resource("samples", "CREDITS.md").read_text(encoding="utf-8")


def test_the_ct_has_a_mask_of_its_size_and_opens_with_it():
    image, mask = read_raster(CT.image), read_mask(CT.mask)
    assert image.shape == mask.shape and image.spacing_mm == (4, 4, 4)
    assert set(np.unique(mask)) == {0, 1}
    assert CT.image.name in resource("samples", "CREDITS.md").read_text(encoding="utf-8")
    (pixels, options, kind), (labels, _, labels_kind) = npe2_io.sample_ct()
    assert (kind, labels_kind) == ("image", "labels")
    assert pixels.shape == labels.shape and options["scale"] == (4, 4, 4)
    assert pixels.min() < -900  # HU


def test_the_other_ct_opens_as_a_ct_in_its_place():
    ((pixels, options, kind),) = npe2_io.sample_ct_2()
    assert (kind, options["name"]) == ("image", CT_2.key) and pixels.shape == (84, 110, 110)
    assert options["scale"] == pytest.approx((3.97, 4, 4), abs=0.01) and pixels.min() < -900  # HU
    assert options["metadata"]["napari_unet"]["modality"] == "CT"
    assert options["metadata"]["napari_unet"]["affine"] is not None
    assert CT_2.image.name in resource("samples", "CREDITS.md").read_text(encoding="utf-8")


def test_resources_are_found_inside_an_installed_package(tmp_path):
    package = tmp_path / "napari_unet"
    (package / "resources" / "samples").mkdir(parents=True)
    for name in ("__init__.py", "resources_path.py"):
        shutil.copy(Path(napari_unet.__file__).with_name(name), package)
    code = "from napari_unet.resources_path import resource; print(resource('samples', 'a.png'))"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert Path(ran.stdout.strip()) == package / "resources" / "samples" / "a.png"
