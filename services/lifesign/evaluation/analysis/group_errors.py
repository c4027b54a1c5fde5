"""Errors of one kind, group by group: what differential performance compares, read off the predictions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lifesign.evaluation.analysis.codes import CodeArray, Codes, cell_numbers
from lifesign.evaluation.analysis.run_predictions import RunPredictions
from lifesign.evaluation.metrics.bias import stratified_p_value
from lifesign.evaluation.metrics.clustering import ErrorClusters
from lifesign.evaluation.metrics.intervals import Rate
from lifesign.labels import ATTACK, BONA_FIDE

__all__ = ["ErrorKind", "GroupErrors", "error_kinds", "miss_kinds"]

_BLOCK = 131_072  # samples at once


@dataclass(frozen=True, eq=False)
class ErrorKind:
    """One error rate: its name, the samples it is taken over, which of them are wrong, and their strata.

    ``rows`` int32 ``(n,)`` index the predictions, whose arrays the others are taken from when asked for. A
    stratum is what an error may depend on without being unfair: the species of an attack, the true class of
    an object.
    """

    name: str
    rows: NDArray[np.int32]
    columns: RunPredictions
    is_by_species: bool

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """Which samples are wrong, bool ``(n,)``."""
        return self.is_wrong(self.rows)

    def is_wrong(self, rows: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Tell which of some predictions are wrong, bool ``(m,)``."""
        return np.not_equal(self.columns.predicted[rows], self.columns.true[rows])

    @property
    def all_strata(self) -> CodeArray:
        """Codes of the strata of all predictions."""
        return self.columns.groups.index if self.is_by_species else self.columns.true

    @property
    def subjects(self) -> CodeArray:
        """Numbers of the subjects, ``(n,)``, −1 for an unknown one."""
        return self.columns.subject_index[self.rows]

    @property
    def has_repeats(self) -> bool:
        """Whether a subject gave two samples."""
        subjects = self.subjects
        return bool((np.bincount(subjects[subjects >= 0]) > 1).any())


def error_kinds(columns: RunPredictions) -> Iterator[ErrorKind]:
    """Yield BPCER, APCER and both together of a liveness model, the error rate of a classifier.

    Both together finds a group that is worse at either when each alone has too few samples.
    """
    if columns.spec.task == "classification":
        yield _kind(columns, "error rate", columns.responded)
        return
    for kind, name in (("BPCER", BONA_FIDE), ("APCER", ATTACK)):
        inside = columns.true == columns.spec.class_names.index(name)
        yield _kind(columns, kind, inside & columns.responded)
    yield _kind(columns, "error rate", columns.responded)


def miss_kinds(columns: RunPredictions) -> Iterator[ErrorKind]:
    """Yield the miss rate, 1 − recall, of every class of a classifier with more than two classes.

    With two classes too, unless it is a liveness model: those have BPCER and APCER.
    """
    if columns.spec.task == "classification":
        for code, name in enumerate(columns.spec.class_names):
            yield _kind(columns, f"miss rate of {name}", (columns.true == code) & columns.responded)


def _kind(columns: RunPredictions, name: str, inside: NDArray[np.bool_]) -> ErrorKind:
    rows = np.flatnonzero(inside).astype(np.int32)
    return ErrorKind(name, rows, columns, columns.spec.task == "liveness")


@dataclass(frozen=True, eq=False)
class GroupErrors:
    """An error kind split by the values of a column; samples without a value are left out.

    ``names`` are the groups with samples, ``used`` their codes. ``errors`` and ``totals``, int64
    ``(groups, strata)``, count them; what needs the samples again reads them again, so that many of these
    can be kept.
    """

    kind: ErrorKind
    names: tuple[str, ...]
    errors: NDArray[np.int64]
    totals: NDArray[np.int64]
    _codes: Codes
    _used: NDArray[np.int64]

    @classmethod
    def split(cls, kind: ErrorKind, codes: Codes) -> "GroupErrors":
        """Split by a column's codes over all predictions."""
        width = int(kind.all_strata.max(initial=0)) + 1
        totals, errors = (np.zeros((len(codes.names), width), dtype=np.int64) for _ in range(2))
        for start in range(0, len(kind.rows), _BLOCK):
            rows = kind.rows[start : start + _BLOCK]
            rows = rows[codes.index[rows] >= 0]
            cells = cell_numbers(codes.index[rows], kind.all_strata[rows], width)
            wrong = kind.is_wrong(rows)
            totals += np.bincount(cells, minlength=totals.size).reshape(totals.shape)
            errors += np.bincount(cells[wrong], minlength=totals.size).reshape(totals.shape)
        # Groups and strata without samples are none.
        used, seen = np.flatnonzero(totals.sum(axis=1)), np.flatnonzero(totals.sum(axis=0))
        names = tuple(codes.names[code] for code in used.tolist())
        place = np.ix_(used, seen)
        return cls(kind, names, errors[place], totals[place], codes, used)

    def _samples(self) -> tuple[NDArray[np.bool_], CodeArray, CodeArray]:
        """Return whether wrong, group and subject of the samples that have a group, ``(n,)``."""
        index = self._codes.index[self.kind.rows]
        kept = index >= 0
        place = np.zeros(len(self._codes.names), dtype=index.dtype)
        place[self._used] = np.arange(len(self._used))
        return self.kind.wrong[kept], place[index[kept]], self.kind.subjects[kept]

    @cached_property
    def rates(self) -> dict[str, Rate]:
        """Errors and samples of every group."""
        errors, totals = (table.sum(axis=1).tolist() for table in (self.errors, self.totals))
        return {name: Rate(*pair) for name, *pair in zip(self.names, errors, totals, strict=True)}

    def _clusters(self) -> ErrorClusters | None:
        """Return errors per subject and group; ``None`` where no subject gave two samples."""
        wrong, group, subjects = self._samples()
        if not (np.bincount(subjects[subjects >= 0]) > 1).any():
            return None
        return ErrorClusters.from_samples(wrong, group, subjects)

    @cached_property
    def design_effects(self) -> dict[str, float]:
        """Design effect of every group's rate, 1 where no subject gave two samples."""
        clusters = self._clusters()
        if clusters is None:
            return dict.fromkeys(self.names, 1.0)
        return dict(zip(self.names, clusters.design_effects(len(self.names)).tolist(), strict=True))

    def second_p_value(self, name: str, others: Sequence[str]) -> float:
        """Return the larger p-value of what else must agree that a group is worse than others.

        Whole subjects dealt out anew, where subjects gave several samples; and the same within strata,
        where there are several: a group that only met the harder attacks is not treated worse.
        """
        own, rest = self.names.index(name), np.array([self.names.index(other) for other in others])
        found = [0.0]
        clusters = self._clusters()
        if clusters is not None:
            found.append(clusters.exchange_p_value(own, rest))
        errors, total = self.errors, self.totals
        if total.shape[1] > 1:
            found.append(
                stratified_p_value(
                    errors[own],
                    total[own],
                    errors[rest].sum(axis=0),
                    total[rest].sum(axis=0),
                    design_effect=self.design_effects[name],
                )
            )
        return max(1.0 if np.isnan(p) else p for p in found)
