"""The same decisions in superclasses, as a part of the report."""

from collections.abc import Mapping

import numpy as np

from lifesign.errors import ConfigurationError, InputError
from lifesign.evaluation.analysis.rates import (
    accuracy_value,
    class_rows,
    decision_averages,
    optional,
    rate_row,
)
from lifesign.evaluation.analysis.tally import Tally
from lifesign.evaluation.report.document import CoarseDocument

__all__ = ["coarse_document"]


def coarse_document(tally: Tally, superclasses: Mapping[str, str]) -> CoarseDocument:
    """Return the matrix and metrics of superclasses; a sample is decided as that of its predicted class.

    Raises:
        ConfigurationError: a class without a superclass.
    """
    try:
        coarse = tally.confusion.coarse(superclasses)
    except InputError as error:
        raise ConfigurationError(f"superclasses: {error}") from None
    silent = np.zeros(len(coarse.class_names), dtype=np.int64)
    for name, count in zip(tally.confusion.class_names, tally.no_response.tolist(), strict=True):
        silent[coarse.class_names.index(superclasses[name])] += count
    return CoarseDocument(
        class_names=coarse.class_names,
        counts=tuple(tuple(row) for row in coarse.counts.tolist()),
        no_response=tuple(silent.tolist()),
        accuracy=accuracy_value(rate_row(coarse.errors)),
        balanced_accuracy=optional(coarse.balanced_accuracy),
        averages=decision_averages(coarse),
        classes=class_rows(coarse, {}),
    )
