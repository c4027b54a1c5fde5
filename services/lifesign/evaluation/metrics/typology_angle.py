"""The individual typology angle of what is in the middle of an image: a proxy of skin tone, no more."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["NO_SKIN", "typology_angles"]

NO_SKIN = 180.0
"""The angle of a colour that no skin has."""

# Rows and columns of the middle, as shares of the height and width: cheeks and nose of a face that fills the
# image. The mean of the whole image tells the background (against the tones of the synthetic faces its angle
# has a rank correlation of the wrong sign, +.6; that of the middle has −.9 to −.7).
_ROWS, _COLUMNS = (0.4, 0.7), (0.35, 0.65)
_WHITE = (0.95047, 1.0, 1.08883)  # D65, the white of sRGB
_LUMINANCE = (0.2126729, 0.7151522, 0.0721750)
_SHORT_WAVES = (0.0193339, 0.1191920, 0.9503041)


def typology_angles(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return arctan((L* − 50) / b*) of the mean colour of the middle, degrees, float64 ``(n,)``; finite.

    Images are RGB, uint8 ``(n, h, w, 3)``. Above 41 is called light, under 10 brown or dark (A. Chardon et
    al., Int. J. Cosmetic Science 13, 1991). ``NO_SKIN``, 180, where the colour is grey or bluish (b* < 1), as
    no skin is. Light and white balance move the angle as much as skin does.
    """
    _, height, width, _ = images.shape
    rows, columns = _span(height, _ROWS), _span(width, _COLUMNS)
    middle = images[:, rows, columns]
    # Sums of whole numbers, so the result does not depend on the batch; one axis at a time is faster.
    total = middle.sum(axis=1, dtype=np.uint32).sum(axis=1, dtype=np.int64)
    colour = total / (middle.shape[1] * middle.shape[2] * 255)
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    luminance, short_waves = (
        (linear * np.asarray(weights)).sum(axis=1) for weights in (_LUMINANCE, _SHORT_WAVES)
    )
    response, blue = _response(luminance / _WHITE[1]), _response(short_waves / _WHITE[2])
    yellow = 200 * (response - blue)
    angle = np.degrees(np.arctan2(116 * response - 66, yellow))
    return np.where(yellow >= 1, angle, NO_SKIN)


def _span(length: int, shares: tuple[float, float]) -> slice:
    start = min(int(shares[0] * length), length - 1)
    return slice(start, max(int(shares[1] * length), start + 1))


def _response(stimulus: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return CIELAB's f: a cube root with a straight foot."""
    return np.where(stimulus > 216 / 24389, np.cbrt(stimulus), (24389 / 27 * stimulus + 16) / 116)
