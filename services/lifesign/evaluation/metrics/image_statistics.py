"""Ten cheap numbers that describe how an image was taken: light, colour, sharpness, noise, coding.

They are the features that drift tests watch, and the axes along which errors are explained. All sums
are sums of whole numbers, so the result does not depend on the batch an image comes in.
"""

from typing import Any

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

_CHUNK_PIXELS = 1 << 16
# Sums of so many values of less than 2^11 fit into 32 bits.
_PIXELS_IN_32_BITS = 1 << 20
_BLOCK = 8  # JPEG codes blocks of 8 x 8 pixels


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
    result = np.empty((count, len(IMAGE_STATISTICS)), dtype=np.float32)
    step = max(1, _CHUNK_PIXELS // max(1, height * width))
    for start in range(0, count, step):
        result[start : start + step] = _chunk_statistics(images[start : start + step])
    return result


def _chunk_statistics(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    red, green, blue = (np.ascontiguousarray(images[..., channel]) for channel in range(3))
    luma = _luma(red, green, blue)
    pixels = luma.shape[1] * luma.shape[2]
    histogram = _histograms(luma)
    levels = np.arange(256)
    mean = histogram @ levels / pixels
    variance = histogram @ levels**2 / pixels - mean**2
    red_mean, green_mean, blue_mean = (_sum(plane) / pixels for plane in (red, green, blue))
    sharpness, noise = _laplacian_statistics(luma)
    columns = (
        mean / 255,
        np.sqrt(np.maximum(variance, 0.0)) / 255,
        _saturation(red, green, blue),
        sharpness,
        noise,
        _blockiness(luma),
        (red_mean - green_mean) / 255,
        (blue_mean - (red_mean + green_mean) / 2) / 255,
        _entropy(histogram, pixels),
        typology_angles(images),
    )
    return np.stack(columns, axis=1)


def _luma(red: NDArray[np.uint8], green: NDArray[np.uint8], blue: NDArray[np.uint8]) -> NDArray[np.uint8]:
    weighted = np.multiply(red, 77, dtype=np.uint16)
    weighted += np.multiply(green, 150, dtype=np.uint16)
    weighted += np.multiply(blue, 29, dtype=np.uint16)
    weighted >>= 8
    return weighted.astype(np.uint8)


def _sum(values: NDArray[Any]) -> NDArray[np.float64]:
    """Return the sums of whole numbers of less than 2^11, ``(n, …)``, as float64 ``(n,)``; exact."""
    flat = values.reshape(len(values), -1)
    # Additions of 32 bits are twice as fast. float64 holds whole numbers exactly: their order cannot matter.
    is_small = flat.shape[1] <= _PIXELS_IN_32_BITS
    sums: NDArray[Any] = flat.sum(axis=1, dtype=np.int32 if is_small else np.int64)
    return sums.astype(np.float64)


def _histograms(luma: NDArray[np.uint8]) -> NDArray[np.int64]:
    return np.stack([np.bincount(image.ravel(), minlength=256) for image in luma])


def _saturation(
    red: NDArray[np.uint8], green: NDArray[np.uint8], blue: NDArray[np.uint8]
) -> NDArray[np.float64]:
    largest = np.maximum(np.maximum(red, green), blue)
    smallest = np.minimum(np.minimum(red, green), blue)
    total = _sum(largest)
    return (total - _sum(smallest)) / np.where(total > 0, total, 1.0)


def _laplacian_statistics(luma: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    count, height, width = luma.shape
    if height < 3 or width < 3:
        return np.zeros(count), np.zeros(count)
    plane = luma.astype(np.int16)
    vertical = np.diff(plane, n=2, axis=1)
    laplacian = np.diff(plane[:, 1:-1], n=2, axis=2)
    laplacian += vertical[:, :, 1:-1]
    twice = np.diff(vertical, n=2, axis=2)
    np.abs(twice, out=twice)
    inner = (height - 2) * (width - 2)
    flat = laplacian.reshape(count, -1).astype(np.float64)
    variance = np.einsum("ij,ij->i", flat, flat) / inner - (_sum(laplacian) / inner) ** 2
    noise = np.sqrt(np.pi / 2) / 6 * _sum(twice) / inner
    return np.sqrt(np.maximum(variance, 0.0)) / 255, noise / 255


def _blockiness(luma: NDArray[np.uint8]) -> NDArray[np.float64]:
    count, height, width = luma.shape
    if min(height, width) <= _BLOCK:
        return np.zeros(count)
    border_sum, all_sum = np.zeros(count), np.zeros(count)
    border_count, all_count = 0, 0
    for steps, axis in ((_steps(luma[:, 1:], luma[:, :-1]), 1), (_steps(luma[:, :, 1:], luma[:, :, :-1]), 2)):
        border = steps[:, _BLOCK - 1 :: _BLOCK] if axis == 1 else steps[:, :, _BLOCK - 1 :: _BLOCK]
        border_sum += _sum(border)
        all_sum += _sum(steps)
        border_count += border[0].size
        all_count += steps[0].size
    at_border = border_sum / border_count
    elsewhere = (all_sum - border_sum) / (all_count - border_count)
    total = at_border + elsewhere
    return (at_border - elsewhere) / np.where(total > 0, total, 1.0)


def _steps(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.maximum(one, other) - np.minimum(one, other)


def _entropy(histogram: NDArray[np.int64], pixels: int) -> NDArray[np.float64]:
    share = histogram / pixels
    terms = share * np.log2(np.where(share > 0, share, 1.0))
    bits: NDArray[np.float64] = np.maximum(-terms.sum(axis=1), 0.0)
    return bits
