"""Reports of invented predictions: no model, server or image is needed."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from lifesign.evaluation.analysis.assembly import AnalysisSpec, RunFacts, build_report
from lifesign.evaluation.analysis.prediction_source import HeldPredictions
from lifesign.evaluation.analysis.state import RunState
from lifesign.evaluation.audit.findings import Finding
from lifesign.evaluation.checks import GateConfig
from lifesign.evaluation.metrics.image_statistics import IMAGE_STATISTICS
from lifesign.evaluation.metrics.reference_profile import ReferenceProfile
from lifesign.evaluation.replay.predictions import part_path, write_part
from lifesign.evaluation.report.document import ReportDocument
from lifesign.labels import LIVENESS_CLASSES
from lifesign.model_card import ModelCard
from lifesign.testing.prediction_tables import classification_predictions

__all__ = ["classifier_report", "liveness_spec", "reference_of", "report_of", "write_run"]


def liveness_spec(
    *,
    threshold: float | None = None,
    reference: ReferenceProfile | None = None,
    slice_columns: tuple[str, ...] = ("device", "lighting", "skin_tone"),
) -> AnalysisSpec:
    """Return how ``liveness_predictions`` are read."""
    return AnalysisSpec(
        LIVENESS_CLASSES,
        "liveness",
        threshold=threshold,
        slice_columns=slice_columns,
        reference_profile={} if reference is None else reference.to_dict(),
    )


def reference_of(table: pa.Table) -> ReferenceProfile:
    """Return the drift reference of liveness predictions: image statistics and P(bona fide)."""
    features = {name: np.array(table[f"stat_{name}"].to_pylist(), dtype=float) for name in IMAGE_STATISTICS}
    features["score"] = np.array([one[1] if one else np.nan for one in table["scores"].to_pylist()])
    return ReferenceProfile.from_samples(features, subjects=table["subject_id"].to_pylist())


def report_of(
    table: pa.Table,
    spec: AnalysisSpec,
    *,
    gates: GateConfig | None = None,
    card: ModelCard | None = None,
    baseline: Path | None = None,
    data_findings: Sequence[Finding] = (),
    parts: int = 3,
) -> ReportDocument:
    """Return the report of predictions, counted in ``parts`` shards."""
    size = max(1, -(-table.num_rows // parts))
    shards = [table.slice(start, size) for start in range(0, table.num_rows, size)]
    state = RunState.empty(spec)
    for shard in shards:
        state = state.merge(RunState.from_predictions(shard, spec))
    people = set(table["subject_id"].to_pylist()) - {None}
    facts = RunFacts(
        run_id="0123456789abcdef",
        dataset_name="invented",
        data_digest="sha256:0",
        model_name="model",
        model_version=1,
        served_versions={},
        preprocessing="none",
        samples_total=table.num_rows,
        subjects=len(people) or None,
        splits=("test",),
        command="lifesign evaluate",
        tool_version="0",
    )
    return build_report(
        state,
        spec=spec,
        card=card,
        run=facts,
        gates=gates or GateConfig(),
        predictions=HeldPredictions(shards),
        baseline=baseline,
        data_findings=data_findings,
    )


def classifier_report(classes: int, samples: int, *, slice_columns: tuple[str, ...] = ()) -> ReportDocument:
    """Return the report of a classifier of ``class_000``, ``class_001``, …"""
    names = tuple(f"class_{index:03d}" for index in range(classes))
    table = classification_predictions(0, class_names=names, samples=samples)
    return report_of(table, AnalysisSpec(names, "classification", slice_columns=slice_columns))


def write_run(run_dir: Path, table: pa.Table, spec: AnalysisSpec) -> Path:
    """Write what a comparison needs of a run folder: its part and its report; return the folder."""
    write_part(part_path(run_dir, 0), table, facts={})
    (run_dir / "report.json").write_text(report_of(table, spec).to_json(), encoding="utf-8")
    return run_dir
