"""A drawn chest for tests: a body with two lungs, a heart, vessels and noise, in HU."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

RIGHT, LEFT = 1, 2
SPACING_MM = (4.0, 3.0, 3.0)


def chest_with_organs() -> tuple[np.ndarray, np.ndarray]:
    """int16 HU and uint8 labels (Z, Y, X) of blocks, on axes as in `chest_ct`: lungs, spine, liver and heart.

    The heart lies to the left, the liver under the right lung. Voxels of 5 mm.
    """
    hounsfield = np.full((40, 44, 60), -100, np.int16)  # fat
    labels = np.zeros(hounsfield.shape, np.uint8)
    labels[6:36, 8:36, 8:26] = RIGHT
    labels[4:36, 8:36, 34:52] = LEFT
    hounsfield[34:38, 30:40, 28:33] = 500
    hounsfield[:, 34:40, 28:33] = 500  # spine at column 30
    labels[4:12, 10:30, 8:26] = 0
    hounsfield[labels > 0] = -850
    hounsfield[4:12, 10:30, 8:26] = 60  # liver
    labels[8:20, 10:24, 34:42] = 0
    hounsfield[8:20, 10:24, 26:42] = 50  # heart
    return hounsfield, labels


TOUCHING_MM = (5.0, 4.0, 4.0)
SPINE = 50  # column of `touching_lungs`; the image's middle is 44.5


def touching_lungs(membrane: int, touching: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(mask, HU, bool of the lung on the image's left): two lungs of blocks with heart and spine between.

    In front they touch along a membrane at column `membrane`. Voxels of `TOUCHING_MM`.
    """
    hounsfield = np.full((12, 60, 90), 40, np.int16)
    mask = np.zeros(hounsfield.shape, bool)
    mask[1:-1, 10:45, 15:85] = True
    mask[:, 22:45, SPINE - 7 : SPINE + 8] = False  # heart and spine
    left = np.zeros(hounsfield.shape, bool)
    left[:, :22, : membrane + 1] = True
    left[:, 22:, :SPINE] = True
    if not touching:
        mask[:, :22, membrane : membrane + 2] = False
    hounsfield[mask] = -850
    if touching:
        hounsfield[:, 10:22, membrane] = np.where(mask[:, 10:22, membrane], -450, 40)
    hounsfield[:, 40:50, SPINE - 3 : SPINE + 4] = 500
    hounsfield[:, 8, 20:80] = 600  # ribs in front
    return mask, hounsfield, left


def chest_ct(
    shape: tuple[int, int, int] = (48, 96, 96), seed: int = 0, noise: float = 15.0
) -> tuple[np.ndarray, np.ndarray]:
    """int16 HU and uint8 labels (Z, Y, X); Z to the head, Y to the back, X to the patient's left.

    The right lung has the lower X; the heart lies between them, in front and to the left.
    """
    rng = np.random.default_rng(seed)
    z, y, x = (
        np.linspace(-1, 1, n).reshape(s)
        for n, s in zip(shape, ((-1, 1, 1), (1, -1, 1), (1, 1, -1)), strict=True)
    )
    hu = np.full(shape, -1000.0)
    hu[np.broadcast_to((y / 0.72) ** 2 + (x / 0.92) ** 2 < 1, shape)] = 40
    heart = ((z + 0.3) / 0.6) ** 2 + ((y + 0.12) / 0.36) ** 2 + ((x - 0.12) / 0.34) ** 2 < 1
    labels = np.zeros(shape, np.uint8)
    for side, centre in ((RIGHT, -0.42), (LEFT, 0.42)):
        lung = (z / 0.85) ** 2 + (y / 0.55) ** 2 + ((x - centre) / 0.32) ** 2 < 1
        labels[lung & ~heart & ((z + 1.1) ** 2 + y**2 + (x - centre) ** 2 > 0.3)] = side
    air = ndimage.gaussian_filter((labels > 0).astype(np.float32), 0.7)
    hu = np.where(hu > -900, 40 - 890 * air, hu)
    vessels = ndimage.gaussian_filter(rng.standard_normal(shape), 1.2)
    hu[(labels > 0) & (vessels > 2.2 * vessels.std())] = 20
    noisy = np.clip(np.rint(hu + noise * rng.standard_normal(shape)), -1024, 3071)
    return noisy.astype(np.int16), labels
