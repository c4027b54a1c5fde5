"""Light and colour: sRGB transfer, luma, and the ten tones of the Monk skin-tone scale.

All rendering happens in linear light with sRGB primaries; values are reflectances or relative
radiances, 1.0 = a white surface under full light.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["LUMA", "MONK_TONES", "Colour", "Image", "decode_srgb", "encode_srgb", "luma", "tone_albedo"]

Image = NDArray[np.floating[Any]]
"""Linear light, float32 ``(height, width, 3)`` (or ``(height, width)`` for one channel)."""

Colour = NDArray[np.floating[Any]]
"""Linear RGB, float32 ``(3,)``."""

# Monk Skin Tone scale, the published sRGB swatches.
MONK_TONES: dict[str, str] = {
    "mst01": "f6ede4",
    "mst02": "f3e7db",
    "mst03": "f7ead0",
    "mst04": "eadaba",
    "mst05": "d7bd96",
    "mst06": "a07e56",
    "mst07": "825c43",
    "mst08": "604134",
    "mst09": "3a312a",
    "mst10": "292420",
}

LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
# Swatches are display colours of lit skin; albedo is lower, and warmer than the palest swatches.
_SKIN_SCALE = np.array([0.82, 0.76, 0.70], np.float32)


def _srgb_to_linear(values: NDArray[Any]) -> NDArray[np.float32]:
    low = values / 12.92
    high = ((values + 0.055) / 1.055) ** 2.4
    return np.where(values <= 0.04045, low, high).astype(np.float32)


_DECODE = _srgb_to_linear(np.arange(256) / 255.0)
_ENCODE_STEPS = 4096
_ENCODE_AT = (np.arange(_ENCODE_STEPS + 1) / _ENCODE_STEPS) ** 2  # denser in the shadows
_ENCODE = np.where(
    _ENCODE_AT <= 0.0031308, _ENCODE_AT * 12.92, 1.055 * _ENCODE_AT ** (1 / 2.4) - 0.055
).astype(np.float32)


def decode_srgb(pixels: NDArray[np.uint8]) -> Image:
    """Return linear light in 0–1 of sRGB bytes, same shape."""
    return _DECODE[pixels]


def encode_srgb(linear: Image) -> Image:
    """Return sRGB-encoded values in 0–1 of linear light (IEC 61966-2-1), clipped, same shape."""
    index = np.sqrt(np.clip(linear, 0.0, 1.0)) * _ENCODE_STEPS
    return _ENCODE[(index + 0.5).astype(np.int32)]


def luma(linear: Image) -> Image:
    """Return relative luminance ``(height, width)`` of linear RGB (Rec. 709 weights)."""
    red, green, blue = (float(weight) for weight in LUMA)
    luminance: Image = linear[..., 0] * red + linear[..., 1] * green + linear[..., 2] * blue
    return luminance


def tone_albedo(tone: str) -> Colour:
    """Return the skin albedo, linear RGB ``(3,)`` in 0–1, of a Monk tone ``mst01`` (lightest) … ``mst10``."""
    swatch = MONK_TONES[tone]
    channels = np.array([int(swatch[i : i + 2], 16) for i in (0, 2, 4)]) / 255.0
    albedo: Colour = _srgb_to_linear(channels) * _SKIN_SCALE
    return albedo
