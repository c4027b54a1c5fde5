"""Calibration as a part of the report."""

import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lifesign.evaluation.analysis.columns import AnalysisSpec, PredictionColumns
from lifesign.evaluation.analysis.rates import optional
from lifesign.evaluation.analysis.state import RunState
from lifesign.evaluation.metrics.calibration import ReliabilityBin, ReliabilityCounts
from lifesign.evaluation.metrics.temperature import fit_temperature, log_loss_at, scaled_scores
from lifesign.evaluation.report.document import CalibrationBin, CalibrationDocument, TemperatureDocument
from lifesign.labels import BONA_FIDE
from lifesign.memory import release_memory

__all__ = ["TEMPERATURE_COLUMNS", "calibration_document", "temperature_document"]

TEMPERATURE_COLUMNS = ("label", "outcome", "scores", "logits", "subject_id", "sample_id")
"""Columns of a prediction part that a temperature is fitted on."""

_MOST_SAMPLES = 50_000
_MOST_CELLS = 5_000_000
_CELLS_AT_ONCE = 250_000
_FEWEST_SAMPLES = 20  # in each half; with fewer a temperature is mostly chance


def calibration_document(
    state: RunState, temperature: TemperatureDocument | None = None
) -> CalibrationDocument | None:
    """Return errors and rows of the reliability diagrams; ``None`` without scored samples."""
    counts, fine = state.reliability, state.fine_reliability
    if counts.total == 0:
        return None
    return CalibrationDocument(
        ece=optional(counts.ece()),
        mce=optional(counts.mce()),
        brier=optional(counts.brier()),
        bins=_rows(counts.bins()),
        adaptive_ece=optional(fine.adaptive_ece()),
        equal_mass_bins=_rows(fine.equal_mass()),
        temperature=temperature,
    )


def temperature_document(
    tables: Iterable[pa.Table], spec: AnalysisSpec, *, scored: int
) -> TemperatureDocument | None:
    """Return the temperature of at most 50,000 evenly chosen samples; ``None`` without logits.

    Each half of the subjects (of the samples, where there are none) is judged at the temperature of the
    other half, so that the gain it tells is not that of having looked.
    """
    release_memory()
    most = min(_MOST_SAMPLES, max(1, _MOST_CELLS // len(spec.class_names)))
    logits, true, half = _sample(tables, spec, step=max(1, -(-scored // most)))
    if logits is None or min(int(half.sum()), int((~half).sum())) < _FEWEST_SAMPLES:
        return None
    fitted = fit_temperature(logits, true)
    after, losses = np.empty(len(true)), np.empty(len(true))
    right = np.empty(len(true), dtype=np.bool_)
    for side in (half, ~half):
        other = fit_temperature(logits[~side], true[~side]).value
        after[side], right[side] = _decisive(logits[side], true[side], other, spec)
        losses[side] = log_loss_at(logits[side], true[side], other)
    return TemperatureDocument(
        value=fitted.value,
        samples=len(true),
        log_loss_before=fitted.log_loss_before,
        log_loss_after=float(losses.mean()),
        ece_before=ReliabilityCounts.from_batch(*_decisive(logits, true, 1.0, spec)).ece(),
        ece_after=ReliabilityCounts.from_batch(after, right).ece(),
    )


def _sample(
    tables: Iterable[pa.Table], spec: AnalysisSpec, *, step: int
) -> tuple[NDArray[np.floating[Any]] | None, NDArray[np.int64], NDArray[np.bool_]]:
    """Return logits, true classes and half of every ``step``-th scored sample, whatever the parts."""
    logits, true, half, seen = [], [], [], 0
    for table in tables:
        columns = PredictionColumns.read(table, spec)
        if columns.logits is None:
            return None, np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.bool_)
        rows = np.flatnonzero(columns.responded)
        chosen = rows[(-seen % step) :: step]
        seen += len(rows)
        finite = np.isfinite(columns.logits[chosen]).all(axis=1)
        chosen = chosen[finite]
        logits.append(columns.logits[chosen])
        true.append(columns.true[chosen])
        half.append(_halves(columns, chosen))
    if not logits:
        return None, np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.bool_)
    return np.concatenate(logits), np.concatenate(true), np.concatenate(half)


def _halves(columns: PredictionColumns, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    words = [
        columns.cell("subject_id", row) or columns.cell("sample_id", row) or str(row) for row in rows.tolist()
    ]
    return np.array([zlib.crc32(word.encode()) & 1 for word in words], dtype=np.bool_)


def _decisive(
    logits: NDArray[np.floating[Any]], true: NDArray[np.int64], temperature: float, spec: AnalysisSpec
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the scores that a report calibrates, and whether they were right, ``(n,)`` each."""
    found, right = np.empty(len(true)), np.empty(len(true), dtype=np.bool_)
    rows = max(1, _CELLS_AT_ONCE // len(spec.class_names))
    for start in range(0, len(true), rows):
        block = slice(start, start + rows)
        scores = scaled_scores(logits[block], temperature)
        if spec.task == "liveness":
            index = spec.class_names.index(BONA_FIDE)
            found[block], right[block] = scores[:, index], true[block] == index
        else:
            found[block], right[block] = scores.max(axis=1), scores.argmax(axis=1) == true[block]
    return found, right


def _rows(bins: Sequence[ReliabilityBin]) -> tuple[CalibrationBin, ...]:
    return tuple(
        CalibrationBin(
            lower=one.lower,
            upper=one.upper,
            count=one.count,
            mean_score=optional(one.mean_score),
            share_positive=optional(one.true_share),
        )
        for one in bins
    )
