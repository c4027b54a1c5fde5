"""What one evaluation has counted so far: whole numbers that add up, per run and per slice.

States of shards merge in any order to the state of one pass, bit for bit; that is what makes resuming,
many workers and re-reading of stored parts give the same report.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lifesign.errors import InputError
from lifesign.evaluation.analysis.columns import AnalysisSpec, Codes, PredictionColumns
from lifesign.evaluation.analysis.tally import Tally, tallies
from lifesign.evaluation.metrics.calibration import ReliabilityCounts
from lifesign.evaluation.metrics.drift import DriftState
from lifesign.evaluation.metrics.equal_mass_calibration import FineReliability
from lifesign.evaluation.metrics.multi_class_histogram import MultiClassHistogram
from lifesign.evaluation.metrics.probability_scores import ProbabilityScores
from lifesign.evaluation.metrics.reference_profile import ReferenceProfile
from lifesign.evaluation.metrics.score_bins import log_odds
from lifesign.evaluation.metrics.score_histogram import ScoreHistogram
from lifesign.labels import BONA_FIDE

__all__ = ["RunState", "Tally"]

_Counts = Mapping[str, int]


@dataclass(frozen=True, eq=False)
class RunState:
    """Everything a report counts: decisions overall and per slice, scores, calibration, drift, accounting.

    ``histogram`` holds P(bona fide) per species (liveness only), ``classes`` one-vs-rest scores.
    """

    class_names: tuple[str, ...]
    overall: Tally
    slices: Mapping[str, Mapping[str, Tally]]
    histogram: ScoreHistogram
    classes: MultiClassHistogram
    reliability: ReliabilityCounts
    fine_reliability: FineReliability
    probabilities: ProbabilityScores
    drift: DriftState | None
    reasons: _Counts
    conversions: _Counts
    served_versions: _Counts

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RunState):
            return NotImplemented
        return self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def empty(cls, spec: AnalysisSpec) -> Self:
        """Return the state without samples: the identity of ``merge``."""
        return cls(
            class_names=spec.class_names,
            overall=Tally.empty(spec),
            slices={column: {} for column in sorted(spec.counted_slices)},
            histogram=ScoreHistogram.empty(),
            classes=MultiClassHistogram.empty(spec.class_names),
            reliability=ReliabilityCounts.empty(),
            fine_reliability=FineReliability.empty(),
            probabilities=ProbabilityScores.empty(len(spec.class_names)),
            drift=DriftState.empty(_profile(spec)) if spec.reference_profile else None,
            reasons={},
            conversions={},
            served_versions={},
        )

    @classmethod
    def from_predictions(cls, table: pa.Table, spec: AnalysisSpec) -> Self:
        """Count one table of predictions.

        Raises:
            InputError: the table lacks columns, names a class the model does not have, or has scores
                of another length.
        """
        if table.num_rows == 0:
            return cls.empty(spec)
        columns = PredictionColumns.read(table, spec)
        groups = columns.groups if spec.task == "liveness" else None
        everything = Codes(("all",), np.zeros(table.num_rows, dtype=np.int8))
        scores, right = _outcomes(columns)
        return cls(
            class_names=spec.class_names,
            overall=tallies(columns, everything, groups)["all"],
            slices={
                column: tallies(columns, columns.slice_codes(column), groups)
                for column in sorted(spec.counted_slices)
            },
            histogram=ScoreHistogram.empty() if groups is None else _histogram(columns, groups),
            classes=_class_histogram(columns),
            reliability=ReliabilityCounts.from_batch(scores, right),
            fine_reliability=FineReliability.from_batch(scores, right),
            probabilities=_probabilities(columns),
            drift=_drift(columns, spec) if spec.reference_profile else None,
            reasons=_reasons(columns),
            conversions=_words(columns.text("notes")),
            served_versions=_served_versions(columns),
        )

    @property
    def total(self) -> int:
        """Number of samples, scored and not."""
        return self.overall.samples

    @property
    def scored(self) -> int:
        """Number of samples with scores."""
        return self.overall.confusion.total

    def merge(self, other: Self) -> Self:
        """Return the state of both sample sets.

        Raises:
            InputError: the states belong to other classes, thresholds, slices or drift references.
        """
        if set(self.slices) != set(other.slices):
            raise InputError(
                f"cannot merge states with slices {sorted(self.slices)} and {sorted(other.slices)}"
            )
        if (self.drift is None) != (other.drift is None):
            raise InputError("cannot merge a state with a drift reference and one without")
        return type(self)(
            class_names=self.class_names,
            overall=self.overall.merge(other.overall),
            slices={
                column: _merge_tallies(values, other.slices[column]) for column, values in self.slices.items()
            },
            histogram=self.histogram.merge(other.histogram),
            classes=self.classes.merge(other.classes),
            reliability=self.reliability.merge(other.reliability),
            fine_reliability=self.fine_reliability.merge(other.fine_reliability),
            probabilities=self.probabilities.merge(other.probabilities),
            drift=None if self.drift is None or other.drift is None else self.drift.merge(other.drift),
            reasons=_add(self.reasons, other.reasons),
            conversions=_add(self.conversions, other.conversions),
            served_versions=_add(self.served_versions, other.served_versions),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON values with a fixed order."""
        return {
            "class_names": list(self.class_names),
            "overall": self.overall.to_dict(),
            "slices": {
                column: {value: values[value].to_dict() for value in sorted(values)}
                for column, values in sorted(self.slices.items())
            },
            "histogram": self.histogram.to_dict(),
            "classes": self.classes.to_dict(),
            "reliability": self.reliability.to_dict(),
            "fine_reliability": self.fine_reliability.to_dict(),
            "probabilities": self.probabilities.to_dict(),
            "drift": None if self.drift is None else self.drift.to_dict(),
            "reasons": dict(sorted(self.reasons.items())),
            "conversions": dict(sorted(self.conversions.items())),
            "served_versions": dict(sorted(self.served_versions.items())),
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """Return the state that ``to_dict`` wrote."""
        names = tuple(state["class_names"])
        return cls(
            class_names=names,
            overall=Tally.from_dict(names, state["overall"]),
            slices={
                column: {value: Tally.from_dict(names, tally) for value, tally in values.items()}
                for column, values in state["slices"].items()
            },
            histogram=ScoreHistogram.from_dict(state["histogram"]),
            classes=MultiClassHistogram.from_dict(state["classes"]),
            reliability=ReliabilityCounts.from_dict(state["reliability"]),
            fine_reliability=FineReliability.from_dict(state["fine_reliability"]),
            probabilities=ProbabilityScores.from_dict(state["probabilities"]),
            drift=None if state["drift"] is None else DriftState.from_dict(state["drift"]),
            reasons=dict(state["reasons"]),
            conversions=dict(state["conversions"]),
            served_versions=dict(state["served_versions"]),
        )


def _histogram(columns: PredictionColumns, groups: Codes) -> ScoreHistogram:
    scored, bona_fide = columns.responded, columns.spec.class_names.index(BONA_FIDE)
    margins = None if columns.logits is None else log_odds(columns.logits[scored], bona_fide)
    return ScoreHistogram.from_batch(
        groups.names,
        groups.index[scored].astype(np.int64),
        columns.scores[scored, bona_fide],
        log_odds=margins,
    )


def _class_histogram(columns: PredictionColumns) -> MultiClassHistogram:
    scored = columns.responded
    return MultiClassHistogram.from_batch(
        columns.spec.class_names, columns.true[scored], columns.scores[scored]
    )


def _outcomes(columns: PredictionColumns) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Liveness: P(bona fide) and whether it was; classifiers: the largest score and whether it was right."""
    scored, names = columns.responded, columns.spec.class_names
    right = columns.predicted == columns.true
    if columns.spec.task == "liveness":
        right = columns.true == names.index(BONA_FIDE)
    return columns.feature("score")[scored], np.asarray(right[scored], dtype=np.bool_)


def _probabilities(columns: PredictionColumns) -> ProbabilityScores:
    scored = columns.responded
    logits = None if columns.logits is None else columns.logits[scored]
    return ProbabilityScores.from_batch(columns.true[scored], columns.scores[scored], logits=logits)


def _drift(columns: PredictionColumns, spec: AnalysisSpec) -> DriftState:
    profile = _profile(spec)
    samples = {name: columns.feature(name) for name in profile.features}
    return DriftState.from_batch(profile, samples, subjects=columns.text("subject_id"))


def _profile(spec: AnalysisSpec) -> ReferenceProfile:
    return ReferenceProfile.from_dict(spec.reference_profile)


def _reasons(columns: PredictionColumns) -> _Counts:
    reasons = columns.text("reason")
    return Counter(
        reason or "unknown" for reason, scored in zip(reasons, columns.responded, strict=True) if not scored
    )


def _served_versions(columns: PredictionColumns) -> _Counts:
    versions = columns.number("served_version")[columns.responded]
    return Counter(str(int(version)) for version in versions[~np.isnan(versions)])


def _words(notes: tuple[str | None, ...]) -> _Counts:
    found: Counter[str] = Counter()
    for note, count in Counter(notes).items():
        for word in re.split(r"[,;\s]+", note or ""):
            if word:
                found[word] += count
    return found


def _add(one: _Counts, other: _Counts) -> _Counts:
    return {name: one.get(name, 0) + other.get(name, 0) for name in sorted({*one, *other})}


def _merge_tallies(one: Mapping[str, Tally], other: Mapping[str, Tally]) -> dict[str, Tally]:
    merged = dict(one)
    for name, tally in other.items():
        merged[name] = merged[name].merge(tally) if name in merged else tally
    return merged
