"""The class that a figure explains where none is asked for: the one that an evaluation decides."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from lifesign.evaluation.analysis.columns import AnalysisSpec, decided
from lifesign.labels import is_liveness
from lifesign.model_card import OperatingPoint

__all__ = ["Decide", "decision_of"]

Decide = Callable[[NDArray[np.floating]], int]


def decision_of(class_names: Sequence[str], point: OperatingPoint | None) -> Decide:
    """Return what tells the decided class of scores ``(classes,)``.

    Of a liveness model the threshold of ``point`` on P(bona fide) decides, without one 0.5; of any other,
    and of outputs that the names do not fit, the largest score.
    """
    names = tuple(class_names)

    def decide(scores: NDArray[np.floating]) -> int:
        is_pad = is_liveness(names) and len(scores) == len(names)
        spec = AnalysisSpec(names, "liveness" if is_pad else "classification", operating_point=point)
        return int(decided(scores[None], spec)[0])

    return decide
