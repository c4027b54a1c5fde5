"""Limits that take subjects, not samples, for independent, as a part of the report."""

import numpy as np
from numpy.typing import NDArray

from lifesign.evaluation.analysis.codes import CodeArray
from lifesign.evaluation.analysis.pad import ORACLE, threshold_source
from lifesign.evaluation.analysis.run_predictions import RunPredictions
from lifesign.evaluation.metrics.block_counts import blocks, counts_by_code
from lifesign.evaluation.metrics.subject_accuracy import SubjectAnswers
from lifesign.evaluation.metrics.subject_bootstrap import subject_intervals
from lifesign.evaluation.report.document import SubjectIntervalRow
from lifesign.labels import BONA_FIDE
from lifesign.memory import release_memory

__all__ = ["subject_interval_rows"]

_OWN_THRESHOLD = frozenset({"EER"})


def subject_interval_rows(columns: RunPredictions) -> tuple[SubjectIntervalRow, ...]:
    """Return limits by subjects; none where no subject is known.

    The error rates, EER and AUC of a liveness run; accuracy and macro recall of a classifier.
    """
    spec = columns.spec
    threshold, source = spec.decision_threshold, threshold_source(spec)
    is_whole = bool(columns.responded.all())
    subject = columns.subject_index if is_whole else columns.subject_index[columns.responded]
    if not (subject >= 0).any():
        return ()
    if threshold is None or source is None:
        return _of_classes(columns)
    release_memory()
    species = [name for name in columns.groups.names if name != BONA_FIDE]
    found = subject_intervals(
        columns.score if is_whole else columns.score[columns.responded],
        _species_index(columns, species),
        species,
        subject,
        threshold=threshold,
    )
    people = _people(subject)
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


def _species_index(columns: RunPredictions, species: list[str]) -> NDArray[np.int16]:
    """Return the place of each answered sample's species, -1 for bona fide."""
    groups = columns.groups
    place = np.array([-1 if name == BONA_FIDE else species.index(name) for name in groups.names], np.int16)
    # NumPy widens what it indexes with to 8 bytes: a part at a time.
    parts = blocks(len(groups.index), 0)
    return np.concatenate([place[groups.index[part][columns.responded[part]]] for part in parts])


def _people(subject: CodeArray) -> int:
    """Return how many subjects there are; every sample of an unknown one is one of its own."""
    known = subject >= 0
    seen = counts_by_code(subject, known, width=int(subject.max()) + 1)
    return int(np.count_nonzero(seen)) + int(np.count_nonzero(~known))


def _of_classes(columns: RunPredictions) -> tuple[SubjectIntervalRow, ...]:
    answered = columns.responded
    answers = SubjectAnswers.from_samples(
        columns.true[answered].astype(np.int64),
        columns.predicted[answered],
        columns.subject_index[answered],
        classes=len(columns.spec.class_names),
    )
    found = {
        "accuracy": (answers.accuracy, answers.accuracy_interval()),
        "recall, macro": (answers.macro_recall, answers.macro_recall_interval()),
    }
    return tuple(
        SubjectIntervalRow(
            name=name,
            value=value,
            lower=limits.lower,
            upper=limits.upper,
            level=limits.level,
            method=limits.method,
            subjects=answers.subjects,
            threshold_source="",
        )
        for name, (value, limits) in found.items()
    )
