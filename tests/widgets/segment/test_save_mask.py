"""Which file a mask is offered to be saved as."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from qtpy.QtWidgets import QFileDialog

from napari_unet.resources_path import resource
from napari_unet.widgets.segment.save_mask import KINDS, ask_where, suggested_path, with_suffix


def result(source="", shape=(4, 5), index=None):
    return SimpleNamespace(header={"source": source}, shape=shape, index=index)


@pytest.mark.parametrize(
    "name, shape, index, expected",
    [
        ("chest.png", (4, 5), None, "chest_mask.png"),
        ("IM0001.dcm", (4, 5), None, "IM0001_mask.png"),
        ("ct.nii.gz", (3, 4, 5), None, "ct_mask.nii.gz"),
        ("flat.nii", (4, 5), None, "flat_mask.nii.gz"),
        ("stack.tif", (3, 4, 5), None, "stack_mask.tif"),
        ("stack.tif", (4, 5), (6,), "stack_7_mask.png"),
    ],
)
def test_beside_the_images_file(tmp_path, name, shape, index, expected):
    source = tmp_path / name
    source.touch()
    assert suggested_path(result(str(source), shape, index)) == tmp_path / expected


def test_an_image_without_a_file_is_saved_at_home():
    assert suggested_path(result("chest")) == Path.home() / "chest_mask.png"
    assert suggested_path(result()) == Path.home() / "image_mask.png"


def test_a_sample_is_not_saved_in_the_package():
    source = next(path for path in resource("samples").iterdir() if path.suffix == ".png")
    assert suggested_path(result(str(source))).parent == Path.home()


def test_a_name_without_a_suffix_gets_that_of_the_kind():
    for kind, suffix in KINDS.items():
        assert with_suffix(Path("a/my mask"), kind).name == "my mask" + suffix
    assert with_suffix(Path("m.1"), "TIFF (*.tif *.tiff)").name == "m.1.tif"
    assert with_suffix(Path("m.NII.GZ"), "PNG (*.png)").name == "m.NII.GZ"


@pytest.mark.parametrize("answer, expected", [(("", ""), None), (("/x/m", "PNG (*.png)"), Path("/x/m.png"))])
def test_the_dialogs_answer(monkeypatch, answer, expected):
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *arguments: answer)
    assert ask_where(None, result("chest")) == expected
