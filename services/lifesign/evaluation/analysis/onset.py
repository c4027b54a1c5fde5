"""Since when an alert is there, as far as the reports of earlier runs can tell."""

from collections.abc import Iterable, Sequence
from itertools import takewhile

from lifesign.evaluation.report.document import Alert, ReportDocument

__all__ = ["with_onset"]

# Their titles count, so a title of another run need not be equal.
_SAME_BY_KIND = frozenset({"drift", "mixed_versions"})


def with_onset(alerts: Iterable[Alert], earlier: Sequence[ReportDocument]) -> tuple[Alert, ...]:
    """Return the alerts with ``since`` filled in.

    ``earlier`` are the reports of earlier runs, the latest first: an alert that the latest has too is told as
    old, with the run that it began with; another one as new since then. Without any it is unknown.
    """
    return tuple(alert.model_copy(update={"since": _since(alert, earlier)}) for alert in alerts)


def _since(alert: Alert, earlier: Sequence[ReportDocument]) -> str:
    before = "The reference is the model's development data. " if alert.kind == "drift" else ""
    if not earlier:
        return before + "Not known: no baseline run was given to compare with."
    latest = _named(earlier[0])
    if alert.kind == "regression":
        return f"Between {latest} and this run, on the same samples."
    old = list(takewhile(lambda report: _has(report, alert), earlier))
    if not old:
        return f"{before}New since {latest}, whose report does not have it."
    told = (
        f"the report of {latest} has it too"
        if len(old) == 1
        else f"the reports of the last {len(old)} runs have it, the first of them {_named(old[-1])}"
    )
    origin = (
        f"; that of {_named(earlier[len(old)])}, the run before, does not" if len(old) < len(earlier) else ""
    )
    return f"{before}Not new: {told}{origin}."


def _named(report: ReportDocument) -> str:
    version = "+".join(report.model.served_versions)
    return f"version {version} (run {report.run_id})" if version else f"run {report.run_id}"


def _has(report: ReportDocument, alert: Alert) -> bool:
    return _key(alert) in map(_key, report.alerts)


def _key(alert: Alert) -> tuple[str, str]:
    return (alert.kind, "" if alert.kind in _SAME_BY_KIND else alert.title)
