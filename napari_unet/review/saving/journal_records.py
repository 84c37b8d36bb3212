"""The records of a stroke journal: how they are framed, checked and packed."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from math import prod

import numpy as np

from napari_unet.core.change import Change

MAGIC = b"napari-unet-lung strokes 1\n"
_FRAME = struct.Struct("<II")  # length, crc32
NUMBER = struct.Struct("<cQ")  # kind, after which stroke
HEADER, SNAPSHOT, CHANGE, CHECKPOINT = b"H", b"S", b"C", b"K"


def framed(payload: bytes, seed: int) -> bytes:
    """A record. seed : what its checksum begins with: 0 for the header, else the session's own."""
    return _FRAME.pack(len(payload), zlib.crc32(payload, seed)) + payload


def payloads(data: bytes) -> Iterator[bytes]:
    """Payloads of the records that are whole; those after the header are bound to its session."""
    position, seed = len(MAGIC), 0
    while position + _FRAME.size <= len(data):
        length, checksum = _FRAME.unpack_from(data, position)
        position += _FRAME.size
        payload = data[position : position + length]
        if not length or len(payload) < length or zlib.crc32(payload, seed) != checksum:
            return
        if payload[:1] == HEADER:
            with suppress(ValueError, KeyError, TypeError):
                seed = zlib.crc32(json.loads(payload[1:])["session"].encode())
        position += length
        yield payload


def packed_change(change: Change) -> bytes:
    """Runs of neighbouring pixels with one label: gap before, length, label."""
    order = np.argsort(change.flat, kind="stable")
    flat, values = change.flat[order].astype(np.int64), change.values[order].astype(np.uint8)
    begins = np.ones(len(flat), bool)
    begins[1:] = (np.diff(flat) != 1) | (np.diff(values) != 0)
    at = np.flatnonzero(begins)
    return _packed_runs(flat[at], np.diff(np.append(at, len(flat))), values[at])


def unpacked_change(data: bytes, shape: tuple[int, ...]) -> Change:
    """What `packed_change` packed. Raises ValueError or zlib.error if it is something else."""
    starts, lengths, values = _unpacked_runs(data)
    ends = np.cumsum(lengths)
    flat = np.arange(int(lengths.sum())) - np.repeat(ends - lengths, lengths) + np.repeat(starts, lengths)
    return Change(shape, flat, np.repeat(values, lengths))


def packed_labels(labels: np.ndarray) -> bytes:
    """A whole mask in runs of one label."""
    flat = np.ascontiguousarray(labels, np.uint8).reshape(-1)
    at = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    at = np.concatenate([np.zeros(min(1, flat.size), np.int64), at])
    return _packed_runs(at, np.diff(np.append(at, flat.size)), flat[at])


def unpacked_labels(data: bytes, shape: tuple[int, ...]) -> np.ndarray:
    """uint8 of `shape`. Raises ValueError or zlib.error if `data` is something else."""
    _, lengths, values = _unpacked_runs(data)
    if int(lengths.sum()) != prod(shape):
        raise ValueError("the mask has another size than its shape says")
    return np.repeat(values, lengths).reshape(shape)


def _packed_runs(starts: np.ndarray, lengths: np.ndarray, values: np.ndarray) -> bytes:
    gaps = np.diff(starts, prepend=0)
    parts = (gaps.astype("<i8"), lengths.astype("<i8"), values.astype(np.uint8))
    return zlib.compress(b"".join(part.tobytes() for part in parts), 1)


def _unpacked_runs(data: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    raw = zlib.decompress(data)
    count, rest = divmod(len(raw), 17)
    if rest:
        raise ValueError("runs are cut off")
    gaps = np.frombuffer(raw, "<i8", count)
    lengths = np.frombuffer(raw, "<i8", count, 8 * count)
    return np.cumsum(gaps), lengths, np.frombuffer(raw, np.uint8, count, 16 * count)
