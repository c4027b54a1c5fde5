"""Decisions on a set of samples as counts that add up: the part of a state that every slice has."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from lifesign.errors import InputError
from lifesign.evaluation.analysis.codes import CodeArray, Codes, cell_numbers
from lifesign.evaluation.analysis.columns import AnalysisSpec
from lifesign.evaluation.metrics.confusion import ConfusionMatrix
from lifesign.evaluation.metrics.pad import Outcome, PadCounts
from lifesign.labels import BONA_FIDE

__all__ = ["Decisions", "Tally", "tallies"]

_BLOCK = 131_072  # rows at once


@dataclass(frozen=True, eq=False)
class Tally:
    """Decisions on some samples: confusion matrix, samples per class without a response, PAD outcomes."""

    confusion: ConfusionMatrix
    no_response: NDArray[np.int64]
    pad: PadCounts | None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Tally):
            return NotImplemented
        return self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def empty(cls, spec: AnalysisSpec) -> Self:
        """Return the tally without samples: the identity of ``merge``."""
        threshold = spec.decision_threshold
        return cls(
            ConfusionMatrix.empty(spec.class_names),
            np.zeros(len(spec.class_names), dtype=np.int64),
            None if threshold is None else PadCounts.empty(threshold),
        )

    @property
    def samples(self) -> int:
        """Number of samples with and without a response."""
        return self.confusion.total + int(self.no_response.sum())

    def merge(self, other: Self) -> Self:
        """Return the tally of both sample sets."""
        if (self.pad is None) != (other.pad is None):
            raise InputError("cannot merge the state of a liveness model with that of a classifier")
        pad = None if self.pad is None or other.pad is None else self.pad.merge(other.pad)
        return type(self)(self.confusion.merge(other.confusion), self.no_response + other.no_response, pad)

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON values; of the matrix only the cells in use."""
        used = np.flatnonzero(self.confusion.counts)
        return {
            "cells": used.tolist(),
            "counts": self.confusion.counts.ravel()[used].tolist(),
            "no_response": self.no_response.tolist(),
            "pad": None if self.pad is None else self.pad.to_dict(),
        }

    @classmethod
    def from_dict(cls, class_names: tuple[str, ...], state: Mapping[str, Any]) -> Self:
        """Return the state that ``to_dict`` wrote."""
        size = len(class_names)
        cells = np.zeros(size * size, dtype=np.int64)
        cells[np.asarray(state["cells"], dtype=np.int64)] = state["counts"]
        return cls(
            ConfusionMatrix(class_names, cells.reshape(size, size)),
            np.asarray(state["no_response"], dtype=np.int64),
            None if state["pad"] is None else PadCounts.from_dict(state["pad"]),
        )


class Decisions(Protocol):
    """What is counted of predictions, ``(n,)`` each: true class, predicted class or −1, whether answered."""

    @property
    def spec(self) -> AnalysisSpec: ...

    @property
    def true(self) -> CodeArray: ...

    @property
    def predicted(self) -> CodeArray: ...

    @property
    def responded(self) -> NDArray[np.bool_]: ...


def tallies(columns: Decisions, slices: Codes, groups: Codes | None) -> dict[str, Tally]:
    """Count the samples of every slice value at once; rows without a value are left out."""
    size, names = len(columns.spec.class_names), slices.names
    confusion = np.zeros((len(names), size, size), dtype=np.int64)
    missing = np.zeros((len(names), size), dtype=np.int64)
    for rows in _blocks(len(slices.index)):
        index, responded = slices.index[rows], columns.responded[rows]
        own = cell_numbers(index, columns.true[rows], size)
        silent = own[(index >= 0) & ~responded]
        missing += np.bincount(silent, minlength=missing.size).reshape(missing.shape)
        cells = cell_numbers(own, columns.predicted[rows], size)[(index >= 0) & responded]
        confusion += np.bincount(cells, minlength=confusion.size).reshape(confusion.shape)
    pads = _pads(columns, slices, groups) if groups is not None else [None] * len(names)
    class_names = columns.spec.class_names
    return {
        name: Tally(ConfusionMatrix(class_names, confusion[index]), missing[index], pads[index])
        for index, name in enumerate(names)
    }


def _blocks(rows: int) -> Iterator[slice]:
    return (slice(start, start + _BLOCK) for start in range(0, rows, _BLOCK))


def _pads(columns: Decisions, slices: Codes, groups: Codes) -> list[PadCounts]:
    threshold = columns.spec.decision_threshold
    if threshold is None:
        raise InputError("PAD outcomes need a threshold on the score")
    bona_fide = columns.spec.class_names.index(BONA_FIDE)
    counts = np.zeros((len(slices.names), len(groups.names), 3), dtype=np.int64)
    for rows in _blocks(len(slices.index)):
        accepted = columns.predicted[rows] == bona_fide
        outcome = np.where(columns.responded[rows], np.where(accepted, 0, 1), 2).astype(np.int8)
        own = cell_numbers(slices.index[rows], groups.index[rows], len(groups.names))
        cells = cell_numbers(own, outcome, 3)[slices.index[rows] >= 0]
        counts += np.bincount(cells, minlength=counts.size).reshape(counts.shape)
    result = []
    for table in counts.tolist():
        found = {name: Outcome(*row) for name, row in zip(groups.names, table, strict=True) if any(row)}
        result.append(PadCounts(threshold, found))
    return result
