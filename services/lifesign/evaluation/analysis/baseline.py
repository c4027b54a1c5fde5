"""The same samples answered by another version: which errors are new, and is that more than chance."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lifesign.errors import ConfigurationError, StorageError
from lifesign.evaluation.analysis.pairing import (
    change_row,
    error_changes,
    flipped_samples,
    pair_runs,
    response_changes,
)
from lifesign.evaluation.analysis.run_predictions import RunPredictions
from lifesign.evaluation.analysis.stored_runs import analysed_source
from lifesign.evaluation.report.document import BaselineComparison

__all__ = ["compare_with_baseline"]

_SHOWN = 200


def compare_with_baseline(columns: RunPredictions, run_dir: Path) -> BaselineComparison:
    """Compare a run with the stored predictions of another one, each at its own threshold.

    Liveness: BPCER, APCER over all attacks, and APCER of every species; classifiers: the error rate. Where
    samples are without an answer and others are not, the non-response rates too.
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
    # Slices are those of this run; of the other one only the decisions count.
    spec = replace(
        columns.spec,
        threshold=model["threshold"],
        operating_point=None,
        slice_columns=(),
        measured_slices=(),
    )
    paired, asked = pair_runs(columns, RunPredictions.read(analysed_source(run_dir, spec), spec))
    return BaselineComparison(
        run_id=report["run_id"],
        model_version="+".join(model["served_versions"]) or "unknown",
        common_samples=len(paired.rows),
        changes=(
            *(change_row(paired, one) for one in error_changes(paired)),
            # With no answer in common there is nothing that the regression gate could pass on.
            *(change_row(asked, one) for one in (response_changes(asked) if len(paired.rows) else ())),
        ),
        regressions=int(paired.newly_wrong.sum()),
        improvements=int(paired.newly_right.sum()),
        flipped=flipped_samples(paired, limit=_SHOWN),
    )


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
