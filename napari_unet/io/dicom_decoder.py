"""imagecodecs as pydicom's decoder: all that JPEG, JPEG-LS, JPEG 2000 and RLE can be in a DICOM file.

pydicom asks the module for `is_available`, `DECODER_DEPENDENCIES` and a function that decodes one frame.
"""

from __future__ import annotations

import os
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

import imagecodecs
import numpy as np

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.pixels.decoders.base import DecodeRunner

PLUGIN = "napari-unet-lung"
_JPEG = "1.2.840.10008.1.2.4."
_DCT = tuple(_JPEG + end for end in ("50", "51", "57", "70"))
_LS = tuple(_JPEG + end for end in ("80", "81"))
_2000 = tuple(_JPEG + end for end in ("90", "91", "201", "202", "203"))
_RLE = "1.2.840.10008.1.2.5"
_SYNTAXES = (*_DCT, *_LS, *_2000, _RLE)
_THREADS = min(8, os.cpu_count() or 1)
_lock = Lock()

DECODER_DEPENDENCIES = dict.fromkeys(_SYNTAXES, ("imagecodecs>=2023.9",))


def is_available(uid: str) -> bool:
    """Whether a transfer syntax is decoded here."""
    return uid in _SYNTAXES


def register() -> None:
    """Makes these decoders known to pydicom, once in a process; from any thread."""
    with _lock:
        _register()


@cache
def _register() -> None:
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import UID

    for uid in _SYNTAXES:
        get_decoder(UID(uid)).add_plugin(PLUGIN, (__name__, "decode_frame"))


def frame_bits(dataset: Dataset) -> int | None:
    """Bits of a pixel in a compressed image, as its own header says; None for RLE, which has none."""
    from pydicom.encaps import get_frame
    from pydicom.pixels.utils import get_j2k_parameters

    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax == _RLE:
        return None
    frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
    if syntax in _2000:
        return cast(int | None, get_j2k_parameters(frame).get("precision"))
    return _jpeg_bits(frame)


def _jpeg_bits(frame: bytes) -> int | None:
    """From the first start of frame (SOF 0 to 15, or 55 of JPEG-LS); None if there is none."""
    at = 2
    while at + 4 < len(frame) and frame[at] == 0xFF:
        marker = frame[at + 1]
        if marker == 0xF7 or (0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)):
            return frame[at + 4]
        fill = marker == 0xFF  # any number of these may stand before a marker
        at += 1 if fill else 2 + int.from_bytes(frame[at + 2 : at + 4], "big")
    return None


def decode_frame(src: bytes, runner: DecodeRunner) -> bytes:
    """One frame as bytes in the machine's order, colours not converted.

    What the frame is in truth (bits of a word, planes, colours converted by JPEG 2000) goes into `runner`.
    Raises whatever imagecodecs raises for damaged frames.
    """
    syntax = runner.transfer_syntax
    if syntax == _RLE:
        return _rle(src, runner)
    if syntax in _DCT:
        _check_end(src)
        # the same name for both colour spaces: nothing is converted, pydicom does that
        space = "RGB" if runner.samples_per_pixel == 3 else None
        pixels = imagecodecs.jpeg8_decode(src, colorspace=space, outcolorspace=space)
    elif syntax in _LS:
        _check_end(src)
        pixels = imagecodecs.jpegls_decode(src)
    else:
        pixels = imagecodecs.jpeg2k_decode(src, numthreads=_THREADS)
        if runner.photometric_interpretation in ("YBR_ICT", "YBR_RCT"):
            runner.set_option("photometric_interpretation", "RGB")
    if runner.samples_per_pixel > 1:
        in_planes = pixels.shape[-1] != runner.samples_per_pixel
        runner.set_option("planar_configuration", int(in_planes))
    runner.set_option("bits_allocated", 8 * pixels.dtype.itemsize)
    return np.ascontiguousarray(pixels).tobytes()


def _check_end(frame: bytes) -> None:
    """Raises ValueError for a JPEG or JPEG-LS without an end of image.

    libjpeg makes up what is cut off, in grey; CharLS looks for it for seconds, whatever the size.
    """
    scan = frame.rfind(b"\xff\xda")  # neither this marker nor the end can occur among compressed pixels
    if scan < 0 or frame.find(b"\xff\xd9", scan) < 0:
        raise ValueError("the JPEG ends too early")


def _rle(src: bytes, runner: DecodeRunner) -> bytes:
    pixels: Any = imagecodecs.dicomrle_decode(src, runner.pixel_dtype)
    runner.set_option("planar_configuration", 1)
    return np.asarray(pixels).tobytes()
