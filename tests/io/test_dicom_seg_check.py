"""A DICOM segmentation is read again before it is said to be saved: by which programs, and what is said."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pydicom
import pytest
from seg_rooms import BY_MODEL, errors_of, lungs, program

from napari_unet.core.errors import UserError
from napari_unet.core.label_set import LUNGS, RIGHT_AND_LEFT
from napari_unet.core.raster import Raster
from napari_unet.io import dicom_seg_check
from napari_unet.io.dicom_seg import write_seg


def without_dcmqi(monkeypatch: pytest.MonkeyPatch, instead: Path | None = None) -> None:
    """Another program in its place, or none."""
    real = dicom_seg_check._program
    fake = None if instead is None else str(instead)
    monkeypatch.setattr(
        dicom_seg_check, "_program", lambda name: fake if name == dicom_seg_check.READER else real(name)
    )


def test_a_file_that_others_read_otherwise_is_not_saved(
    tmp_path: Path, ct: Raster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One voxel that dcmqi puts elsewhere is enough."""
    program("segimage2itkimage")
    mask, out = lungs(ct.shape), tmp_path / "out"
    out.mkdir()
    (out / "a_seg.dcm").write_text("the one before")
    monkeypatch.setattr(dicom_seg_check, "_read_here", lambda *arguments: None)
    same = dicom_seg_check._same
    wrong = mask == 1
    wrong[tuple(np.argwhere(wrong)[0])] = False
    monkeypatch.setattr(dicom_seg_check, "_same", lambda file, wanted, to: same(file, wrong, to))
    with pytest.raises(UserError, match="another mask"):
        write_seg(out / "a_seg.dcm", mask, ct, LUNGS, BY_MODEL)
    assert (out / "a_seg.dcm").read_text() == "the one before" and len(list(out.iterdir())) == 1


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("exit 3", "code 3"),
        ("kill -9 $$", "code -9"),
        ("printf 'no NIfTI' > 1.nii.gz", "Not a gzipped file|damaged"),
        ("printf 'x' | gzip > 1.nii.gz", "damaged"),
    ],
)
def test_a_good_file_is_saved_where_dcmqi_fails_for_reasons_of_its_own(
    tmp_path: Path, ct: Raster, monkeypatch: pytest.MonkeyPatch, script: str, said: str
) -> None:
    """Out of memory, with a full temporary folder, with a library that is missing."""
    failing = tmp_path / "dcmqi"
    failing.write_text(f"#!/bin/sh\n{script}\n")
    failing.chmod(0o700)
    without_dcmqi(monkeypatch, failing)
    written = write_seg(tmp_path / "a_seg.dcm", lungs(ct.shape) > 0, ct, LUNGS, BY_MODEL)
    assert written.path.exists() and written.read_by == "pydicom"
    assert re.search(f"pydicom alone: dcmqi did not work \\(.*({said})", " ".join(written.notes))


def test_dcmqi_reads_files_whose_names_it_does_not_understand(
    tmp_path: Path, ct: Raster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Programs of Windows that know no Unicode cannot open these; so does the one here."""
    real, plain = program("segimage2itkimage"), tmp_path / "dcmqi"
    plain.write_text(f'#!/bin/sh\necho "$@" | LC_ALL=C grep -q \'[^ -~]\' && exit 1\nexec {real} "$@"\n')
    plain.chmod(0o700)
    without_dcmqi(monkeypatch, plain)
    out = tmp_path / "김 Lüders"
    out.mkdir()
    assert write_seg(out / "폐_seg.dcm", lungs(ct.shape), ct, RIGHT_AND_LEFT, BY_MODEL).read_by == "dcmqi"


def test_an_error_that_dciodvfy_finds_in_it_alone_is_reported(
    tmp_path: Path, ct: Raster, xray: Raster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not one that the image has too: that is its patient's or its study's."""
    program("dciodvfy")
    for like in (ct, xray):
        assert errors_of(next((tmp_path / "ct").iterdir()))
        written = write_seg(tmp_path / "a_seg.dcm", lungs(like.shape), like, RIGHT_AND_LEFT, BY_MODEL)
        assert "dciodvfy finds" not in " ".join(written.notes)
    saved = pydicom.dataset.FileDataset.save_as

    def odd(self: pydicom.Dataset, path: Path, **options: object) -> None:
        self.ContentLabel, self.LossyImageCompression = "SECRET label", "07"
        saved(self, path, **options)

    monkeypatch.setattr(pydicom.Dataset, "save_as", odd)
    monkeypatch.setattr(pydicom.dataset.FileDataset, "save_as", odd)
    for like in (ct, xray):
        written = write_seg(tmp_path / "b_seg.dcm", lungs(like.shape), like, RIGHT_AND_LEFT, BY_MODEL)
        said = " ".join(written.notes)
        assert re.search(r"dciodvfy finds \d errors? in it that", said) and "SECRET" not in said
        assert written.path.exists()


@pytest.mark.parametrize("script", ["exit 0", "kill -9 $$", "echo 'Error - Information Object Not found'"])
def test_where_dciodvfy_does_not_work_nothing_is_said_of_it(
    tmp_path: Path, xray: Raster, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    failing = tmp_path / "dciodvfy"
    failing.write_text(f"#!/bin/sh\n{script}\n")
    failing.chmod(0o700)
    monkeypatch.setattr(
        dicom_seg_check, "_program", lambda name: str(failing) if name == "dciodvfy" else None
    )
    written = write_seg(tmp_path / "a_seg.dcm", lungs(xray.shape), xray, RIGHT_AND_LEFT, BY_MODEL)
    assert "dciodvfy" not in " ".join(written.notes)


def test_without_dcmqi_pydicom_reads_it_alone_and_that_is_said(
    tmp_path: Path, ct: Raster, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_dcmqi(monkeypatch)
    written = write_seg(tmp_path / "a_seg.dcm", lungs(ct.shape), ct, LUNGS, BY_MODEL)
    assert written.read_by == "pydicom" and "pydicom alone" in " ".join(written.notes)
    monkeypatch.setattr(dicom_seg_check, "_same", None)
    saved = pydicom.dataset.FileDataset.save_as

    def turned(self: pydicom.Dataset, path: Path, **options: object) -> None:
        self.PixelData = self.PixelData[::-1]
        saved(self, path, **options)

    monkeypatch.setattr(pydicom.Dataset, "save_as", turned)
    monkeypatch.setattr(pydicom.dataset.FileDataset, "save_as", turned)
    with pytest.raises(UserError, match="does not hold the mask"):
        write_seg(tmp_path / "b_seg.dcm", lungs(ct.shape), ct, LUNGS, BY_MODEL)
    assert not (tmp_path / "b_seg.dcm").exists()


_WRITES = """
import sys
from pathlib import Path
from seg_rooms import BY_MODEL, lungs, series
from napari_unet.core.label_set import LUNGS
from napari_unet.io.dicom_seg import write_seg
ct = series(Path(sys.argv[1]) / "another ct")
write_seg(Path(sys.argv[1]) / "killed_seg.dcm", lungs(ct.shape), ct, LUNGS, BY_MODEL)
"""


def test_the_copy_that_a_killed_process_left_is_removed_by_the_next(
    tmp_path: Path, ct: Raster, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary, reader = tmp_path / "temporary", tmp_path / "bin" / dicom_seg_check.READER
    for folder in (temporary, reader.parent):
        folder.mkdir()
    reader.write_text("#!/bin/sh\nkill -9 $PPID\n")
    reader.chmod(0o700)
    places = {"PATH": f"{reader.parent}{os.pathsep}{os.environ['PATH']}", "TMPDIR": str(temporary)}
    places["PYTHONPATH"] = str(Path(__file__).parents[1])
    killed = subprocess.run([sys.executable, "-c", _WRITES, tmp_path], env={**os.environ, **places})
    assert killed.returncode == -signal.SIGKILL and len(list(temporary.rglob("seg.dcm"))) == 1
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    write_seg(tmp_path / "a_seg.dcm", lungs(ct.shape), ct, LUNGS, BY_MODEL)
    assert list(temporary.iterdir()) == []
