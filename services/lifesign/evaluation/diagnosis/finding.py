"""The codes of a diagnosis, and a finding with its proof."""

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

__all__ = ["DEFINITIONS", "Code", "Finding", "Severity"]


class Code(StrEnum):
    """What can be found; ``DEFINITIONS`` says what each means."""

    NO_PROBLEM = "no_problem"
    OVERFITTING = "overfitting"
    UNDERFITTING = "underfitting"
    STILL_IMPROVING = "still_improving"
    NOT_LEARNING = "not_learning"
    CHANCE_LEVEL = "chance_level"
    PREDICTION_COLLAPSE = "prediction_collapse"
    UNSHUFFLED_VALIDATION_SPLIT = "unshuffled_validation_split"
    CLASS_IMBALANCE = "class_imbalance"
    ACCURACY_PARADOX = "accuracy_paradox"
    WEAK_CLASS = "weak_class"
    MISSING_CLASS_IN_EVALUATION = "missing_class_in_evaluation"
    VALIDATION_TEST_MISMATCH = "validation_test_mismatch"
    GENERATOR_ORDER_MISMATCH = "generator_order_mismatch"
    WRONG_LOSS_ACTIVATION_PAIR = "wrong_loss_activation_pair"
    METRIC_TASK_MISMATCH = "metric_task_mismatch"
    LABEL_ENCODING_MISMATCH = "label_encoding_mismatch"
    LEARNING_RATE_TOO_HIGH = "learning_rate_too_high"
    LEARNING_RATE_TOO_LOW = "learning_rate_too_low"
    LOSS_DIVERGENCE = "loss_divergence"
    NAN_LOSS = "nan_loss"
    TRAIN_INFERENCE_MODE_MISMATCH = "train_inference_mode_mismatch"
    SUSPECTED_LEAKAGE = "suspected_leakage"
    MISCALIBRATION = "miscalibration"
    DECISION_THRESHOLD = "decision_threshold"
    VALIDATION_TOO_SMALL = "validation_too_small"
    UNSTABLE_VALIDATION = "unstable_validation"
    PREPROCESS_MISMATCH = "preprocess_mismatch"
    SATURATED_OUTPUTS = "saturated_outputs"
    EMPTY_VALIDATION = "empty_validation"
    GENERATOR_EXHAUSTED = "generator_exhausted"
    LOSS_NOT_COMPARABLE = "loss_not_comparable"
    INCONSISTENT_INPUTS = "inconsistent_inputs"


DEFINITIONS: dict[Code, str] = {
    Code.NO_PROBLEM: "Nothing to act on in what was given.",
    Code.OVERFITTING: "Training goes on improving after validation has turned.",
    Code.UNDERFITTING: "Training and validation stop together at a poor level.",
    Code.STILL_IMPROVING: "Validation is at its best in the last epochs.",
    Code.NOT_LEARNING: "The training loss stays where it began.",
    Code.CHANCE_LEVEL: "No better than a guess or a constant answer.",
    Code.PREDICTION_COLLAPSE: "All or nearly all answers are one class.",
    Code.UNSHUFFLED_VALIDATION_SPLIT: "Validation is the tail of ordered data: a class is on one side only.",
    Code.CLASS_IMBALANCE: "Class sizes differ enough to need weights or figures per class.",
    Code.ACCURACY_PARADOX: "The accuracy is about the share of the largest class.",
    Code.WEAK_CLASS: "One or a few classes are clearly worse than the rest.",
    Code.MISSING_CLASS_IN_EVALUATION: "A class has no sample in the evaluated set.",
    Code.VALIDATION_TEST_MISMATCH: "Two samples of the same data disagree beyond sampling error.",
    Code.GENERATOR_ORDER_MISMATCH: "Labels and predictions are paired in different orders.",
    Code.WRONG_LOSS_ACTIVATION_PAIR: "Output activation, number of outputs and loss do not belong together.",
    Code.METRIC_TASK_MISMATCH: "The metric cannot measure this task.",
    Code.LABEL_ENCODING_MISMATCH: "Labels are coded otherwise than loss, metric or model expect.",
    Code.LEARNING_RATE_TOO_HIGH: "Steps too large: exploding, jumping or dead from the start.",
    Code.LEARNING_RATE_TOO_LOW: "The loss falls steadily but far too slowly.",
    Code.LOSS_DIVERGENCE: "The training loss rises after having fallen.",
    Code.NAN_LOSS: "The loss is not a number.",
    Code.TRAIN_INFERENCE_MODE_MISMATCH: "Layers act differently in training and evaluation.",
    Code.SUSPECTED_LEAKAGE: "Validation overlaps training, or the inputs reveal the target.",
    Code.MISCALIBRATION: "Probabilities are too sure or too unsure.",
    Code.DECISION_THRESHOLD: "Errors are lopsided: another operating point serves better.",
    Code.VALIDATION_TOO_SMALL: "The differences are within the sampling error of the validation set.",
    Code.UNSTABLE_VALIDATION: "Validation swings from epoch to epoch beyond sampling error.",
    Code.PREPROCESS_MISMATCH: "Inputs are prepared otherwise than in training or for the pretrained weights.",
    Code.SATURATED_OUTPUTS: "Outputs are exactly 0 or 1: the loss is the error rate times the clip.",
    Code.EMPTY_VALIDATION: "No validation batch was computed.",
    Code.GENERATOR_EXHAUSTED: "The data ran out: epochs without any batch.",
    Code.LOSS_NOT_COMPARABLE: "Training and validation loss are on different scales.",
    Code.INCONSISTENT_INPUTS: "The figures given contradict each other.",
}


class Severity(StrEnum):
    """How much a finding matters."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """A conclusion: ``evidence`` states the numbers that prove it, ``refuted_by`` what would disprove it.

    ``confidence`` (0–1) ranks findings; it is a judgement, not a probability of any test. ``excluded`` names
    the other explanations that the numbers rule out, each with its reason. ``details`` are the numbers for
    machines: epochs count rows from 1, rates are shares 0–1.
    """

    code: Code
    severity: Severity
    confidence: float
    evidence: str
    remedy: str
    refuted_by: str = ""
    excluded: tuple[str, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def is_alarm(self) -> bool:
        """Whether somebody should act on it."""
        return self.severity is not Severity.INFO

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as ``lifesign diagnose --json`` prints it."""
        details = _plain(self.details)
        if self.refuted_by:
            details["refuted_by"] = self.refuted_by
        if self.excluded:
            details["excluded"] = list(self.excluded)
        return {
            "code": self.code.value,
            "severity": self.severity.value,
            "confidence": round(float(self.confidence), 2),
            "evidence": self.evidence,
            "remedy": self.remedy,
            "details": details,
        }


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: no arrays, no number that is not finite."""
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
