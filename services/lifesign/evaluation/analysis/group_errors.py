"""Errors of one kind, group by group: what differential performance compares, read off the predictions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lifesign.evaluation.analysis.columns import Codes, PredictionColumns
from lifesign.evaluation.metrics.bias import stratified_p_value
from lifesign.evaluation.metrics.clustering import ErrorClusters
from lifesign.evaluation.metrics.intervals import Rate
from lifesign.labels import ATTACK, BONA_FIDE

__all__ = ["ErrorKind", "GroupErrors", "error_kinds", "miss_kinds"]


@dataclass(frozen=True, eq=False)
class ErrorKind:
    """One error rate: its name, the rows it is taken over, which of them are wrong, and their strata.

    ``rows`` int64 ``(n,)`` index the predictions; ``wrong`` bool, ``strata`` int64 and ``subjects`` int64,
    −1 for an unknown one, are ``(n,)`` too. A stratum is what an error may depend on without being
    unfair: the species of an attack, the true class of an object.
    """

    name: str
    rows: NDArray[np.int64]
    wrong: NDArray[np.bool_]
    strata: NDArray[np.int64]
    subjects: NDArray[np.int64]


def error_kinds(columns: PredictionColumns) -> tuple[ErrorKind, ...]:
    """Return BPCER, APCER and both together of a liveness model, the error rate of a classifier.

    Both together finds a group that is worse at either when each alone has too few samples.
    """
    everything = np.ones(len(columns.true), dtype=np.bool_)
    if columns.spec.task == "classification":
        return (_kind(columns, "error rate", everything, columns.true),)
    bona_fide, attack = (columns.true == columns.spec.class_names.index(name) for name in (BONA_FIDE, ATTACK))
    species = columns.groups.index
    return (
        _kind(columns, "BPCER", bona_fide, species),
        _kind(columns, "APCER", attack, species),
        _kind(columns, "error rate", everything, species),
    )


def miss_kinds(columns: PredictionColumns) -> Iterator[ErrorKind]:
    """Yield the miss rate, 1 − recall, of every class of a classifier with more than two classes.

    With two classes too, unless it is a liveness model: those have BPCER and APCER.
    """
    if columns.spec.task == "classification":
        order = np.argsort(columns.true, kind="stable")
        bounds = np.searchsorted(columns.true[order], np.arange(len(columns.spec.class_names) + 1))
        for code, name in enumerate(columns.spec.class_names):
            rows = order[bounds[code] : bounds[code + 1]]
            inside = np.zeros(len(columns.true), dtype=np.bool_)
            inside[rows] = True
            yield _kind(columns, f"miss rate of {name}", inside, columns.true)


def _kind(
    columns: PredictionColumns, name: str, inside: NDArray[np.bool_], strata: NDArray[np.int64]
) -> ErrorKind:
    rows = np.flatnonzero(inside & columns.responded)
    wrong = columns.predicted[rows] != columns.true[rows]
    return ErrorKind(name, rows, wrong, strata[rows], columns.subject_index[rows])


@dataclass(frozen=True, eq=False)
class GroupErrors:
    """An error kind split by the values of a column; samples without a value are left out.

    ``names`` are the groups with samples; ``group`` int64 ``(n,)`` their code per sample of ``kind`` that
    has one, ``kept`` bool which samples those are.
    """

    kind: ErrorKind
    names: tuple[str, ...]
    group: NDArray[np.int64]
    kept: NDArray[np.bool_]

    @classmethod
    def split(cls, kind: ErrorKind, codes: Codes) -> "GroupErrors":
        """Split by a column's codes over all predictions."""
        index = codes.index[kind.rows]
        kept = index >= 0
        used, group = np.unique(index[kept], return_inverse=True)
        return cls(kind, tuple(codes.names[code] for code in used.tolist()), group.ravel(), kept)

    @cached_property
    def _tables(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Errors and samples, int64 ``(groups, strata)``."""
        _, stratum = np.unique(self.kind.strata[self.kept], return_inverse=True)
        width = int(stratum.max(initial=0)) + 1
        cell, size = self.group * width + stratum.ravel(), len(self.names) * width
        total = np.bincount(cell, minlength=size).reshape(-1, width)
        errors = np.bincount(cell[self.kind.wrong[self.kept]], minlength=size).reshape(-1, width)
        return errors.astype(np.int64), total.astype(np.int64)

    @cached_property
    def rates(self) -> dict[str, Rate]:
        """Errors and samples of every group."""
        errors, total = (table.sum(axis=1).tolist() for table in self._tables)
        return {name: Rate(*pair) for name, *pair in zip(self.names, errors, total, strict=True)}

    @cached_property
    def _clusters(self) -> ErrorClusters | None:
        """Errors per subject and group; ``None`` where no subject gave two samples."""
        subjects = self.kind.subjects[self.kept]
        known = subjects[subjects >= 0]
        if len(known) == len(np.unique(known)):
            return None
        return ErrorClusters.from_samples(self.kind.wrong[self.kept], self.group, subjects)

    @cached_property
    def design_effects(self) -> dict[str, float]:
        """Design effect of every group's rate, 1 where no subject gave two samples."""
        if self._clusters is None:
            return dict.fromkeys(self.names, 1.0)
        return dict(zip(self.names, self._clusters.design_effects(len(self.names)).tolist(), strict=True))

    def second_p_value(self, name: str, others: Sequence[str]) -> float:
        """Return the larger p-value of what else must agree that a group is worse than others.

        Whole subjects dealt out anew, where subjects gave several samples; and the same within strata,
        where there are several: a group that only met the harder attacks is not treated worse.
        """
        own, rest = self.names.index(name), np.array([self.names.index(other) for other in others])
        found = [0.0]
        if self._clusters is not None:
            found.append(self._clusters.exchange_p_value(own, rest))
        errors, total = self._tables
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
