"""The same samples answered by another version: which errors are new, and is that more than chance."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lifesign.errors import ConfigurationError, StorageError
from lifesign.evaluation.analysis.aggregation import Aggregation, aggregate_presentations
from lifesign.evaluation.analysis.columns import AnalysisSpec, PredictionColumns
from lifesign.evaluation.analysis.rates import optional
from lifesign.evaluation.metrics.comparison import Comparison, compare_errors, mcnemar_exact
from lifesign.evaluation.metrics.multiplicity import holm
from lifesign.evaluation.replay.predictions import read_predictions
from lifesign.evaluation.report.document import BaselineComparison, FlippedSample, MetricChange
from lifesign.labels import ATTACK, BONA_FIDE

__all__ = ["compare_with_baseline"]

_ALPHA = 0.01
_MATERIAL = 0.005  # a rise below half a point is written down, not alerted
_ALIKE = 0.02  # "same" needs the whole interval within this of 0; else the samples cannot tell
_SHOWN = 200
_MIN_SLICE = 20
_MIN_RISE = 3
_COLUMNS = ("sample_id", "label", "scores", "outcome")


@dataclass(frozen=True)
class _Paired:
    """Rows both versions answered: bool and float64 arrays ``(n,)``."""

    columns: PredictionColumns
    rows: NDArray[np.int64]
    before_wrong: NDArray[np.bool_]
    now_wrong: NDArray[np.bool_]
    before_score: NDArray[np.float64]


def compare_with_baseline(columns: PredictionColumns, run_dir: Path) -> BaselineComparison:
    """Compare a run with the stored predictions of another one, each at its own threshold.

    Liveness: BPCER, APCER over all attacks, and APCER of every species; classifiers: the error rate.
    p-values are exact McNemar, corrected by Holm, overall rates and species apart; limits are by subjects
    where known.

    Raises:
        StorageError: the baseline has no report or no predictions.
        ConfigurationError: it was made by a model with other classes.
    """
    report = _read_report(run_dir)
    model = report["model"]
    if tuple(model["class_names"]) != columns.spec.class_names:
        raise ConfigurationError(
            f"expected a baseline with classes {list(columns.spec.class_names)}, got {run_dir} with "
            f"{model['class_names']}"
        )
    spec = replace(columns.spec, threshold=model["threshold"], operating_point=None)
    paired = _pair(columns, PredictionColumns.read(_predictions(run_dir, spec), spec))
    flipped = _flipped(paired)
    return BaselineComparison(
        run_id=report["run_id"],
        model_version="+".join(model["served_versions"]) or "unknown",
        common_samples=len(paired.rows),
        changes=_changes(paired),
        regressions=int((paired.now_wrong & ~paired.before_wrong).sum()),
        improvements=int((paired.before_wrong & ~paired.now_wrong).sum()),
        flipped=tuple(flipped),
    )


def _predictions(run_dir: Path, spec: AnalysisSpec) -> pa.Table:
    if spec.aggregate is Aggregation.NONE:
        return pa.concat_tables(table.select(_COLUMNS) for table in read_predictions(run_dir, _COLUMNS))
    return aggregate_presentations(read_predictions(run_dir), spec.aggregate, class_names=spec.class_names)


def _read_report(run_dir: Path) -> Mapping[str, Any]:
    path = run_dir / "report.json"
    try:
        report: Mapping[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        reason = "damaged" if isinstance(error, ValueError) else error.strerror
        raise StorageError(
            f"baseline {run_dir}: expected a finished run, got report.json: {reason}"
        ) from None
    return report


def _pair(columns: PredictionColumns, baseline: PredictionColumns) -> _Paired:
    position = {sample: row for row, sample in enumerate(baseline.text("sample_id"))}
    there = np.array([position.get(sample, -1) for sample in columns.text("sample_id")], dtype=np.int64)
    both = (there >= 0) & columns.responded
    both[both] = baseline.responded[there[both]]
    rows, theirs = np.flatnonzero(both), there[both]
    return _Paired(
        columns,
        rows,
        baseline.predicted[theirs] != columns.true[rows],
        columns.predicted[rows] != columns.true[rows],
        _score(baseline)[theirs],
    )


def _score(columns: PredictionColumns) -> NDArray[np.float64]:
    """P(bona fide), or the largest score of a classifier."""
    return columns.feature("score")


def _kinds(paired: _Paired) -> Iterable[tuple[str, NDArray[np.bool_]]]:
    spec, true = paired.columns.spec, paired.columns.true[paired.rows]
    if spec.task == "classification":
        yield "error rate", np.ones(len(true), dtype=np.bool_)
        return
    yield "BPCER", true == spec.class_names.index(BONA_FIDE)
    yield "APCER", true == spec.class_names.index(ATTACK)
    groups = paired.columns.groups
    for index, name in enumerate(groups.names):
        if name != BONA_FIDE:
            yield f"APCER of {name}", groups.index[paired.rows] == index


def _changes(paired: _Paired) -> tuple[MetricChange, ...]:
    subjects = np.asarray(paired.columns.text("subject_id"), dtype=object)[paired.rows]
    found = []
    for name, inside in _kinds(paired):
        people = subjects[inside] if any(subjects[inside]) else None
        found.append(
            (name, inside, compare_errors(paired.before_wrong[inside], paired.now_wrong[inside], people))
        )
    # Two families: the overall rates are not weakened by however many species there are.
    overall, species = _corrected(found[:2]), _corrected(found[2:])
    return tuple(
        _change(paired, name, inside, one, p)
        for (name, inside, one), p in zip(found, [*overall, *species], strict=True)
    )


def _corrected(found: Sequence[tuple[str, NDArray[np.bool_], Comparison]]) -> list[float]:
    """Return exact McNemar p-values, corrected by Holm; ``nan`` without samples."""
    counts = [one.counts for _, _, one in found]
    exact = [
        mcnemar_exact(one.only_baseline_wrong, one.only_current_wrong) if one.total else np.nan
        for one in counts
    ]
    return [float(p) for p in holm(np.array(exact, dtype=np.float64))]


def _change(
    paired: _Paired, name: str, inside: NDArray[np.bool_], one: Comparison, p_value: float
) -> MetricChange:
    verdict = _verdict(one, p_value)
    return MetricChange(
        metric=name,
        baseline=optional(one.baseline.value),
        current=optional(one.current.value),
        difference=optional(one.delta),
        lower=optional(one.interval.lower),
        upper=optional(one.interval.upper),
        p_value=optional(p_value),
        verdict=verdict,
        samples=one.counts.total,
        newly_wrong=one.counts.only_current_wrong,
        newly_right=one.counts.only_baseline_wrong,
        worst_slice=_worst_slice(paired, inside) if verdict == "worse" else "",
    )


def _verdict(one: Comparison, p_value: float) -> Literal["better", "worse", "same", "insufficient"]:
    if one.counts.total == 0:
        return "insufficient"
    if p_value <= _ALPHA and abs(one.delta) >= _MATERIAL and 0.0 not in one.interval:
        return "worse" if one.delta > 0 else "better"
    alike = one.interval.lower >= -_ALIKE and one.interval.upper <= _ALIKE
    return "same" if alike else "insufficient"


def _worst_slice(paired: _Paired, inside: NDArray[np.bool_]) -> str:
    """Return the slice in which the rise is surest, with its counts.

    Surest by McNemar's z = (newly wrong - newly right) / sqrt(newly wrong + newly right): the largest
    rise in percent would mostly be that of a small slice.
    """
    best, words = 0.0, ""
    for name, value, members in _slices(paired):
        rows = inside & members
        worse = int((paired.now_wrong & ~paired.before_wrong)[rows].sum())
        better = int((paired.before_wrong & ~paired.now_wrong)[rows].sum())
        sureness = (worse - better) / max(1, worse + better) ** 0.5
        if rows.sum() >= _MIN_SLICE and worse - better >= _MIN_RISE and sureness > best:
            best = sureness
            words = f"{name}={value} ({worse} newly wrong, {better} newly right of {rows.sum()})"
    return words


def _slices(paired: _Paired) -> Iterator[tuple[str, str, NDArray[np.bool_]]]:
    """Yield column, value and members, bool ``(n,)``, of every species and slice value."""
    columns = paired.columns
    named = {"pai_species": columns.groups} if columns.spec.task == "liveness" else {}
    named |= {column: columns.slice_codes(column) for column in columns.spec.slices}
    for name, codes in named.items():
        index = codes.index[paired.rows]
        for code, value in enumerate(codes.names):
            if not (name == "pai_species" and value == BONA_FIDE):
                yield name, value, index == code


def _flipped(paired: _Paired) -> list[FlippedSample]:
    """Return the samples whose decision changed for better or worse, regressions and large moves first."""
    now = _score(paired.columns)[paired.rows]
    changed = np.flatnonzero(paired.now_wrong != paired.before_wrong)
    moved = np.abs(now - paired.before_score)
    order = sorted(changed.tolist(), key=lambda row: (not paired.now_wrong[row], -moved[row], row))
    columns = paired.columns
    return [
        FlippedSample(
            sample_id=columns.cell("sample_id", int(paired.rows[row])) or "",
            label=columns.spec.class_names[int(columns.true[paired.rows[row]])],
            species=columns.cell("pai_species", int(paired.rows[row])) or None,
            baseline_score=optional(float(paired.before_score[row])),
            current_score=optional(float(now[row])),
            regression=bool(paired.now_wrong[row]),
        )
        for row in order[:_SHOWN]
    ]
