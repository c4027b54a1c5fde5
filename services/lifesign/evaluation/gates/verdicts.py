"""The verdict of several gates: in a word, in a sentence, as an exit code."""

from collections.abc import Iterable, Sequence

from lifesign.evaluation.report.document import GateResult, GateStatus

__all__ = ["exit_code", "status_at_most", "unproven", "verdict", "verdict_sentence"]


def status_at_most(lower: float, upper: float, limit: float) -> GateStatus:
    """Return the status of what should be at most its limit: by the whole interval, never the estimate."""
    if upper <= limit:
        return GateStatus.PASS
    return GateStatus.FAIL if lower > limit else GateStatus.INSUFFICIENT


def verdict(gates: Iterable[GateResult]) -> GateStatus:
    """Return the worst status: FAIL before INSUFFICIENT before PASS; without gates INSUFFICIENT."""
    found = {gate.status for gate in gates}
    for status in (GateStatus.FAIL, GateStatus.INSUFFICIENT):
        if status in found:
            return status
    return GateStatus.PASS if found else GateStatus.INSUFFICIENT


def verdict_sentence(gates: Sequence[GateResult], alerts: int) -> str:
    """Return the verdict in one sentence: the first gate that did not pass, or how many did."""
    tail = "" if alerts == 0 else f" {alerts} alert{'s' if alerts > 1 else ''} to read below."
    if not gates:
        return "No gate was set, so nothing was proven either way." + tail
    for status in (GateStatus.FAIL, GateStatus.INSUFFICIENT):
        open_gates = [gate for gate in gates if gate.status is status]
        if open_gates:
            more = len(open_gates) - 1
            also = f" ({more} more {'gates' if more > 1 else 'gate'} likewise)" if more else ""
            return open_gates[0].sentence + also + tail
    who = "The only gate" if len(gates) == 1 else f"All {len(gates)} gates"
    return f"{who} passed.{tail}"


def exit_code(status: GateStatus) -> int:
    """Return the exit code of a verdict: 0 pass, 1 fail, 2 insufficient evidence."""
    return {GateStatus.PASS: 0, GateStatus.FAIL: 1, GateStatus.INSUFFICIENT: 2}[status]


def unproven(name: str, limit: float, sentence: str) -> GateResult:
    """Return the result of a gate that has nothing to look at."""
    return GateResult(
        name=name,
        status=GateStatus.INSUFFICIENT,
        limit=limit,
        value=None,
        lower=None,
        upper=None,
        sentence=sentence,
    )
