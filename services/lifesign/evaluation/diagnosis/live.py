"""The diagnosis of a training that still runs: what to warn of, at the epoch when it turns, once."""

from collections import Counter
from collections.abc import Mapping

from lifesign.evaluation.diagnosis.engine import diagnose
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.finding import Code, Finding
from lifesign.evaluation.diagnosis.inputs.epoch_rows import Row, canonical_metric, curves_of_rows

__all__ = ["LiveDiagnosis", "warning_line"]

# Epochs in a row that must find it before it is told: one is enough where noise cannot look like it.
_PATIENCE = {
    Code.NAN_LOSS: 1,
    Code.GENERATOR_EXHAUSTED: 1,
    Code.WRONG_LOSS_ACTIVATION_PAIR: 1,
    Code.METRIC_TASK_MISMATCH: 2,
    Code.EMPTY_VALIDATION: 2,
    Code.SATURATED_OUTPUTS: 2,
    Code.LABEL_ENCODING_MISMATCH: 2,
    Code.UNSHUFFLED_VALIDATION_SPLIT: 2,
    Code.LOSS_DIVERGENCE: 2,
    Code.OVERFITTING: 3,
    Code.LEARNING_RATE_TOO_HIGH: 3,
    Code.PREDICTION_COLLAPSE: 3,
    Code.UNSTABLE_VALIDATION: 3,
    Code.TRAIN_INFERENCE_MODE_MISMATCH: 3,
    Code.NOT_LEARNING: 5,
    Code.CHANCE_LEVEL: 5,
}
_JUDGED_FROM = 4
_EVERY_EPOCH_UP_TO = 500  # then every tenth: what is found takes the time of all epochs before
_AT_ONCE = frozenset({Code.NAN_LOSS, Code.GENERATOR_EXHAUSTED, Code.WRONG_LOSS_ACTIVATION_PAIR})


class LiveDiagnosis:
    """Takes the figures of each epoch and tells what has just turned; each code once.

    ``evidence`` is what is known before the first epoch: sizes, classes, notes on the configuration. What
    later epochs would decide, such as training that could go on, is never told.
    """

    def __init__(self, evidence: Evidence | None = None) -> None:
        self._evidence = evidence or Evidence()
        self._rows: list[Row] = []
        self._in_a_row: Counter[Code] = Counter()
        self._told: set[Code] = set()

    @property
    def evidence(self) -> Evidence:
        """What is known up to now, the curves among it."""
        return self._evidence.with_curves(curves_of_rows(self._rows) if self._rows else None)

    def on_epoch(self, figures: Mapping[str, float]) -> list[Finding]:
        """Take one epoch's metrics by name, as Keras calls them, and return what to warn of now."""
        row = Row(number=len(self._rows) + 1, decimals=12)
        for name, value in figures.items():
            row.values[canonical_metric(name)] = float(value)
            row.names[canonical_metric(name)] = name
        self._rows.append(row)
        if len(self._rows) > _EVERY_EPOCH_UP_TO and len(self._rows) % 10:
            return []
        found = {finding.code: finding for finding in diagnose(self.evidence) if finding.is_alarm}
        for code in list(self._in_a_row):
            if code not in found:
                del self._in_a_row[code]
        self._in_a_row.update(found.keys())
        return [finding for code, finding in found.items() if self._is_news(code)]

    def _is_news(self, code: Code) -> bool:
        if code in self._told or self._in_a_row[code] < _PATIENCE.get(code, len(self._rows) + 1):
            return False
        if len(self._rows) < _JUDGED_FROM and code not in _AT_ONCE:
            return False
        self._told.add(code)
        return True


def warning_line(finding: Finding, *, epoch: int) -> str:
    """Return the warning of an epoch, from 1, as one line."""
    name = finding.code.value.replace("_", " ")
    return f"warning at epoch {epoch}: {name}: {finding.evidence} {finding.remedy}"
