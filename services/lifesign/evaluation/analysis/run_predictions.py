"""The predictions of a whole run in few bytes per sample; what only examples need stays on the disk."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lifesign.datasets.slice_names import CROSS, MATCH_DECISION, MEASURED_SLICES, SKIN_TONE_BAND
from lifesign.evaluation.analysis.code_columns import CodeBuilder
from lifesign.evaluation.analysis.codes import CodeArray, Codes, crossed, smallest_integers
from lifesign.evaluation.analysis.columns import AnalysisSpec, PredictionColumns
from lifesign.evaluation.analysis.measured_slices import MEASURED_COLUMNS
from lifesign.evaluation.analysis.prediction_source import PredictionSource, rows_of, tables_of
from lifesign.memory import release_memory

__all__ = ["RunPredictions"]

_SKIN_TONE = "skin_tone"
_PARTS_PER_RELEASE = 32
_Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class RunPredictions:
    """The decisions of a run: about 20 bytes a sample, whatever its ids and paths and however many classes.

    ``true`` and ``predicted``, ``(n,)``, are class codes in the smallest integers, ``predicted`` −1 without
    a response; ``responded`` is bool. ``score`` is P(bona fide) of a liveness model and the largest score of
    a classifier, float32 or as stored, ``nan`` without a response. ``subject_index`` numbers the subjects, −1
    for an unknown one; ``groups`` are species and bona fide (liveness), ``species`` what the set calls them.
    """

    spec: AnalysisSpec
    source: PredictionSource
    true: CodeArray
    predicted: CodeArray
    responded: NDArray[np.bool_]
    score: _Floats
    subject_index: CodeArray
    species: Codes
    groups: Codes
    slices: dict[str, Codes] = field(repr=False)
    metadata: frozenset[str]

    @classmethod
    def read(cls, source: PredictionSource, spec: AnalysisSpec) -> "RunPredictions":
        """Read the parts of a run, one in memory at a time.

        Raises:
            InputError: a missing column, a label that is no class, or scores of another length.
        """
        names = _base_slices(spec)
        collected = _Collected(spec, names, sum(source.sizes))
        for count, table in enumerate(tables_of(source, _columns_read(names)), start=1):
            collected.add(PredictionColumns.read(table, spec))
            if count % _PARTS_PER_RELEASE == 0:
                release_memory()
        read = cls(
            spec=spec,
            source=source,
            true=collected.true,
            predicted=collected.predicted,
            responded=collected.responded,
            score=collected.score,
            subject_index=collected.subjects.subject_numbers(),
            species=collected.species.sorted_codes(),
            groups=collected.groups.sorted_codes(),
            slices={name: builder.sorted_codes() for name, builder in collected.slices.items()},
            metadata=frozenset(collected.metadata),
        )
        release_memory()
        return read

    @property
    def group_columns(self) -> tuple[str, ...]:
        """The slices that tell groups: no cross, which a column's name may look like, no matcher."""
        return tuple(name for name in self.spec.slices if name != MATCH_DECISION and not self._is_cross(name))

    def slice_codes(self, column: str) -> Codes:
        """Return the values of a slice column; empty and missing ones have the code −1.

        Besides metadata columns: ``skin_tone_band``, the measured slices, and crosses such as ``a*b``.
        """
        if column in self.slices and not self._is_cross(column):
            return self.slices[column]
        one, _, other = column.partition(CROSS)
        return crossed(self.slice_codes(one), self.slice_codes(other))

    def _is_cross(self, name: str) -> bool:
        return CROSS in name and name not in self.metadata

    def values(self, columns: Sequence[str], read: Callable[[PredictionColumns], _Floats]) -> _Floats:
        """Return what ``read`` gives for each part, ``(n,)``; it sees only ``columns`` and the decisions."""
        needed = [*_DECISIONS, *(name for name in columns if name not in _DECISIONS)]
        result: _Floats | None = None
        row = 0
        for table in tables_of(self.source, needed):
            found = read(PredictionColumns.read(table, self.spec))
            if result is None:
                result = np.empty((len(self.true), *found.shape[1:]), dtype=found.dtype)
            result[row : row + len(found)] = found
            row += len(found)
        return np.empty(0) if result is None else result

    @cached_property
    def scores(self) -> _Floats:
        """The scores of every class, ``(n, k)``: 4 bytes a sample and class, so ask for it seldom."""
        return self.values((), lambda part: part.scores)

    def rows(self, rows: Iterable[int], columns: Sequence[str]) -> list[dict[str, str | None]]:
        """Return text columns of a few samples, in their order; a column that is not there is ``None``."""
        found = rows_of(self.source, np.fromiter(rows, np.int64), columns)
        return [
            {name: None if row.get(name) is None else str(row[name]) for name in columns}
            for row in found.to_pylist()
        ]

    def distinct(self, column: str) -> int:
        """Return how many values a text column has, nulls not counted."""
        builder = CodeBuilder(len(self.true))
        for table in tables_of(self.source, [column]):
            if column in table.column_names:
                builder.add_column(table[column])
        return len(builder.numbered()[0])


_DECISIONS = ("label", "outcome", "scores")


class _Collected:
    """What has been read so far, part by part, in arrays for all rows."""

    def __init__(self, spec: AnalysisSpec, slices: Sequence[str], rows: int) -> None:
        kind = smallest_integers(len(spec.class_names))
        self.true: CodeArray = np.empty(rows, dtype=kind)
        self.predicted: CodeArray = np.empty(rows, dtype=kind)
        self.responded = np.empty(rows, dtype=np.bool_)
        self.score: _Floats = np.empty(rows, dtype=np.float32)
        self.metadata: set[str] = set()
        self.subjects, self.species, self.groups = (CodeBuilder(rows) for _ in range(3))
        self.slices = {name: CodeBuilder(rows) for name in slices}
        self._row = 0

    def add(self, part: PredictionColumns) -> None:
        table, score = part.table, part.decisive_scores
        if score.dtype != self.score.dtype:
            wider = np.empty(len(self.score), dtype=np.result_type(score, self.score))
            # Of rows that are still to come the memory holds anything, numbers that cannot be cast as well.
            wider[: self._row] = self.score[: self._row]
            self.score = wider
        rows = slice(self._row, self._row + table.num_rows)
        self._row = rows.stop
        self.true[rows], self.predicted[rows] = part.true, part.predicted
        self.responded[rows], self.score[rows] = part.responded, score
        for builder, column in ((self.subjects, "subject_id"), (self.species, "pai_species")):
            builder.add_column(_text(table, column))
        nobody = Codes((), np.full(table.num_rows, -1, dtype=np.int8))
        self.groups.add_codes(part.groups if part.spec.task == "liveness" else nobody)
        for name, builder in self.slices.items():
            stored = f"slice_{name}" in table.column_names
            self.metadata |= {name} if stored else set()
            builder.add_codes(part.slice_codes(name) if stored or CROSS not in name else nobody)


def _text(table: pa.Table, column: str) -> pa.ChunkedArray:
    if column in table.column_names:
        return table[column]
    return pa.chunked_array([pa.nulls(table.num_rows, pa.string())])


def _base_slices(spec: AnalysisSpec) -> tuple[str, ...]:
    """Return the slices that are read; crosses are made of two such, unless a column has that name."""
    names = dict.fromkeys((*spec.slices, *spec.measured_slices))
    names |= {part: None for name in spec.slices if CROSS in name for part in name.split(CROSS, 1)}
    return tuple(names)


def _columns_read(slices: Sequence[str]) -> list[str]:
    stored = [f"slice_{name}" for name in slices]
    if SKIN_TONE_BAND in slices:
        stored.append(f"slice_{_SKIN_TONE}")
    measured = MEASURED_COLUMNS if set(slices) & set(MEASURED_SLICES) else ()
    return list(dict.fromkeys([*_DECISIONS, "subject_id", "pai_species", *stored, *measured]))
