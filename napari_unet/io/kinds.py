"""What kind of file something is, by its first bytes."""

from __future__ import annotations

import zlib
from pathlib import Path

from napari_unet.core.errors import UserError
from napari_unet.io.content import header_of_pair, is_nifti_pair, is_nifti_pair_header, looks_like_dicom
from napari_unet.io.names import is_readable_image, suffix_of

KINDS = "Open PNG, JPEG, TIFF, NIfTI or DICOM."
AGAIN = "Copy or export it again."
DAMAGED = "is damaged or incomplete and cannot be read."
"""After the name of a file of a known kind."""
GZIP = b"\x1f\x8b"
_HEADER = 352  # bytes: NIfTI's magic is in the last of them
_EXPORT = "Open it in another program and export it as PNG."
_PHONE = f"{_EXPORT} (On an iPhone: Settings, Camera, Formats, Most Compatible makes JPEG.)"
_PICTURES = (
    *(b"\x89PNG", b"\xff\xd8\xff", b"GIF87a", b"GIF89a"),
    *(b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51"),  # JPEG 2000: file and bare codestream
)
_BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)  # their lengths
_OTHERS = (
    (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture", _EXPORT),
    (b"\xff\x0a", "a JPEG XL picture", _EXPORT),
    (b"8BPS", "a Photoshop document", _EXPORT),
    (b"%PDF", "a PDF document", "Export the image in it as PNG or DICOM."),
    (b"PK\x03\x04", "a ZIP archive", "Unpack it, and open the images in it."),
    (b"NRRD", "an NRRD volume", "Export it as NIfTI."),
    (b"\x93NUMPY", "a NumPy array", "Save it as TIFF, or use napari_unet.segment in Python."),
)


def family_of(path: Path) -> str:
    """ "picture", "tiff", "nifti" or "dicom", by the first bytes; by the name only where they do not decide.

    Raises UserError, with the file's name, for everything else, and for what cannot be read.
    """
    start = _first_bytes(path)
    if not start:
        raise UserError(f"{path.name} is empty (0 bytes).", AGAIN)
    if start[128:132] == b"DICM":  # first: a DICOM file may begin as a TIFF
        return "dicom"
    if start.startswith(_PICTURES) or _is_webp_or_bmp(start):
        return "picture"
    if start.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return "tiff"
    suffix = suffix_of(path).lower()
    if suffix in (".nii", ".nii.gz") or is_nifti(start) or is_nifti(_unzipped(start)):
        return "nifti"
    if suffix in (".dcm", ".dicom") or looks_like_dicom(start):
        return "dicom"
    if is_nifti_pair_header(start) or is_nifti_pair(path):
        return "nifti"
    _refuse_known(path, start)
    if is_readable_image(path):
        raise UserError(f"{path.name} is damaged, or not what its name says.", AGAIN)
    raise UserError(f"{path.name} is not in a known image format.", KINDS)


def is_nifti(start: bytes) -> bool:
    """Whether a file that begins with these bytes is a NIfTI file (not zipped)."""
    return start[344:348] == b"n+1\0" or start[4:8] == b"n+2\0"


def _is_webp_or_bmp(start: bytes) -> bool:
    if start.startswith(b"BM"):
        return int.from_bytes(start[14:18], "little") in _BMP_HEADERS
    return start.startswith(b"RIFF") and start[8:12] == b"WEBP"


def _first_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(4096)
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist.", "Check the name.") from error
    except IsADirectoryError as error:
        raise UserError(f"{path} is a folder.", "Open an image in it.") from error
    except OSError as error:
        raise UserError(
            f"{path.name} cannot be read ({error.strerror}).", "Check its permissions."
        ) from error


def _unzipped(start: bytes) -> bytes:
    """The first bytes of what is in a gzip file that begins with these; empty if it is none."""
    if not start.startswith(GZIP):
        return b""
    try:
        return zlib.decompressobj(wbits=31).decompress(start, _HEADER)
    except zlib.error:
        return b""


def _refuse_known(path: Path, start: bytes) -> None:
    if header_of_pair(path) is not None:
        raise UserError(
            f"{path.name} is an Analyze file: it does not say which side of the patient is which.",
            "Convert it to NIfTI, with the side that you know.",
        )
    if start[4:8] == b"ftyp":
        kind = "an AVIF" if b"avif" in start[8:32] else "a HEIC"
        raise UserError(f"{path.name} is {kind} picture, as phones make them, which cannot be read.", _PHONE)
    if start.startswith(GZIP):
        raise UserError(f"{path.name} is compressed (gzip) and contains no NIfTI image.", "Unpack it first.")
    for magic, kind, remedy in _OTHERS:
        if start.startswith(magic):
            raise UserError(f"{path.name} is {kind}, which cannot be read.", remedy)
