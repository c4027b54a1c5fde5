"""From the outputs of a model of any make to probabilities per class."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy import special

from lifesign.client import Prediction
from lifesign.errors import ContractError
from lifesign.evaluation.contract.document import OutputKind

__all__ = ["SUM_TOLERANCE", "ReadOutput", "probability_problem", "read_answer"]

SUM_TOLERANCE: Final = 0.01
"""How far probabilities may miss 1 in all; half precision over 1,000 classes stays within."""

_RANGE_TOLERANCE: Final = 1e-4


class ReadOutput(BaseModel):
    """One output of a model in full.

    ``positive`` is the place of the class that a high value of the only unit means, ``None`` for a model
    with one unit per class.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: OutputKind
    class_names: tuple[str, ...]
    positive: int | None = None
    logits: str | None = None

    @property
    def units(self) -> int:
        """Values per image."""
        return len(self.class_names) if self.positive is None else 1

    @property
    def names(self) -> tuple[str, ...]:
        """Outputs that are read."""
        return (self.name,) if self.logits is None else (self.name, self.logits)

    @property
    def fingerprint(self) -> str:
        """One line that changes whenever the reading does: ``output_0:logits>softmax``."""
        if self.positive is None:
            return f"{self.name}:{self.kind}" + (">softmax" if self.kind is OutputKind.LOGITS else "")
        squashed = ">sigmoid" if self.kind is OutputKind.LOGITS else ""
        return f"{self.name}:{self.kind}{squashed}=P({self.class_names[self.positive]})"


def read_answer(outputs: Mapping[str, NDArray[Any]], version: int, output: ReadOutput) -> Prediction:
    """Return scores float32 ``(n, classes)``, and logits where the model has them.

    Raises:
        ContractError: no such output, another number of values, or many rows that are no probabilities.
            A single odd row is left as it is: it costs its sample.
    """
    values = _values(outputs, output.name, output)
    if output.kind is OutputKind.LOGITS:
        logits = values if output.positive is None else _two_columns(values[:, 0], 0.0, output.positive)
        return Prediction(_softmax(logits), logits.astype(np.float32), version)
    problem = probability_problem(values, output)
    if problem:
        raise ContractError(f"{problem} from version {version}")
    scores = (
        values if output.positive is None else _two_columns(values[:, 0], 1 - values[:, 0], output.positive)
    )
    beside = None
    if output.logits is not None:
        beside = _values(outputs, output.logits, output).astype(np.float32)
    return Prediction(scores.astype(np.float32), beside, version)


def probability_problem(values: NDArray[np.float64], output: ReadOutput) -> str:
    """Return why ``(n, units)`` cannot be probabilities; empty when they can."""
    finite = values[np.isfinite(values).all(axis=1)]
    # One odd row may be one odd image; many are another meaning. Not all: a logit can lie in 0 to 1.
    many = max(2, len(finite) / 4)
    outside = (abs(finite - 0.5) > 0.5 + _RANGE_TOLERANCE).any(axis=1)
    low, high = finite.min(initial=np.inf), finite.max(initial=-np.inf)
    if outside.sum() >= many:
        return (
            f"expected probabilities in 0 to 1 of output {output.name!r}, got {low:.6g} to {high:.6g}: "
            "these look like logits (output kind: logits)"
        )
    sums = finite.sum(axis=1)
    if output.positive is None and (abs(sums - 1) > SUM_TOLERANCE).sum() >= many:
        return (
            f"expected probabilities of {len(output.class_names)} classes that sum to 1 in output "
            f"{output.name!r}, got sums of {sums.min():.6g} to {sums.max():.6g}: these look like logits "
            "(output kind: logits) or like independent labels, which is not one class per image"
        )
    return ""


def _values(outputs: Mapping[str, NDArray[Any]], name: str, output: ReadOutput) -> NDArray[np.float64]:
    if name not in outputs:
        raise ContractError(f"expected an output {name!r}, got {sorted(outputs)}")
    values = outputs[name]
    if output.positive is not None and values.ndim == 1:
        values = values[:, None]
    if values.ndim != 2 or values.shape[1] != output.units:
        hint = ""
        if values.ndim == 2 and values.shape[1] == 1:
            hint = "; a model with one unit needs positive_class"
        raise ContractError(
            f"expected {output.units} values per image in output {name!r} for the classes "
            f"{list(output.class_names)}, got shape {values.shape}{hint}"
        )
    return values.astype(np.float64)


def _two_columns(positive: NDArray[np.float64], negative: Any, place: int) -> NDArray[np.float64]:
    columns = np.empty((len(positive), 2))
    columns[:, place], columns[:, 1 - place] = positive, negative
    return columns


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float32]:
    # Logits that are not finite give nan here, and cost their sample.
    with np.errstate(invalid="ignore"):
        return np.asarray(special.softmax(logits, axis=1), np.float32)
