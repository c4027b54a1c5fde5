"""Columns of a prediction table as arrays: labels, scores, decisions, species and slices."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lifesign.datasets.slice_names import CROSS, MATCH_DECISION, MEASURED_SLICES, SKIN_TONE_BAND
from lifesign.errors import InputError
from lifesign.evaluation.analysis.aggregation import Aggregation
from lifesign.evaluation.analysis.codes import Codes, crossed, recoded
from lifesign.evaluation.analysis.measured_slices import measured_codes
from lifesign.evaluation.metrics.bias import skin_tone_band
from lifesign.labels import BONA_FIDE
from lifesign.model_card import OperatingPoint

__all__ = ["UNSPECIFIED", "AnalysisSpec", "Codes", "PredictionColumns", "class_index", "decided"]

UNSPECIFIED = "unspecified"
"""Species of attacks whose data set names none."""

_SKIN_TONE = "skin_tone"
_BANDS = {
    "mst01-03": "mst01-03 light",
    "mst04-06": "mst04-06 medium",
    "mst07-10": "mst07-10 dark",
}
_NO_OPERATING_POINT = 0.5


@dataclass(frozen=True)
class AnalysisSpec:
    """How predictions are read: classes, decision, slices and drift reference.

    Without ``threshold`` the operating point's is used, without both 0.5. ``aggregate`` says what was done
    to the predictions before they are read.
    """

    class_names: tuple[str, ...]
    task: Literal["liveness", "classification"]
    threshold: float | None = None
    operating_point: OperatingPoint | None = None
    slice_columns: tuple[str, ...] = ()
    measured_slices: tuple[str, ...] = MEASURED_SLICES
    reference_profile: Mapping[str, Any] = field(default_factory=dict)
    aggregate: Aggregation = Aggregation.NONE

    @property
    def decision_threshold(self) -> float | None:
        """Threshold on P(bona fide) that decides; ``None`` for classifiers, where the largest score does."""
        if self.task == "classification":
            return None
        if self.threshold is not None:
            return self.threshold
        return _NO_OPERATING_POINT if self.operating_point is None else self.operating_point.threshold

    @property
    def slices(self) -> tuple[str, ...]:
        """The slice columns and those derived from them."""
        derived = (SKIN_TONE_BAND,) if _SKIN_TONE in self.slice_columns else ()
        return (*self.slice_columns, *(name for name in derived if name not in self.slice_columns))

    @property
    def counted_slices(self) -> tuple[str, ...]:
        """The slices, and what a face matcher decided: full-system rates need it whatever the slices are."""
        matcher = (MATCH_DECISION,) if self.task == "liveness" else ()
        return tuple(dict.fromkeys((*self.slices, *matcher)))


@dataclass(frozen=True)
class PredictionColumns:
    """The rows of a prediction table as arrays.

    ``true`` int64 ``(n,)``; ``responded`` bool ``(n,)``; ``scores`` float32 ``(n, k)``, float64 where the
    table holds them so, ``nan`` without a response; ``logits`` likewise or ``None``; ``predicted`` int64
    ``(n,)``, −1 without a response.
    """

    table: pa.Table
    spec: AnalysisSpec
    true: NDArray[np.int64]
    responded: NDArray[np.bool_]
    scores: NDArray[np.floating[Any]]
    logits: NDArray[np.floating[Any]] | None
    predicted: NDArray[np.int64]

    @classmethod
    def read(cls, table: pa.Table, spec: AnalysisSpec) -> "PredictionColumns":
        """Read a table with the columns of a prediction part.

        Raises:
            InputError: a missing column, a label that is no class, or scores of another length.
        """
        missing = [name for name in ("label", "outcome", "scores") if name not in table.column_names]
        if missing:
            raise InputError(f"expected prediction columns {missing}, got {table.column_names}")
        true = class_index(table["label"], spec.class_names)
        responded = np.asarray(pc.equal(table["outcome"], "scored").to_numpy(), dtype=np.bool_)
        scores = _vectors(table, "scores", responded, len(spec.class_names))
        if scores is None:
            raise InputError("expected scores for every row with outcome 'scored', got rows without them")
        logits = _vectors(table, "logits", responded, len(spec.class_names))
        predicted = np.where(responded, decided(scores, spec), -1)
        return cls(table, spec, true, responded, scores, logits, predicted)

    @property
    def decisive_scores(self) -> NDArray[np.floating[Any]]:
        """P(bona fide), or the largest score of a classifier, ``(n,)`` as the table holds it."""
        if self.spec.task == "liveness":
            return self.scores[:, self.spec.class_names.index(BONA_FIDE)].copy()
        return np.asarray(self.scores.max(axis=1))

    @property
    def groups(self) -> Codes:
        """``bona_fide`` or the PAI species of each row; liveness only."""
        species = self._codes("pai_species")
        names = [_species(name) for name in species.names]
        attack, bona_fide = len(names), len(names) + 1
        index = np.where(species.index < 0, attack, species.index.astype(np.int64))
        index[self.true == self.spec.class_names.index(BONA_FIDE)] = bona_fide
        return recoded([*names, UNSPECIFIED, BONA_FIDE], index)

    @cached_property
    def subject_index(self) -> NDArray[np.int64]:
        """A number per subject, int64 ``(n,)``, −1 for an unknown one."""
        if "subject_id" not in self.table.column_names:
            return np.full(len(self.true), -1, dtype=np.int64)
        encoded = pa.concat_arrays(self.table["subject_id"].cast(pa.string()).chunks).dictionary_encode()
        index = encoded.indices.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
        nobody = pc.index(encoded.dictionary, "").as_py()
        return np.where(index == nobody, -1, index) if nobody >= 0 else index

    def slice_codes(self, column: str) -> Codes:
        """Return the values of a slice column; empty and missing ones have the code −1.

        Besides metadata columns: ``skin_tone_band``, the measured slices, and crosses such as ``a*b``.
        """
        if f"slice_{column}" in self.table.column_names:
            return self._codes(f"slice_{column}")
        if CROSS in column:
            one, _, other = column.partition(CROSS)
            return crossed(self.slice_codes(one), self.slice_codes(other))
        if column in MEASURED_SLICES:
            return measured_codes(column, self.number, self.spec.reference_profile)
        if column == SKIN_TONE_BAND:
            tones = self._codes(f"slice_{_SKIN_TONE}")
            return recoded([_BANDS.get(skin_tone_band(name)) for name in tones.names], tones.index)
        return self._codes(f"slice_{column}")

    def _codes(self, column: str) -> Codes:
        if column not in self.table.column_names:
            return Codes((), np.full(len(self.true), -1, dtype=np.int8))
        encoded = pa.concat_arrays(self.table[column].cast(pa.string()).chunks).dictionary_encode()
        index = encoded.indices.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
        return recoded([name or None for name in encoded.dictionary.to_pylist()], index)

    def feature(self, name: str) -> NDArray[np.float64]:
        """Return a drift feature, float64 ``(n,)``: an image statistic, or the score, by its name.

        ``score`` is P(bona fide) of a liveness model and the largest score of a classifier.
        """
        if name == "score":
            return self.decisive_scores.astype(np.float64)
        return self.number(name if name in self.table.column_names else f"stat_{name}")

    def text(self, column: str) -> tuple[str | None, ...]:
        """Return a text column; a column that the table lacks is all ``None``."""
        if column not in self.table.column_names:
            return (None,) * len(self.true)
        return tuple(self.table[column].to_pylist())

    def cell(self, column: str, row: int) -> str | None:
        """Return one text cell; a column that the table lacks is all ``None``."""
        if column not in self.table.column_names:
            return None
        value = self.table[column][row].as_py()
        return None if value is None else str(value)

    def number(self, column: str) -> NDArray[np.float64]:
        """Return a numeric column, float64 ``(n,)``, ``nan`` where it is missing."""
        if column not in self.table.column_names:
            return np.full(len(self.true), np.nan)
        values = self.table[column].cast(pa.float64()).to_numpy()
        return np.asarray(values, dtype=np.float64)


def class_index(labels: pa.ChunkedArray, class_names: tuple[str, ...]) -> NDArray[np.int64]:
    """Return the places of labels among the classes, int64 ``(n,)``.

    Raises:
        InputError: a label that is no class.
    """
    found = pc.index_in(labels, value_set=pa.array(class_names, labels.type))
    if found.null_count:
        unknown = sorted({str(one) for one in labels.to_pylist()} - set(class_names))
        raise InputError(f"expected labels among {list(class_names)}, got {unknown}")
    return np.asarray(found.to_numpy(), dtype=np.int64)


def _vectors(
    table: pa.Table, column: str, responded: NDArray[np.bool_], size: int
) -> NDArray[np.floating[Any]] | None:
    if column not in table.column_names:
        return None
    # Served scores are float32; those read from a file keep the digits that a threshold is compared with.
    is_double = pa.types.is_float64(table.schema.field(column).type.value_type)
    kind: type[np.floating[Any]] = np.float64 if is_double else np.float32
    result = np.full((len(responded), size), np.nan, dtype=kind)
    lists = table[column].filter(pa.array(responded))
    if lists.null_count:
        return None
    lengths = pc.unique(pc.list_value_length(lists)).to_pylist()
    if any(length != size for length in lengths):
        raise InputError(f"expected {size} {column} per sample, got {sorted(lengths)}")
    flat = pc.list_flatten(lists).to_numpy()
    result[responded] = np.asarray(flat, dtype=kind).reshape(-1, size)
    return result


def decided(scores: NDArray[np.floating[Any]], spec: AnalysisSpec) -> NDArray[np.int64]:
    """Return the classes that scores ``(n, k)`` decide for, int64 ``(n,)``; without a response any."""
    threshold = spec.decision_threshold
    if threshold is None:
        return np.asarray(np.argmax(np.nan_to_num(scores, nan=-1.0), axis=1), dtype=np.int64)
    bona_fide = spec.class_names.index(BONA_FIDE)
    # In float64, as the gateway compares: in float32 a threshold between two scores would be rounded.
    accepted = scores[:, bona_fide].astype(np.float64) >= threshold
    return np.where(accepted, bona_fide, 1 - bona_fide).astype(np.int64)


def _species(name: str | None) -> str:
    return UNSPECIFIED if not name or name == BONA_FIDE else name
