"""Slices that every image has: how bright, blurred and large it is, and its tone, estimated.

They are read off the statistics stored with each prediction. Brightness and blur are cut where the lowest and
highest fifth of the model's reference begin, so that "dark" means darker than what it was developed on, and
at fixed values without a reference; size and tone always at fixed values. Either way the bins do not move
with the data that are evaluated.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifesign.datasets.slice_names import ESTIMATED_TONE
from lifesign.evaluation.analysis.codes import Codes, binned

__all__ = ["measured_codes"]

_Numbers = Callable[[str], NDArray[np.float64]]
_Floats = NDArray[np.float64]

# Statistic, edges without a reference, and the words for the bins.
_BY_STATISTIC = {
    "brightness": ("brightness", (0.25, 0.6), ("1 dark", "2 medium", "3 bright")),
    "blur": ("sharpness", (0.02, 0.06), ("1 blurred", "2 medium", "3 sharp")),
}
_FIFTHS = (0.2, 0.8)
_SIZES = (64.0, 128.0, 256.0)
# Angles that part brown and dark from tan and intermediate, and these from light (Chardon et al., 1991).
_ANGLES = (10.0, 41.0)


def measured_codes(name: str, numbers: _Numbers, reference: Mapping[str, Any]) -> Codes:
    """Return the bins of a measured slice; all −1 where the predictions hold no measurement.

    ``numbers`` gives a column of the predictions, float64 ``(n,)`` with ``nan``; ``reference`` is the
    model card's drift profile, ``{}`` without one.

    Raises:
        KeyError: no measured slice of that name.
    """
    if name == "size":
        pixels = np.minimum(numbers("width"), numbers("height"))
        low, middle, high = (f"{edge:.0f}" for edge in _SIZES)
        sides = (
            f"1 under {low} px",
            f"2 {low} to {middle} px",
            f"3 {middle} to {high} px",
            f"4 from {high} px",
        )
        return binned(pixels, _SIZES, sides)
    if name == ESTIMATED_TONE:
        angle = _typology_angle(
            *(numbers(f"stat_{one}") for one in ("brightness", "red_green", "blue_yellow"))
        )
        return binned(angle, _ANGLES, ("1 dark (estimated)", "2 medium (estimated)", "3 light (estimated)"))
    statistic, edges, words = _BY_STATISTIC[name]
    edges = _reference_edges(reference.get(statistic)) or edges
    low, high = (f"{edge:.3g}" for edge in edges)
    spans = (f"under {low}", f"{low} to {high}", f"from {high}")
    named = [f"{word} ({span})" for word, span in zip(words, spans, strict=True)]
    return binned(numbers(f"stat_{statistic}"), edges, named)


def _reference_edges(feature: Mapping[str, Any] | None) -> tuple[float, float] | None:
    """Return where the lowest and highest fifth begin; ``None`` without a reference that has fifths."""
    if feature is None or len(feature["edges"]) < len(_FIFTHS):
        return None
    counts = np.asarray(feature["counts"], dtype=np.float64)
    shares = np.cumsum(counts[:-1]) / max(1.0, counts.sum())
    low, high = (feature["edges"][int(np.abs(shares - fifth).argmin())] for fifth in _FIFTHS)
    return (float(low), float(high)) if low < high else None


def _typology_angle(luma: _Floats, red_green: _Floats, blue_yellow: _Floats) -> _Floats:
    """Return arctan((L* - 50) / b*) of the mean colour in degrees; ``nan`` for a colour no skin has.

    The three statistics are linear in the mean red, green and blue (see ``batch_image_statistics``), so the
    mean colour follows from them; L* and b* are CIELAB with the white of sRGB, D65. Skin is yellowish:
    without b* > 0 there is nothing to estimate.
    """
    green = luma - (91.5 * red_green + 29 * blue_yellow) / 256
    colour = np.stack([green + red_green, green, blue_yellow + green + red_green / 2], axis=-1)
    colour = np.clip(colour, 0, 1)
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    y = linear @ np.array([0.2126729, 0.7151522, 0.0721750])
    z = linear @ np.array([0.0193339, 0.1191920, 0.9503041]) / 1.08883
    f_y, f_z = (np.where(t > 216 / 24389, np.cbrt(t), (24389 / 27 * t + 16) / 116) for t in (y, z))
    lightness, yellow = 116 * f_y - 16, 200 * (f_y - f_z)
    with np.errstate(invalid="ignore", divide="ignore"):
        angle = np.degrees(np.arctan((lightness - 50) / yellow))
    return np.where(yellow > 0, angle, np.nan)
