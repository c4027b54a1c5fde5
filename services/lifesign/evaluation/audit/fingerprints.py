"""Perceptual hashes: 64 bits that stay alike when an image is re-encoded, resized or brightened a little.

dHash compares neighbours (N. Krawetz, Kind of Like That, 2013); pHash keeps the low frequencies of the
discrete cosine transform (Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions,
2010). They err differently, so a pair must be near in both.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import fft

__all__ = ["HASH_SIDE", "difference_hashes", "hamming", "hash_plane", "perceptual_hashes"]

HASH_SIDE = 32
_LOW = 8
_BITS = np.uint64(1) << np.arange(64, dtype=np.uint64)


def hash_plane(image: Image.Image) -> NDArray[np.uint8]:
    """Return the luma of an image shrunk to uint8 ``(32, 32)`` by area."""
    return np.asarray(image.convert("L").resize((HASH_SIDE, HASH_SIDE), Image.Resampling.BOX), dtype=np.uint8)


def difference_hashes(planes: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return dHashes, uint64 ``(n,)``, of planes uint8 ``(n, 32, 32)``.

    The plane is averaged to 8 rows of 9 columns; bit set where a cell is brighter than the one to its left.
    """
    rows = planes.astype(np.float32).reshape(len(planes), _LOW, HASH_SIDE // _LOW, HASH_SIDE).mean(axis=2)
    cuts = np.linspace(0, HASH_SIDE, _LOW + 2).round().astype(np.int64)
    cells = np.add.reduceat(rows, cuts[:-1], axis=2) / np.diff(cuts)
    # A step of less than a grey level is the encoder's, not the picture's.
    return _packed(cells[:, :, 1:] - cells[:, :, :-1] > 0.5)


def perceptual_hashes(planes: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return pHashes, uint64 ``(n,)``, of planes uint8 ``(n, 32, 32)``.

    Bit set where a coefficient of the lowest 8 x 8 exceeds their median; the mean brightness has no bit.
    """
    whole = np.asarray(fft.dctn(planes.astype(np.float32), axes=(1, 2), norm="ortho"), np.float32)
    low = whole[:, :_LOW, :_LOW].reshape(-1, 64)
    low[:, 0] = 0.0
    return _packed(low > np.median(low[:, 1:], axis=1, keepdims=True))


def hamming(one: NDArray[np.uint64], other: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """Return the number of differing bits, elementwise."""
    bits: NDArray[np.uint8] = np.bitwise_count(one ^ other)
    return bits


def _packed(bits: NDArray[np.bool_]) -> NDArray[np.uint64]:
    flat = bits.reshape(len(bits), 64)
    words: NDArray[np.uint64] = (flat * _BITS).sum(axis=1, dtype=np.uint64)
    return words
