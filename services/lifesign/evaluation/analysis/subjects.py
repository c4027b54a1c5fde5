"""Limits that draw whole subjects, as a part of the report."""

import numpy as np

from lifesign.evaluation.analysis.columns import PredictionColumns
from lifesign.evaluation.analysis.pad import ORACLE, threshold_source
from lifesign.evaluation.metrics.subject_bootstrap import subject_intervals
from lifesign.evaluation.report.document import SubjectIntervalRow
from lifesign.labels import BONA_FIDE

__all__ = ["subject_interval_rows"]

_OWN_THRESHOLD = frozenset({"EER"})


def subject_interval_rows(columns: PredictionColumns) -> tuple[SubjectIntervalRow, ...]:
    """Return the error rates, EER and AUC of a liveness run by subjects; none where no subject is known."""
    spec = columns.spec
    threshold, source = spec.decision_threshold, threshold_source(spec)
    subject = columns.subject_index[columns.responded]
    if threshold is None or source is None or not (subject >= 0).any():
        return ()
    groups = columns.groups
    species = [name for name in groups.names if name != BONA_FIDE]
    place = np.array([-1 if name == BONA_FIDE else species.index(name) for name in groups.names])
    words = np.where(subject >= 0, subject.astype(np.str_), "")
    found = subject_intervals(
        columns.bona_fide_scores[columns.responded],
        place[groups.index[columns.responded]],
        species,
        words,
        threshold=threshold,
    )
    people = len(np.unique(subject[subject >= 0])) + int((subject < 0).sum())
    return tuple(
        SubjectIntervalRow(
            name=one.name,
            value=one.value,
            lower=one.interval.lower,
            upper=one.interval.upper,
            level=one.interval.level,
            method=one.interval.method,
            subjects=people,
            threshold_source=ORACLE if one.name in _OWN_THRESHOLD else "" if one.name == "AUC" else source,
        )
        for one in found
    )
