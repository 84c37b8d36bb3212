"""Is a held-out case among those of the training? By patient, by file, and by how it looks."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_unet.core.blocks import block_means
from napari_unet.core.intensity import IntensityRule
from napari_unet.core.raster import Raster

SIDE = 16
"""Blocks a side of the hash; with 8 (64 bits) some patients differ in one bit: chests are alike."""

ALIKE = 14
"""Images whose hashes differ in so many of 256 bits are taken for one.

Measured on 221 chest X-rays (Montgomery, COVID-19) as the model sees them. False: 0 of 24,243 pairs of
patients (nearest: 16 bits; between COVID-19 adapt and test: 60). Missed of 221 copies each: resized, other
grey range, a marker added 0; JPEG of quality 40 0.5 %; gamma 0.6 and 1.6 0 and 0.9 %; brightened until 8 bits
overflow 39 %; cropped by 2 % a side 75 %.
"""


_GREYS = IntensityRule("percentiles", 1, 99)


@dataclass(frozen=True)
class Fingerprint:
    """By what an image is recognised among others: its patient, its file, its look. id : of its case, for
    people; no patient's name.

    patient : salted hash, "" if unknown. content_hash : SHA-256 of the image file, "" if there is none.
    phash : see `perceptual_hash`; None if there is none.
    """

    id: str
    patient: str = ""
    content_hash: str = ""
    phash: int | None = None


def perceptual_hash(pixels: np.ndarray) -> int:
    """256 bits that change little when an image is resized, compressed or made brighter: a difference hash.

    pixels : (Y, X) of a bright-bone image, at least SIDE + 1 a side; best as the model sees it, so that
    exposure and polarity do not matter. It becomes 16 × 17 block means; each bit says whether a block is
    brighter than its left neighbour (N. Krawetz, "Kind of like that", hackerfactor.com 2013; there 8 × 9).
    """
    means = block_means(pixels, SIDE, SIDE + 1)
    bits = (np.diff(means, axis=1) > 1e-6 * np.ptp(means)).ravel()  # not what rounding makes of flat parts
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def look_of(raster: Raster) -> int:
    """256 bits by which an image is known again: the perceptual hash of an X-ray, upright in its greys.

    Of a stack, and of an image that is too small for it, the hash of its values: only equal ones are alike
    then, since slices of two patients may look as like as two copies of one X-ray.
    """
    pixels = raster.pixels
    if pixels.ndim == 2 and min(pixels.shape) > SIDE:
        return perceptual_hash(_GREYS.apply(np.nan_to_num(pixels), inverted=bool(raster.inverted)))
    digest = hashlib.sha256(repr(pixels.shape).encode())
    for part in np.atleast_3d(pixels):
        digest.update(np.ascontiguousarray(part, np.float32).data)
    return int.from_bytes(digest.digest(), "big")


def find_leaks(training: Sequence[Fingerprint], held_out: Sequence[Fingerprint]) -> list[str]:
    """Sentences about held-out cases that are in the training as well, one per case, in their order.

    Images whose hashes differ in at most ALIKE bits are taken for one.
    """
    return [sentence for case in held_out if (sentence := _leak(case, training))]


def _leak(case: Fingerprint, training: Sequence[Fingerprint]) -> str:
    for other in training:
        if case.content_hash and case.content_hash == other.content_hash:
            return f"{case.id} is the same file as {other.id}, which was trained on."
    for other in training:
        if case.patient and case.patient == other.patient:
            return f"{case.id} is of the same patient as {other.id}, which was trained on."
    for other in training:
        if case.phash is not None and other.phash is not None and _bits(case.phash, other.phash) <= ALIKE:
            return f"{case.id} looks the same as {other.id}, which was trained on."
    return ""


def _bits(one: int, other: int) -> int:
    return (one ^ other).bit_count()
