"""Ten cheap numbers that describe how an image was taken: light, colour, sharpness, noise, coding.

They are the features that drift tests watch, and the axes along which errors are explained. All sums
are sums of whole numbers, so the result does not depend on the batch an image comes in.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lifesign.errors import InputError
from lifesign.evaluation.metrics.typology_angle import typology_angles

__all__ = ["IMAGE_STATISTICS", "batch_image_statistics", "image_statistics"]

IMAGE_STATISTICS = (
    "brightness",
    "contrast",
    "saturation",
    "sharpness",
    "noise",
    "blockiness",
    "red_green",
    "blue_yellow",
    "entropy",
    "typology_angle",
)
"""Names of the statistics, in the order of the columns of ``batch_image_statistics``."""

# What is computed of so many pixels stays in the cache of a core.
_CHUNK_PIXELS = 1 << 15
# Their levels are told apart in 16 bits.
_MOST_IMAGES = 1 << 8
# Sums of so many values of less than 2^11 fit into 32 bits.
_PIXELS_IN_32_BITS = 1 << 20
_BLOCK = 8  # JPEG codes blocks of 8 x 8 pixels
_LUMA = np.array([77, 150, 29], np.uint16)
_LEVELS = np.arange(256)


def image_statistics(image: NDArray[np.uint8]) -> dict[str, float]:
    """Return the statistics of one RGB image, uint8 ``(h, w, 3)``, by name."""
    row = batch_image_statistics(image[np.newaxis])[0]
    return {name: float(value) for name, value in zip(IMAGE_STATISTICS, row, strict=True)}


def batch_image_statistics(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return float32 ``(n, 10)`` statistics of RGB images, uint8 ``(n, h, w, 3)``; always finite.

    - brightness: mean of luma Y = (77 R + 150 G + 29 B) / 256, over 255; [0, 1].
    - contrast: standard deviation of Y, over 255; [0, 0.5].
    - saturation: sum of (max - min) over sum of max of the channels: HSV saturation weighted by value;
      [0, 1], 0 for a black image (the convention of HSV).
    - sharpness: standard deviation of the 4-neighbour Laplacian of Y, over 255; [0, 4].
    - noise: Immerkær's estimate of the noise deviation, sqrt(pi/2)/6 · mean of the absolute difference
      of two Laplacians (J. Immerkær, Fast noise variance estimation, CVIU 64(2), 1996), over 255.
    - blockiness: (b - i) / (b + i), with b the mean step of Y across borders of the 8-pixel grid and i
      across the others; [-1, 1], positive with visible JPEG blocks, 0 when flat or smaller than a block.
    - red_green, blue_yellow: mean of R - G and of B - (R + G) / 2, over 255; [-1, 1].
    - entropy: Shannon entropy of the histogram of Y in bits; [0, 8].
    - typology_angle: tone of what is in the middle, see ``typology_angles``; [-180, 180] degrees.

    Filters take interior pixels only; an image under 3 pixels wide or high has sharpness and noise 0.
    """
    if images.ndim != 4 or images.shape[-1] != 3 or images.dtype != np.uint8:
        raise InputError(f"expected images as uint8 (n, h, w, 3), got {images.dtype} {images.shape}")
    count, height, width, _ = images.shape
    if count and height * width == 0:
        raise InputError(f"expected images of at least one pixel, got {height} x {width}")
    step = max(1, min(_MOST_IMAGES, _CHUNK_PIXELS // max(1, height * width)))
    chunks = [_chunk_sums(images[start : start + step]) for start in range(0, count, step)]
    if not chunks:
        return np.empty((0, len(IMAGE_STATISTICS)), np.float32)
    # The formulas once for all: on a few numbers each, they cost as much as the pixels of a chunk.
    sums = _Sums(*(np.concatenate(parts, axis=-1) for parts in zip(*chunks, strict=True)))
    columns = (*_statistics(sums, height, width), typology_angles(images))
    return np.stack(columns, axis=1).astype(np.float32)


class _Sums(NamedTuple):
    """Sums over the pixels of each of ``n`` images: whole numbers, float64 ``(…, n)`` but for the counts.

    ``channels`` ``(5, n)``: red, green, blue, the largest and the smallest of them; ``histogram`` of luma,
    int64 ``(256, n)``; ``filters`` ``(4, n)``: the Laplacian, the absolute difference of two Laplacians, and
    the absolute steps of luma down and across; ``squares`` of the Laplacian; ``borders``: the steps across
    borders of blocks.
    """

    channels: NDArray[np.float64]
    histogram: NDArray[np.int64]
    filters: NDArray[np.float64]
    squares: NDArray[np.float64]
    borders: NDArray[np.float64]


def _chunk_sums(images: NDArray[np.uint8]) -> _Sums:
    count, height, width, _ = images.shape
    planes = np.empty((5, count, height, width), np.uint8)
    planes[:3] = np.moveaxis(images, 3, 0)
    np.maximum.reduce(planes[:3], axis=0, out=planes[3])
    np.minimum.reduce(planes[:3], axis=0, out=planes[4])
    luma = _luma(planes[:3])
    return _Sums(_sum(planes), _histograms(luma), *_filter_sums(luma.view(np.int16)))


def _luma(planes: NDArray[np.uint8]) -> NDArray[np.uint16]:
    weighted = np.multiply(planes, _LUMA[:, np.newaxis, np.newaxis, np.newaxis], dtype=np.uint16)
    luma: NDArray[np.uint16] = weighted[0]
    luma += weighted[1]
    luma += weighted[2]
    luma >>= 8
    return luma


def _sum(values: NDArray[Any]) -> NDArray[np.float64]:
    """Return the sums of whole numbers of less than 2^11, ``(…, h, w)``, as float64 ``(…)``; exact."""
    flat = values.reshape(*values.shape[:-2], -1)
    # Additions of 32 bits are twice as fast. float64 holds whole numbers exactly: their order cannot matter.
    is_small = flat.shape[-1] <= _PIXELS_IN_32_BITS
    sums: NDArray[Any] = flat.sum(axis=-1, dtype=np.int32 if is_small else np.int64)
    return sums.astype(np.float64)


def _histograms(luma: NDArray[np.uint16]) -> NDArray[np.int64]:
    """Return how often each image has each level, ``(256, n)``."""
    # One count for all: each image is given levels of its own.
    count = len(luma)
    own = luma + np.arange(0, 256 * count, 256, dtype=np.uint16)[:, np.newaxis, np.newaxis]
    return np.bincount(own.reshape(-1), minlength=256 * count).reshape(count, 256).T


def _filter_sums(
    luma: NDArray[np.int16],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return ``filters``, ``squares`` and ``borders`` of ``_Sums``.

    Neighbours are taken along the flat array, which is several times as fast as row by row. Values that reach
    over an edge, into the next row or image, are then set to 0.
    """
    count, height, width = luma.shape
    flat = luma.reshape(-1)
    filters = np.zeros((4, count, height, width), np.int16)
    laplacian, twice, down, across = filters.reshape(4, -1)
    np.subtract(flat[width:], flat[:-width], out=down[: flat.size - width])
    np.subtract(flat[1:], flat[:-1], out=across[:-1])
    if height > 2 and width > 2:
        vertical = down[width:-width] - down[: -2 * width]
        np.subtract(across[1:-1], across[:-2], out=laplacian[1:-1])
        laplacian[width:-width] += vertical
        slope = vertical[1:] - vertical[:-1]
        np.subtract(slope[1:], slope[:-1], out=twice[width + 1 : -width - 1])
        for edge in (0, -1):
            filters[:2, :, edge] = 0
            filters[:2, :, :, edge] = 0
    filters[2, :, -1] = 0
    filters[3, :, :, -1] = 0
    # Five times as fast as np.abs, which branches on every sign.
    np.maximum(filters[1:], -filters[1:], out=filters[1:])
    exact = laplacian.reshape(count, -1).astype(np.float64)
    squares = np.einsum("ij,ij->i", exact, exact)
    borders = _sum(filters[2, :, _BLOCK - 1 : -1 : _BLOCK]) + _sum(filters[3, :, :, _BLOCK - 1 : -1 : _BLOCK])
    return _sum(filters), squares, borders


def _statistics(sums: _Sums, height: int, width: int) -> tuple[NDArray[np.float64], ...]:
    """Return all statistics but the last, in their order, each float64 ``(n,)``."""
    pixels = height * width
    red, green, blue, largest, smallest = sums.channels
    red, green, blue = red / pixels, green / pixels, blue / pixels
    mean = _LEVELS @ sums.histogram / pixels
    variance = _LEVELS**2 @ sums.histogram / pixels - mean**2
    sharpness, noise = _laplacian_statistics(sums, height, width)
    return (
        mean / 255,
        np.sqrt(np.maximum(variance, 0.0)) / 255,
        (largest - smallest) / np.where(largest > 0, largest, 1.0),
        sharpness,
        noise,
        _blockiness(sums, height, width),
        (red - green) / 255,
        (blue - (red + green) / 2) / 255,
        _entropy(sums.histogram, pixels),
    )


def _laplacian_statistics(
    sums: _Sums, height: int, width: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    laplacian, twice, _, _ = sums.filters
    # Without an interior pixel both sums are 0.
    inner = max(height - 2, 1) * max(width - 2, 1)
    variance = sums.squares / inner - (laplacian / inner) ** 2
    noise = np.sqrt(np.pi / 2) / 6 * twice / inner
    return np.sqrt(np.maximum(variance, 0.0)) / 255, noise / 255


def _blockiness(sums: _Sums, height: int, width: int) -> NDArray[np.float64]:
    if min(height, width) <= _BLOCK:
        return np.zeros_like(sums.borders)
    _, _, down, across = sums.filters
    border_count = (height - 1) // _BLOCK * width + (width - 1) // _BLOCK * height
    all_count = (height - 1) * width + (width - 1) * height
    at_border = sums.borders / border_count
    elsewhere = (down + across - sums.borders) / (all_count - border_count)
    total = at_border + elsewhere
    blockiness: NDArray[np.float64] = (at_border - elsewhere) / np.where(total > 0, total, 1.0)
    return blockiness


def _entropy(histogram: NDArray[np.int64], pixels: int) -> NDArray[np.float64]:
    share = np.ascontiguousarray(histogram.T) / pixels
    terms = share * np.log2(np.where(share > 0, share, 1.0))
    bits: NDArray[np.float64] = np.maximum(-terms.sum(axis=1), 0.0)
    return bits
