"""NIfTI: shown as (Z, Y, X) in radiological convention, written back in the file's own order."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.frames import NiftiFrame, three_axes
from napari_unet.core.geometry import RAS_TO_SPL, Geometry, is_placeless, is_sound
from napari_unet.core.padding import outside_field, set_apart
from napari_unet.core.raster import Raster
from napari_unet.io.atomic import atomic_write
from napari_unet.io.content import header_of_pair
from napari_unet.io.grey import grey_from_channels
from napari_unet.io.kinds import GZIP
from napari_unet.io.names import suffix_of
from napari_unet.io.nifti_affine import disagreement, known_affine

# World axes of a file (right, anterior, superior) to those of a Raster (superior, posterior, left).
_MM_PER_UNIT = {"mm": 1.0, "unknown": 1.0, "meter": 1000.0, "micron": 0.001}
# All that says where the voxels lie, and nothing that may name a person (descrip, db_name, extensions).
_GEOMETRY = (
    *("dim_info", "pixdim", "xyzt_units", "qform_code", "sform_code", "srow_x", "srow_y", "srow_z"),
    *("quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z"),
)


def read_nifti(path: Path) -> Raster:
    """A 2D or 3D NIfTI file as a raster.

    3D: Z runs towards the head, Y to the back, X to the patient's left. 2D (one of three axes has the length
    1): the patient's left is on the right, the head or the front on top. Where neither qform nor sform says
    how the patient lies, a volume is taken as NIfTI's default (left, anterior, superior), a 2D image is shown
    as it is stored, and affine and row_direction are None. Scaled values are float32; cal_min and cal_max
    become the window. What lies outside of a CT's field of view is padding (core.padding). A unit that is not
    given is mm, unless a 2D image has the default spacing 1 x 1.
    """
    with _explained(path):
        return _raster(path)


def write_nifti(path: Path, pixels: np.ndarray, like: Raster, scale: float = 1.0) -> Path:
    """Writes an array of the shape of `like` (bool as 0/1). scale : what readers multiply its values by.

    An image that came from NIfTI gives its own order, shape, affine and codes back. Any other is written as
    X, Y, Z with its affine, or, where none is known, as ITK does it: X to the patient's left, Y to the back,
    Z to the head.
    """
    import nibabel

    data = pixels.astype(np.uint8) if pixels.dtype == bool else pixels
    if isinstance(like.frame, NiftiFrame) and like.frame.shown_shape == pixels.shape:
        kind = nibabel.Nifti2Image if like.frame.version == 2 else nibabel.Nifti1Image
        header = kind.header_class(like.frame.header, endianness="<", check=False)
        pixdim = header["pixdim"].copy()
        header.set_data_shape(like.frame.shape)
        header["pixdim"] = pixdim  # which set_data_shape has cut to the number of axes
        header.set_data_dtype(data.dtype)
        image = kind(like.frame.stored(data), None, header)
    else:
        image = nibabel.Nifti1Image(data.transpose(), _default_affine(like))
        image.set_qform(image.affine, code=1)
        image.set_sform(image.affine, code=1)
        image.header.set_xyzt_units("unknown" if like.spacing_mm is None else "mm")
    if scale != 1.0:
        image.header.set_slope_inter(scale, 0)
    with atomic_write(path) as partial:
        image.to_filename(partial)
    return path


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (UserError, MemoryError):
        raise
    except Exception as error:  # damaged headers make nibabel and zlib raise nearly anything
        raise UserError(
            f"{path.name} is damaged, incomplete or not a NIfTI file.", "Copy or export it again."
        ) from error


def _raster(path: Path) -> Raster:
    image = _load(path)
    stored = np.asanyarray(image.dataobj)
    scaled = (image.dataobj.slope, image.dataobj.inter) != (1.0, 0.0)
    if stored.dtype.names:  # RGB24 and RGBA32 are records
        stored = grey_from_channels(np.stack([stored[c] for c in stored.dtype.names], axis=-1), path.name)
    if any(length != 1 for length in stored.shape[3:]) or stored.ndim < 2 or stored.dtype.kind not in "uif":
        raise UserError(
            f"{path.name} is not one grey image or volume (shape {stored.shape}, {stored.dtype}).",
            "Save one volume or one channel separately.",
        )
    header = image.header
    affine = known_affine(header)
    frame = _frame(header, stored.shape, affine)
    unit = header.get_xyzt_units()[0]
    spacing = _spacing(header, frame, unit)
    shown_affine = None
    if affine is not None and not frame.flat:
        shown_affine = _shown_affine(affine, frame, _MM_PER_UNIT[unit])
    low, high = float(header["cal_min"]), float(header["cal_max"])
    shown = frame.shown(stored.astype(_plain_dtype(stored.dtype, scaled), copy=False))
    pixels, padding = set_apart(shown, None if shown.ndim == 2 else outside_field(shown), False)
    return Raster(
        pixels,
        spacing_mm=spacing,
        spacing_source="" if spacing is None else "NIfTI" if unit != "unknown" else "NIfTI (no unit: mm)",
        affine=shown_affine,
        window=(low, high) if low < high else None,
        padding=padding,
        row_direction=None if affine is None or not _shows_left_right(affine, frame) else "L",
        source=str(path),
        frame=frame,
    )


def _load(path: Path) -> Any:
    """The file by its content: zipped or not, version 1 or 2, whatever its name says."""
    import nibabel

    if header_of_pair(path) is not None:
        return nibabel.load(path)
    with path.open("rb") as file:
        zipped = file.read(2) == GZIP
    if suffix_of(path).lower() == (".nii.gz" if zipped else ".nii"):
        return nibabel.load(path)
    content = gzip.decompress(path.read_bytes()) if zipped else path.read_bytes()
    second = 540 in (int.from_bytes(content[:4], order) for order in ("little", "big"))
    return (nibabel.Nifti2Image if second else nibabel.Nifti1Image).from_bytes(content)


def geometry_of_file(path: Path) -> Geometry:
    """Where a NIfTI file's image lies, from its header alone. Raises UserError as `read_nifti`."""
    with _explained(path):
        header = _load(path).header
        return _geometry(header, _frame(header, header.get_data_shape(), known_affine(header)))


def geometry_of_frame(frame: NiftiFrame) -> Geometry:
    """As `geometry_of_file`, of an image that was read already."""
    import nibabel

    kind = nibabel.Nifti2Header if frame.version == 2 else nibabel.Nifti1Header
    header = kind(frame.header, endianness="<", check=False)
    pixdim = header["pixdim"].copy()
    header.set_data_shape(frame.shape)
    header["pixdim"] = pixdim  # which set_data_shape has cut to the number of axes
    return _geometry(header, frame)


def _geometry(header: Any, frame: NiftiFrame) -> Geometry:
    import nibabel

    affine = known_affine(header)
    three = three_axes(frame.shape)
    shape = (three[frame.order[0]], three[frame.order[1]], three[frame.order[2]])
    first, second, third = (shape[k] > 1 and frame.flips[k] for k in range(3))  # one voxel has no direction
    turns = (frame.order, (first, second, third))
    mm = _MM_PER_UNIT[header.get_xyzt_units()[0]]
    if affine is None:  # nibabel writes its base affine, with a code, into a mask of such an image
        base = np.asarray(header.get_base_affine(), float)
        assumed = _shown_affine(base, frame, mm) if is_sound(base) else None
        return Geometry(shape, None, frame.flat, turns=turns, assumed=assumed)
    return Geometry(
        shape,
        _shown_affine(affine, frame, mm),
        frame.flat,
        is_placeless(affine, three),
        "".join(nibabel.aff2axcodes(affine)),
        turns,
        disagreement(header, mm),
    )


def _shown_affine(affine: np.ndarray, frame: NiftiFrame, mm: float) -> np.ndarray:
    return np.asarray(np.diag([mm, mm, mm, 1]) @ RAS_TO_SPL @ affine @ frame.index_map())


def _frame(header: Any, shape: tuple[int, ...], affine: np.ndarray | None) -> NiftiFrame:
    import nibabel

    version = 2 if isinstance(header, nibabel.Nifti2Header) else 1
    plain = (nibabel.Nifti2Header if version == 2 else nibabel.Nifti1Header)(endianness="<")
    for key in _GEOMETRY:
        plain[key] = header[key]
    flat = 1 in three_axes(shape)
    dropped = max(axis for axis in range(3) if three_axes(shape)[axis] == 1) if flat else None
    if affine is None:
        world, signs = np.arange(3), np.array([-1, -1 if flat else 1, 1])
    else:
        orientation = nibabel.io_orientation(affine)
        world, signs = orientation[:, 0], orientation[:, 1]
    first = np.argsort(-world) if dropped is None else _dropped_first(world, dropped)
    # Shown axes run to the left, the back and the feet, but Z of a volume runs to the head.
    order = tuple(int(axis) for axis in first)
    flips = tuple(bool(signs[axis] != (1 if world[axis] == 2 and not flat else -1)) for axis in order)
    if affine is None and flat:
        flips = (False, False, False)
    return NiftiFrame(plain.binaryblock, version, tuple(shape), order, flips)  # type: ignore[arg-type]


def _dropped_first(world: np.ndarray, dropped: int) -> list[int]:
    rest = sorted((axis for axis in range(3) if axis != dropped), key=lambda axis: -world[axis])
    return [dropped, *rest]


def _shows_left_right(affine: np.ndarray, frame: NiftiFrame) -> bool:
    import nibabel

    return bool(nibabel.io_orientation(affine)[frame.order[2], 0] == 0)


def _spacing(header: Any, frame: NiftiFrame, unit: str) -> tuple[float, ...] | None:
    from nibabel.affines import voxel_sizes

    affine = known_affine(header)
    sizes = header["pixdim"][1:4] if affine is None else voxel_sizes(affine)
    axes = frame.order[1:] if frame.flat else frame.order
    spacing = tuple(float(sizes[axis]) * _MM_PER_UNIT[unit] for axis in axes)
    if not all(0 < length < np.inf for length in spacing):
        return None
    return None if frame.flat and unit == "unknown" and set(spacing) == {1.0} else spacing


def _plain_dtype(dtype: np.dtype[Any], scaled: bool) -> np.dtype[Any]:
    """Native byte order; float32 for values that nibabel has scaled, and for long doubles."""
    if dtype.kind == "f" and (scaled or dtype.itemsize > 8):
        return np.dtype(np.float32)
    return dtype.newbyteorder("=")


def _default_affine(like: Raster) -> np.ndarray:
    if like.affine is not None and like.pixels.ndim == 3:
        reverse = np.eye(4)[[2, 1, 0, 3]]
        return np.asarray(RAS_TO_SPL.T @ like.affine @ reverse)
    spacing = (like.spacing_mm or (1.0,) * like.pixels.ndim)[::-1]
    depth = spacing[2] if len(spacing) == 3 else 1.0
    return np.diag([-spacing[0], -spacing[1], depth, 1.0])
