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
from lifesign.evaluation.metrics.typology_angle import NO_SKIN

__all__ = ["MEASURED_COLUMNS", "measured_codes"]

MEASURED_COLUMNS = ("width", "height", "stat_brightness", "stat_sharpness", "stat_typology_angle")
"""Columns of a prediction part that measured slices are read off."""

_Numbers = Callable[[str], NDArray[np.float64]]

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
        angle = numbers("stat_typology_angle")
        # A colour that no skin has leaves nothing to estimate.
        angle = np.where(angle < NO_SKIN, angle, np.nan)
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
