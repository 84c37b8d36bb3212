"""A tilted gantry: the slices are straightened, and each voxel stays in the plane of its own slice."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
from dicom_files import change, save_series
from seg_rooms import program

from napari_unet.core.errors import UserError
from napari_unet.core.raster import Raster
from napari_unet.core.source import Source
from napari_unet.io.formats import geometry_of, read_raster

SIZE = (24, 20)
PIXEL = (0.75, 0.5)  # mm
SLOPE = np.array([11.0, -17.0, 23.0])  # per mm towards left, posterior, superior
RISING = {  # position of the next slice against the last, in mm
    "to the back": (0, 0.83, 2.5),
    "to the front": (0, -0.83, 2.5),
    "sideways": (0.6, 0, 2.5),
    "both": (-0.35, 0.71, 2.5),
}


def value(place: np.ndarray) -> np.ndarray:
    """What the object that is scanned has at a place (L, P, S in mm): linear interpolation is exact."""
    return place @ SLOPE + 9000


def scanned(folder: Path, places: list[np.ndarray], orientation: np.ndarray) -> list[Path]:
    """A series of float-like values of that object: stored in 1/8."""
    files = save_series(
        folder,
        np.zeros((len(places), *SIZE), np.int16),
        orientation=orientation.ravel(),
        spacing_mm=(2.5, *PIXEL),
    )
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    for file, place in zip(files, places, strict=True):
        written = np.array([float(f"{mm:.8g}") for mm in place])
        there = (
            written
            + rows[..., None] * PIXEL[0] * orientation[1]
            + columns[..., None] * PIXEL[1] * orientation[0]
        )
        stored = np.rint((value(there) + 16384) * 32).astype(np.uint32)
        change(file, ImagePositionPatient=[f"{mm:.8g}" for mm in place], PixelData=stored.tobytes())
        change(file, BitsAllocated=32, BitsStored=32, HighBit=31)
        change(file, RescaleSlope="0.03125", RescaleIntercept=-16384)
    return files


def agrees(raster: Raster) -> int:
    """How many voxels hold what lies at their place, to 0.01 mm; all that hold anything."""
    assert raster.affine is not None and raster.padding is not None
    index = np.stack(np.meshgrid(*map(np.arange, raster.shape), indexing="ij"), axis=-1)
    place = (index @ raster.affine[:3, :3].T + raster.affine[:3, 3])[..., ::-1]
    held = raster.pixels != raster.padding[0]
    apart = np.abs(raster.pixels[held] - value(place[held])) / np.linalg.norm(SLOPE)
    assert apart.max() < 0.01
    return int(held.sum())


@pytest.mark.parametrize("name", RISING)
def test_each_voxel_lies_in_the_plane_of_its_slice(name: str, tmp_path: Path) -> None:
    orientation = np.array([[1.0, 0, 0], [0, 1, 0]])
    places = [np.array([-100, -120, -300.0]) + k * np.array(RISING[name]) for k in range(7)]
    source = Source.of(scanned(tmp_path / "ct", places, orientation))
    raster = read_raster(source)
    held = agrees(raster)
    assert held > 0.9 * 7 * (SIZE[0] - 1) * (SIZE[1] - 1) and raster.pixels.dtype.kind == "f"
    degrees = np.degrees(np.arctan(np.linalg.norm(RISING[name][:2]) / 2.5))
    assert raster.notes[0].startswith(f"The gantry was tilted by {degrees:.1f}°: the series was straightened")
    assert raster.spacing_mm == pytest.approx((2.5, *PIXEL))
    geometry = geometry_of(source)
    assert geometry is not None and geometry.shape == raster.shape
    assert np.array_equal(geometry.affine, raster.affine)
    assert raster.frame.resampled and all(instance.sop_instance for instance in raster.frame.instances)


def test_a_tilt_with_an_oblique_plane_and_unequal_gaps(tmp_path: Path) -> None:
    angle = np.radians(18.5)
    orientation = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)]])
    heights = [0, 4.2, 8.4, 12.6, 14.0, 21.4, 28.8, 36.2]  # along the table, as it moves
    places = [np.array([-100, -120, -300.0 + height]) for height in heights]
    raster = read_raster(Source.of(scanned(tmp_path / "ct", places, orientation)))
    agrees(raster)
    assert "tilted by 18.5°" in raster.notes[0] and "not evenly spaced" in raster.notes[1]


def test_slices_that_lie_beside_each_other_without_a_tilt(tmp_path: Path) -> None:
    places = [np.array([-100 + aside, -120, -300 + 2.5 * k]) for k, aside in enumerate((0, 0, 6.3, 0))]
    raster = read_raster(Source.of(scanned(tmp_path / "ct", places, np.array([[1.0, 0, 0], [0, 1, 0]]))))
    agrees(raster)
    assert raster.notes[0].startswith("The slices lie up to 6.3 mm beside each other")


def test_what_is_too_steep_is_refused(tmp_path: Path) -> None:
    places = [np.array([-100, -120 + 3.0 * k, -300 + 2.5 * k]) for k in range(5)]
    files = scanned(tmp_path / "ct", places, np.array([[1.0, 0, 0], [0, 1, 0]]))
    with pytest.raises(UserError, match=r"too far to be straightened \(50\.2°\)"):
        read_raster(Source.of(files))


def _bilinear(pixels: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    y, x = (
        np.clip(np.floor(at).astype(int), 0, n - 2)
        for at, n in zip((rows, columns), pixels.shape, strict=True)
    )
    b, a = rows - y, columns - x
    over, under = pixels[y, x] * (1 - a) + pixels[y, x + 1] * a, pixels[y + 1, x] * (1 - a)
    return over * (1 - b) + (under + pixels[y + 1, x + 1] * a) * b


@pytest.mark.parametrize(
    ("pattern", "degrees"),
    [("ge_tilt_gaps/*.dcm", 18.5), ("philips_mixed/S2010*", 18.5), ("philips_mixed/S3010*", 16.5)],
)
def test_a_real_tilt_against_the_headers_of_its_slices(hard: Path, pattern: str, degrees: float) -> None:
    files = sorted(hard.glob(pattern))
    raster = read_raster(Source.of(files))
    assert (
        f"tilted by {degrees}°" in raster.notes[0]
        and raster.affine is not None
        and raster.padding is not None
    )
    headers = {str(dataset.SOPInstanceUID): dataset for dataset in map(pydicom.dcmread, files)}
    rng, seen = np.random.default_rng(1), 0
    for z, instance in enumerate(raster.frame.instances):
        if not instance.sop_instance:
            continue
        dataset = headers[instance.sop_instance]
        along_row, along_column = np.array(dataset.ImageOrientationPatient, float).reshape(2, 3)
        index = rng.integers(0, raster.shape[1:], (200, 2))
        index = index[raster.pixels[z][tuple(index.T)] != raster.padding[0]]
        voxels = np.column_stack([np.full(len(index), z), index, np.ones(len(index))])
        place = (voxels @ raster.affine.T)[:, 2::-1]  # (L, P, S)
        apart = place - np.array(dataset.ImagePositionPatient, float)
        height = raster.spacing_mm[0] * 0.02 + 0.05 if "ge" in pattern else 0.01
        assert np.abs(apart @ np.cross(along_row, along_column)).max() <= height
        rows, columns = apart @ along_column, apart @ along_row
        stored = dataset.pixel_array * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)
        theirs = _bilinear(
            stored, rows / float(dataset.PixelSpacing[0]), columns / float(dataset.PixelSpacing[1])
        )
        assert np.abs(raster.pixels[z][tuple(index.T)] - theirs).max() <= 2
        seen += len(index)
    assert seen > 100


def test_a_real_tilt_against_dcm2niix(hard: Path, tmp_path: Path) -> None:
    """The series that can be compared: the uneven one gets another grid there, and the one that is tilted
    towards the other side lies a third of a slice beside the planes of its own slices.
    """
    (tmp_path / "in").mkdir()
    files = sorted(hard.glob("philips_mixed/S2010*"))
    for file in files:
        shutil.copy(file, tmp_path / "in")
    subprocess.run(
        [program("dcm2niix"), "-o", tmp_path, "-f", "ct", tmp_path / "in"], check=True, capture_output=True
    )
    (straight,) = tmp_path.glob("ct*Tilt*.nii")
    image, raster = nibabel.load(straight), read_raster(Source.of(files))
    assert raster.affine is not None and raster.padding is not None
    theirs = np.asarray(image.dataobj)
    index = np.random.default_rng(2).integers(0, raster.shape, (20_000, 3))
    index = index[raster.pixels[tuple(index.T)] != raster.padding[0]]
    place = index @ raster.affine[:3, :3].T + raster.affine[:3, 3]
    voxels = nibabel.affines.apply_affine(np.linalg.inv(image.affine), place[:, ::-1] * (-1, -1, 1))
    nearest = np.rint(voxels).astype(int)
    assert (np.abs(voxels - nearest) * image.header.get_zooms()).max() < 0.01  # both have the same grid
    assert np.abs(theirs[tuple(nearest.T)] - raster.pixels[tuple(index.T)].astype(float)).max() <= 1
