"""The epoch that a finding names: where validation turned, diverged or was best."""

from collections.abc import Sequence
from dataclasses import dataclass

from lifesign.evaluation.diagnosis.finding import Code, Finding

__all__ = ["MarkedEpoch", "marked_epoch"]

_MARKED = {
    Code.OVERFITTING: ("turn_epoch", "turn"),
    Code.LOSS_DIVERGENCE: ("best_epoch", "turn"),
    Code.STILL_IMPROVING: ("last_epoch", "end"),
    Code.UNSTABLE_VALIDATION: ("best_epoch", "best"),
}


@dataclass(frozen=True, slots=True)
class MarkedEpoch:
    """An epoch by its number in the log, and what it is: turn, end or best."""

    epoch: int
    word: str


def marked_epoch(findings: Sequence[Finding]) -> MarkedEpoch | None:
    """Return the epoch that the most important finding with one names, ``None`` without any."""
    for finding in findings:
        key, word = _MARKED.get(finding.code, ("", ""))
        if key in finding.details:
            return MarkedEpoch(int(finding.details[key]), word)
    return None
