"""Since when an alert is there, as far as the report of the baseline run can tell."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lifesign.evaluation.report.document import Alert

__all__ = ["with_onset"]

# Their titles count, so a title of another run need not be equal.
_SAME_BY_KIND = frozenset({"drift", "mixed_versions"})


def with_onset(alerts: Iterable[Alert], baseline: Path | None) -> tuple[Alert, ...]:
    """Return the alerts with ``since`` filled in.

    ``baseline`` is the folder of an earlier run: an alert that its report has too is told as old, another
    one as new since then. Without a baseline, or with one from which nothing can be read, it is unknown.
    """
    report = {} if baseline is None else _read(baseline)
    return tuple(alert.model_copy(update={"since": _since(alert, report)}) for alert in alerts)


def _since(alert: Alert, report: Mapping[str, Any]) -> str:
    before = "The reference is the model's development data. " if alert.kind == "drift" else ""
    if not report:
        return before + "Not known: no baseline run was given to compare with."
    version = "+".join(report["model"]["served_versions"]) or "unknown"
    earlier = f"version {version} (run {report['run_id']})"
    if alert.kind == "regression":
        return f"Between {earlier} and this run, on the same samples."
    if _key(alert.kind, alert.title) in {_key(one["kind"], one["title"]) for one in report["alerts"]}:
        return f"{before}Not new: the report of {earlier} has it too."
    return f"{before}New since {earlier}, whose report does not have it."


def _key(kind: str, title: str) -> tuple[str, str]:
    return (kind, "" if kind in _SAME_BY_KIND else title)


def _read(run_dir: Path) -> Mapping[str, Any]:
    try:
        report: Mapping[str, Any] = json.loads((run_dir / "report.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return report
