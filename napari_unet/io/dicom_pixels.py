"""From a DICOM dataset to pixel values: decoding, the bits that count, padding, modality rescale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_unet.core.errors import UserError
from napari_unet.core.padding import either, outside_field, padded_pixels, set_apart
from napari_unet.io import dicom_header as header
from napari_unet.io.dicom_decoder import PLUGIN, frame_bits, is_available, register
from napari_unet.io.grey import grey_from_channels

if TYPE_CHECKING:
    from pydicom import Dataset

_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_ALLOCATED = (1, 8, 16, 32, 64)
AGAIN = "Export it from the archive again."
_OVERLAYS = 16  # different values that the bits beside the image can have: four overlays are the most
_EXACT = 2**24  # float32 holds whole numbers up to here


@dataclass(frozen=True)
class Pixels:
    """values : (Y, X) after the modality rescale. padding : (lowest, highest) of those that are padding.

    They are darker than the image (`set_apart`), whatever value the file gives them.

    notes : what the header says of its pixels and is not so, in words.
    """

    values: np.ndarray
    padding: tuple[float, float] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Values:
    """values : (Y, X) after the modality rescale. padded : bool (Y, X), which are padding; None if none is.

    notes : as of Pixels.
    """

    values: np.ndarray
    padded: np.ndarray | None = None
    notes: tuple[str, ...] = ()


def read_pixels(dataset: Dataset, name: str) -> Pixels:
    """The one image of a dataset, its padding set apart; raises UserError as `read_values`."""
    found = read_values(dataset, name)
    values, limits = set_apart(found.values, found.padded, bool(header.inverted(dataset)))
    return Pixels(values, limits, found.notes)


def read_values(dataset: Dataset, name: str) -> Values:
    """The one image of a dataset. Raises UserError for none, several, colour, and what cannot be decoded."""
    if not any(keyword in dataset for keyword in _PIXELS):
        raise UserError(f"{name} contains no image{_kind(dataset)}.", "Choose a file with an image.")
    frames = int(header.number(dataset, "NumberOfFrames", 1))
    if frames > 1:
        raise UserError(
            f"{name} contains {frames} images.",
            "Multi-frame files are read if they say where each frame lies: export the image that you need.",
        )
    _check_decoder(dataset, name)
    words, bits, notes = _decoded(dataset)
    if words.ndim == 3 and header.number(dataset, "SamplesPerPixel", 1) > 1:
        return Values(_rescaled(grey_from_channels(words, name), dataset), notes=notes)
    if words.ndim != 2:
        raise UserError(f"{name} does not contain a single grey image (shape {words.shape}).", AGAIN)
    padding = _padding(dataset, words.dtype)
    padded = padded_pixels(words, padding)
    stored, more = _stored(words, bits, dataset, padded)
    padded = padded if padded is not None else padded_pixels(stored, padding)
    values = _rescaled(stored, dataset)
    if header.text(dataset, "Modality") == "CT":
        padded = either(padded, outside_field(values))
    return Values(values, padded, (*notes, *more))


def _decoded(dataset: Dataset) -> tuple[np.ndarray, int, tuple[str, ...]]:
    """Words as they are stored, in the machine's byte order; how many bits of each are used; notes."""
    from pydicom.pixels.processing import apply_color_lut
    from pydicom.pixels.utils import pixel_array

    photometric = header.text(dataset, "PhotometricInterpretation")
    several = header.number(dataset, "SamplesPerPixel", 1) > 1 or photometric == "PALETTE COLOR"
    options: dict[str, Any] = {"correct_unused_bits": several}
    bits: int | None = None
    notes: tuple[str, ...] = ()
    if dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        register()
        options |= {"decoding_plugin": PLUGIN}
        bits = frame_bits(dataset)
        notes = _corrected(dataset, bits)
    words: np.ndarray = pixel_array(dataset, **options)
    words = words.astype(words.dtype.newbyteorder("="), copy=False)
    if photometric == "PALETTE COLOR":
        dataset.SamplesPerPixel = 3
        return apply_color_lut(words, dataset), 16, notes
    return words, bits or 8 * words.itemsize, notes


def _corrected(dataset: Dataset, bits: int | None) -> tuple[str, ...]:
    """Makes the header fit the bits of its compressed image. Returns what to say of it."""
    stored = int(header.number(dataset, "BitsStored", bits or 0))
    if bits is None or bits == stored:
        return ()
    if bits > header.number(dataset, "BitsAllocated", bits):
        dataset.BitsAllocated = 8 * -(-bits // 8)
    if bits > stored:
        return ()
    dataset.BitsStored, dataset.HighBit = bits, bits - 1
    return (
        f"The header says {stored} bits per pixel, but the compressed image has {bits}: those were used.",
    )


def _stored(
    words: np.ndarray, bits: int, dataset: Dataset, padded: np.ndarray | None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Values without the bits that the header does not count to the image, and what to say of those.

    bits : of a word that can be used. padded : these words are padding, and stay as they are.
    Old machines keep overlays in the bits beside those of the image, and say where. Bits that nothing
    explains are an overlay if they make the image rougher and could be one, otherwise the header names too
    few. Of a negative number they may be 0: these are dropped silently.
    """
    count = int(header.number(dataset, "BitsStored", bits))
    whole = 8 * words.itemsize
    if words.dtype.kind not in "ui" or not 0 < count < whole:
        return words, ()
    shift = int(header.number(dataset, "HighBit", count - 1)) + 1 - count if bits > count else 0
    notes: tuple[str, ...] = ()
    if not 0 <= shift <= bits - count:
        shift, notes = (
            0,
            ("The header's HighBit does not fit its BitsStored: the lowest bits were used.",),
        )
    values = (words << (whole - count - shift)) >> (whole - count)
    others = words if padded is None else words[~padded]
    unexplained = _used(others, count, shift) & ~_overlay_bits(dataset)
    if unexplained:
        low_only = shift > 0 and not _used(others, count, 0)
        if low_only or (shift == 0 and _is_deeper(words, values, count, padded)):
            values = words
            used = count if low_only else int(np.abs(others.astype(np.int64)).max()).bit_length()
            notes = (
                f"The header says {count} bits per pixel up to bit {count + shift - 1}, but values use "
                f"{used} bits from the lowest on: all were used.",
            )
        elif _used(others.view(f"u{words.itemsize}"), count, shift) & ~_overlay_bits(dataset):
            notes = (
                f"Bits outside the {count} that the header names were treated as an overlay and left out.",
            )
    return values, notes


def _used(words: np.ndarray, count: int, shift: int) -> int:
    """Bits that are set in any word beside the `count` from `shift` on; the copies of a sign do not count."""
    if words.dtype.kind == "i":
        whole = 8 * words.itemsize
        signed = (words << (whole - count - shift)) >> (whole - count - shift)
        words = words ^ (signed & ~np.array((1 << shift) - 1, words.dtype))
    else:
        inside = ((1 << count) - 1) << shift
        words = words & ~np.array(inside, words.dtype)
    every = (1 << 8 * words.itemsize) - 1
    return int(np.bitwise_or.reduce(words, axis=None)) & every


def _overlay_bits(dataset: Dataset) -> int:
    """The bits of a word in which an overlay is declared (OverlayBitPosition, groups 6000 to 601E)."""
    declared = (dataset.get((group, 0x0102)) for group in range(0x6000, 0x6020, 2))
    places = {int(element.value) for element in declared if element is not None and element.value}
    return sum((1 << place for place in places), 0)


def _is_deeper(words: np.ndarray, values: np.ndarray, count: int, padded: np.ndarray | None) -> bool:
    """Whether words with more than `count` bits are the image, and not `values`, their lowest `count`."""
    beside = words >> count if padded is None else words[~padded] >> count
    if len(np.unique(beside[..., ::2])) > _OVERLAYS:
        return True
    return _roughness(words, padded) < _roughness(values, padded)


def _roughness(values: np.ndarray, padded: np.ndarray | None) -> float:
    """Sum of the differences of neighbours."""
    steps = np.abs(np.diff(values.astype(np.float64), axis=-1))
    return float(steps.sum() if padded is None else steps[~(padded[:, 1:] | padded[:, :-1])].sum())


def _padding(dataset: Dataset, dtype: np.dtype) -> tuple[float, float] | None:
    """(lowest, highest) stored value that is padding, None where the header names none."""
    kind = "" if dtype.kind in "ui" else "Float" if dtype.itemsize <= 4 else "DoubleFloat"
    limit_name = f"{kind}PixelPaddingRangeLimit"
    found = [header.raw_number(dataset, keyword) for keyword in (f"{kind}PixelPaddingValue", limit_name)]
    if found[0] is None:
        return None
    ends = [found[0], found[0] if found[1] is None else found[1]]
    if dtype.kind in "ui":  # often written as if the pixels were signed where they are not, and the reverse
        limits, span = np.iinfo(dtype), 2 ** (8 * dtype.itemsize)
        ends = [(int(end) - int(limits.min)) % span + int(limits.min) for end in ends]
    return min(ends), max(ends)


def _rescaled(pixels: np.ndarray, dataset: Dataset) -> np.ndarray:
    """After the modality LUT or rescale: whole numbers where that is exact, else float32 or float64."""
    if header.has_modality_table(dataset):
        from pydicom.pixels.processing import apply_modality_lut

        return np.asarray(apply_modality_lut(pixels, dataset))
    slope, intercept = header.rescale(dataset) or (1.0, 0.0)
    if (slope, intercept) == (1, 0):
        return pixels
    whole = pixels.dtype.kind in "ui" and slope.is_integer() and intercept.is_integer()
    if whole and pixels.itemsize <= 2 and abs(slope) * 2**16 + abs(intercept) < 2**31:
        return pixels.astype(np.int32) * int(slope) + int(intercept)
    if pixels.itemsize > 2 and np.abs(pixels.astype(np.float64)).max(initial=0) > _EXACT:
        return pixels.astype(np.float64) * slope + intercept
    return pixels.astype(np.float32) * np.float32(slope) + np.float32(intercept)


def _check_decoder(dataset: Dataset, name: str) -> None:
    allocated = header.number(dataset, "BitsAllocated", 8)
    if "PixelData" in dataset and allocated not in _ALLOCATED:
        raise UserError(f"{name} has {allocated:g} bits a pixel, packed in a way that cannot be read.", AGAIN)
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax.is_encapsulated and not is_available(syntax):
        called = "" if syntax.name == syntax else f" ({syntax.name})"
        raise UserError(f"{name} is compressed in a way that cannot be read{called}.", AGAIN)
    if not syntax.is_encapsulated and syntax not in _native():
        raise UserError(f"{name} is compressed in a way that cannot be read.", AGAIN)


def _native() -> tuple[str, ...]:
    from pydicom import uid

    return (
        uid.ImplicitVRLittleEndian,
        uid.ExplicitVRLittleEndian,
        uid.DeflatedExplicitVRLittleEndian,
        uid.ExplicitVRBigEndian,
    )


def _kind(dataset: Dataset) -> str:
    """What kind of object a file says it is, in DICOM's own words: " (Basic Text SR Storage)"."""
    import pydicom

    uid = pydicom.uid.UID(header.text(dataset, "SOPClassUID"))
    return f" ({uid.name})" if uid and uid.name != uid else ""
