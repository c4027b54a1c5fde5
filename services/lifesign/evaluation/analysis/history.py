"""Earlier runs: the chain of baselines, each the run that the next one was compared with."""

import json
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from lifesign.evaluation.report.document import EarlierRun, ReportDocument
from lifesign.evaluation.report.history import history_row

__all__ = ["earlier_reports", "history_rows"]

_LONGEST = 24


def earlier_reports(baseline: Path | None) -> tuple[ReportDocument, ...]:
    """Return the report of the baseline, that of its own baseline, and so on: the latest first, at most 24.

    The chain ends where a report or the folder of its baseline is not at hand any more, or cannot be read.
    """
    found: list[ReportDocument] = []
    folder = baseline
    while folder is not None and len(found) < _LONGEST:
        report = _read(folder)
        if report is None or report.run_id in {one.run_id for one in found}:
            break
        found.append(report)
        folder = _baseline_of(folder)
    return tuple(found)


def history_rows(earlier: Sequence[ReportDocument]) -> tuple[EarlierRun, ...]:
    """Return a row per earlier report, the oldest first."""
    return tuple(history_row(report) for report in reversed(earlier))


def _read(folder: Path) -> ReportDocument | None:
    try:
        return ReportDocument.model_validate_json((folder / "report.json").read_bytes())
    except (OSError, ValidationError):
        return None


def _baseline_of(folder: Path) -> Path | None:
    try:
        found = json.loads((folder / "run.json").read_bytes())["config"]["baseline"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Path(found) if isinstance(found, str) else None
