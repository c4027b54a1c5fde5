"""What Keras, TensorFlow, PyTorch and scikit-learn say themselves, in errors and warnings among a log."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from lifesign.evaluation.diagnosis.finding import Code, Severity

__all__ = ["MESSAGES", "Message", "known_messages"]

_FROM_ZERO = "Number the classes 0 to K − 1, or give the output layer and to_categorical one class more."
_REPEAT = "Leave steps_per_epoch out, or make the data repeat (dataset.repeat()); count batches, not samples."


@dataclass(frozen=True)
class Message:
    """A message by a pattern of its text, and what it proves."""

    pattern: str
    code: Code
    severity: Severity
    confidence: float
    meaning: str
    remedy: str


MESSAGES = (
    Message(
        r"ran out of data|OUT_OF_RANGE:? ?:? ?End of sequence",
        Code.GENERATOR_EXHAUSTED, Severity.ERROR, 0.9,
        "the iterator had no batch left before the epoch was over", _REPEAT,
    ),
    Message(
        r"label value of -?\d+ which is outside the valid range|Target -?\d+ is out of bounds"
        r"|t >= 0 && t < n_classes|index (\d+) is out of bounds for axis 1 with size \1\b",
        Code.LABEL_ENCODING_MISMATCH, Severity.ERROR, 0.95,
        "a label is not one of the K numbers from 0", _FROM_ZERO,
    ),
    Message(
        r"passing a target array of shape .* while using as loss .?categorical_crossentropy"
        r"|Shapes \((?:None|\d+), 1\) and \((?:None|\d+), \d+\) are incompatible",
        Code.LABEL_ENCODING_MISMATCH, Severity.ERROR, 0.9,
        "targets of one column meet a loss that expects one per class",
        "Use sparse_categorical_crossentropy for integer labels, or one-hot them.",
    ),
    Message(
        r"received .?from_logits=True.?, but the .?output.? argument was produced by a (?:softmax|sigmoid)",
        Code.WRONG_LOSS_ACTIVATION_PAIR, Severity.ERROR, 0.9,
        "the activation is applied twice", "Drop the activation of the last layer, or from_logits=True.",
    ),
    Message(
        r"Invalid loss, terminating training|\bloss\w*\W{1,4}nan\b",
        Code.NAN_LOSS, Severity.ERROR, 0.9,
        "the loss is not a number",
        "Look for NaN in the data first; then lower the learning rate and clip gradients.",
    ),
    Message(
        r"conditioned on metric .?val_\w+.? which is not available"
        r"|Can save best model only with val_\w+ available",
        Code.EMPTY_VALIDATION, Severity.WARNING, 0.9,
        "a callback waits for a figure of validation that nobody computes",
        "Give fit validation_data or validation_split, with enough rows for a batch.",
    ),
    Message(
        r"Only one class (?:is )?present in y_true|ill-defined .*\bno true (?:samples|labels)",
        Code.MISSING_CLASS_IN_EVALUATION, Severity.WARNING, 0.85,
        "a class has no sample in what was evaluated",
        "Evaluate on a set with every class (a stratified split).",
    ),
    Message(
        r"failed to converge|optimization hasn't converged",
        Code.STILL_IMPROVING, Severity.INFO, 0.8,
        "the optimiser stopped at its limit of iterations",
        "Scale the features, then raise max_iter.",
    ),
)  # fmt: skip
_COMPILED = tuple(re.compile(one.pattern, re.IGNORECASE) for one in MESSAGES)


def known_messages(lines: Iterable[str]) -> tuple[str, ...]:
    """Return the first line of each message that is known, in their order."""
    found: dict[int, str] = {}
    for line in lines:
        for place, pattern in enumerate(_COMPILED):
            if place not in found and pattern.search(line):
                found[place] = line.strip()
    return tuple(dict.fromkeys(found.values()))
