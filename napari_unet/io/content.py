"""What kind of file it is by its first bytes, whatever its name."""

from __future__ import annotations

import struct
from pathlib import Path

SNIFFED = 1024
"""Bytes that are enough to tell; no more of a file is read for it."""

_GROUPS = frozenset({0x0002, 0x0004, 0x0008})  # in which a DICOM file without a preamble begins
_LAST_GROUP = 0x0020  # what its first elements may belong to
_SHORT = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
_LONG = frozenset(b"OB OD OF OL OW SQ UC UN UR UT OV SV UV".split())  # with a length of four bytes
_LONGEST = 1 << 16  # bytes of the very first element
_NIFTI_PAIR = (b"ni1\0", b"ni2\0")


def is_dicom(path: Path) -> bool:
    """True if the file begins as DICOM does, with its preamble or without; False if it cannot be read."""
    return looks_like_dicom(first_bytes(path))


def first_bytes(path: Path) -> bytes:
    """The first `SNIFFED` bytes; b"" if the file cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(SNIFFED)
    except OSError:
        return b""


def looks_like_dicom(start: bytes) -> bool:
    """True for the first bytes of a DICOM file.

    DICM after 128 bytes; or, as old machines write it (ACR-NEMA too), elements from the first byte on: two in
    the order of their tags, explicit or implicit, in either byte order.
    """
    if start[128:132] == b"DICM":
        return True
    return any(_begins_with_elements(start, order) for order in "<>")


def header_of_pair(path: Path) -> Path | None:
    """The .hdr file of an .img file, if there is one (NIfTI pairs and Analyze); for an .hdr file itself."""
    if path.suffix.lower() == ".hdr":
        return path if path.is_file() else None
    if path.suffix.lower() != ".img":
        return None
    beside = (path.with_suffix(suffix) for suffix in (".hdr", ".HDR"))
    return next((header for header in beside if header.is_file()), None)


def is_nifti_pair(path: Path) -> bool:
    """True for the .img file of a NIfTI pair, whose .hdr file lies beside it."""
    header = header_of_pair(path)
    return header is not None and is_nifti_pair_header(first_bytes(header))


def is_nifti_pair_header(start: bytes) -> bool:
    """True for the first bytes of the .hdr file of a NIfTI pair."""
    return start[344:348] == _NIFTI_PAIR[0] or start[4:8] == _NIFTI_PAIR[1]


def _begins_with_elements(start: bytes, order: str) -> bool:
    first = _element(start, 0, order)
    if first is None or first[0] not in _GROUPS or first[2] > _LONGEST:
        return False
    second = _element(start, first[3] + first[2], order)
    return second is not None and first[:2] < second[:2] and second[0] <= _LAST_GROUP


def _element(start: bytes, at: int, order: str) -> tuple[int, int, int, int] | None:
    """(group, element, length, where the value begins) of the element at `at`; None if there is none."""
    prefix = start[at : at + 12]
    if len(prefix) < 8:
        return None
    group, element = struct.unpack(order + "HH", prefix[:4])
    if prefix[4:6] in _SHORT:
        return group, element, struct.unpack(order + "H", prefix[6:8])[0], at + 8
    if prefix[4:6] in _LONG:
        length = struct.unpack(order + "L", prefix[8:12])[0] if len(prefix) == 12 else 0
        return group, element, length, at + 12
    return group, element, struct.unpack(order + "L", prefix[4:8])[0], at + 8
