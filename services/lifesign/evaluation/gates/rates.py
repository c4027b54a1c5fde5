"""Gates of one rate or area: at most, or at least, what was asked for."""

from lifesign.evaluation.gates.verdicts import status_at_most, verdict
from lifesign.evaluation.report.document import (
    Accounting,
    GateResult,
    GateStatus,
    PadDocument,
    RateRow,
    Value,
)
from lifesign.evaluation.report.wording import limit_words, percent, rate_words, species_apcer

__all__ = ["accuracy_gate", "apcer_gate", "auc_gate", "judgement_words", "no_response_gate", "rate_gate"]


def _status_at_most(rate: RateRow, limit: float) -> GateStatus:
    return status_at_most(rate.lower, rate.upper, limit) if rate.total else GateStatus.INSUFFICIENT


def judgement_words(status: GateStatus, limit: float) -> str:
    """Return how a rate stands to the limit it should stay at or below."""
    allowed = f"the {limit_words(limit)} allowed"
    return {
        GateStatus.PASS: f"at most {allowed}",
        GateStatus.FAIL: f"more than {allowed}",
        GateStatus.INSUFFICIENT: f"too few samples to prove it above or below {allowed}",
    }[status]


def rate_gate(name: str, what: str, limit: float, rate: RateRow) -> GateResult:
    """Return whether a rate is at most its limit; ``what`` is the rate in words."""
    status = _status_at_most(rate, limit)
    return GateResult(
        name=name,
        status=status,
        limit=limit,
        value=rate.value,
        lower=rate.lower if rate.total else None,
        upper=rate.upper if rate.total else None,
        sentence=f"{what} is {rate_words(rate)}: {judgement_words(status, limit)}.",
    )


def apcer_gate(limit: float, pad: PadDocument) -> GateResult:
    """Return whether the APCER of every species is at most the limit: the result of the worst."""
    results = [rate_gate("max_apcer", species_apcer(row.species), limit, row.apcer) for row in pad.species]
    if not results:
        return rate_gate("max_apcer", "APCER", limit, pad.apcer_pooled)
    status = verdict(results)
    worst = [result for result in results if result.status is status]
    if status is GateStatus.INSUFFICIENT:
        return max(worst, key=lambda result: -1.0 if result.upper is None else result.upper)
    return max(worst, key=lambda result: -1.0 if result.value is None else result.value)


def accuracy_gate(limit: float, errors: RateRow) -> GateResult:
    """Return whether the accuracy is at least the limit, by the interval of the errors."""
    status = _status_at_most(errors, 1 - limit)
    value = None if errors.value is None else 1 - errors.value
    lower, upper = (1 - errors.upper, 1 - errors.lower) if errors.total else (None, None)
    return _at_least("min_accuracy", "Accuracy", limit, value, lower, upper, status)


def auc_gate(limit: float, auc: Value | None) -> GateResult | None:
    """Return whether the AUC is at least the limit; ``None`` where there is no AUC."""
    if auc is None:
        return None
    status = GateStatus.INSUFFICIENT
    if auc.lower is not None and auc.upper is not None:
        if auc.lower >= limit:
            status = GateStatus.PASS
        elif auc.upper < limit:
            status = GateStatus.FAIL
    return _at_least("min_auc", "AUC", limit, auc.value, auc.lower, auc.upper, status)


def _at_least(
    name: str,
    what: str,
    limit: float,
    value: float | None,
    lower: float | None,
    upper: float | None,
    status: GateStatus,
) -> GateResult:
    if value is None:
        text = f"{what} is undefined: the test holds no samples to compute it."
    else:
        interval = "" if lower is None or upper is None else f" (95 % CI {lower:.4f}–{upper:.4f})"
        words = {
            GateStatus.PASS: f"at least the {limit:g} asked for",
            GateStatus.FAIL: f"less than the {limit:g} asked for",
            GateStatus.INSUFFICIENT: f"too few samples to prove it above or below the {limit:g} asked for",
        }[status]
        text = f"{what} is {value:.4f}{interval}: {words}."
    return GateResult(
        name=name, status=status, limit=limit, value=value, lower=lower, upper=upper, sentence=text
    )


def no_response_gate(limit: float, accounting: Accounting) -> GateResult:
    """Return whether the share of samples without an answer is at most the limit."""
    # A count of this very set, not an estimate: no interval, so small sets can pass.
    share = accounting.no_response / accounting.total if accounting.total else None
    status = GateStatus.INSUFFICIENT
    if share is not None:
        status = GateStatus.PASS if share <= limit else GateStatus.FAIL
    counts = f"{accounting.no_response} of {accounting.total} samples got no answer ({percent(share)})"
    judgement = "more than" if status is GateStatus.FAIL else "at most"
    return GateResult(
        name="max_no_response",
        status=status,
        limit=limit,
        value=share,
        lower=None,
        upper=None,
        sentence=f"{counts}: {judgement} the {limit_words(limit)} allowed."
        if accounting.total
        else "The test set is empty.",
    )
