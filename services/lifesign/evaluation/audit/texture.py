"""Cheap features of how an image is made up: enough for a linear classifier to doubt a label by.

Colour-free local binary patterns and the radial power spectrum carry most of what tells a recaptured
picture from a face; a coarse layout and colours carry what tells objects apart.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import fft

__all__ = ["TEXTURE_SIDE", "TEXTURE_SIZE", "texture_features"]

TEXTURE_SIDE = 96
_BANDS = 16
_PATTERNS = 10
_LAYOUT = 8
TEXTURE_SIZE = _BANDS + 2 * _PATTERNS + _LAYOUT * _LAYOUT

# Uniform patterns have at most two steps around the circle; rotated ones count as one (Ojala et al., 2002).
_CODES = np.arange(256, dtype=np.uint8)
_TURNS = np.bitwise_count(_CODES ^ ((_CODES << 1) | (_CODES >> 7)).astype(np.uint8))
_PATTERN_OF = np.where(_TURNS <= 2, np.bitwise_count(_CODES), _PATTERNS - 1).astype(np.uint8)
_CIRCLE = ((0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0))


def _ring_of_frequency() -> NDArray[np.int64]:
    vertical = np.fft.fftfreq(TEXTURE_SIDE)[:, np.newaxis]
    horizontal = np.fft.rfftfreq(TEXTURE_SIDE)[np.newaxis]
    radius = np.hypot(vertical, horizontal)
    rings: NDArray[np.int64] = np.minimum((radius / 0.5 * _BANDS).astype(np.int64), _BANDS - 1).ravel()
    return rings


_RING = _ring_of_frequency()
_RING_SIZE = np.bincount(_RING, minlength=_BANDS)
_WINDOW = np.hanning(TEXTURE_SIDE).astype(np.float32)
_TAPER = _WINDOW[:, np.newaxis] * _WINDOW[np.newaxis]


def texture_features(crops: NDArray[np.uint8], planes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return float32 ``(n, 100)`` of luma crops uint8 ``(n, 96, 96)`` and planes uint8 ``(n, 32, 32)``.

    16 log powers of rings of the spectrum, shares of 10 rotation-invariant uniform patterns at distance
    1 and of the half-size image, and the plane's layout as 8 x 8 deviations from its mean.
    """
    rows = crops[:, ::2].astype(np.uint16) + crops[:, 1::2]
    halves = (rows[:, :, ::2] + rows[:, :, 1::2]) // 4
    side = planes.shape[1] // _LAYOUT
    layout = planes.reshape(len(planes), _LAYOUT, side, _LAYOUT, side).mean(axis=(2, 4))
    layout = layout.reshape(len(planes), -1) / 255
    return np.concatenate(
        [
            _spectrum(crops),
            _patterns(crops),
            _patterns(halves.astype(np.uint8)),
            layout - layout.mean(axis=1, keepdims=True),
        ],
        axis=1,
    ).astype(np.float32)


def _spectrum(crops: NDArray[np.uint8]) -> NDArray[np.float64]:
    values = crops.astype(np.float32)
    values -= values.mean(axis=(1, 2), keepdims=True)
    values *= _TAPER
    waves = np.asarray(fft.rfft2(values), np.complex64).reshape(len(crops), -1)
    power = waves.real**2 + waves.imag**2
    rings = [np.bincount(_RING, weights=one, minlength=_BANDS) / _RING_SIZE for one in power]
    return np.log1p(np.array(rings).reshape(len(crops), _BANDS))


def _patterns(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    height, width = images.shape[1] - 2, images.shape[2] - 2
    centre = images[:, 1:-1, 1:-1]
    code = np.zeros(centre.shape, np.uint8)
    for bit, (down, right) in enumerate(_CIRCLE):
        code |= (images[:, down : down + height, right : right + width] > centre).astype(np.uint8) << bit
    patterns = _PATTERN_OF[code].reshape(len(images), -1)
    counts = np.array([np.bincount(one, minlength=_PATTERNS) for one in patterns])
    shares: NDArray[np.float64] = counts.reshape(len(images), _PATTERNS) / (height * width)
    return shares
