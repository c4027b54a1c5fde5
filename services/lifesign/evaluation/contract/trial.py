"""What a dry run found: the signature, what would be sent, what came back, and what is wrong with it."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from lifesign.client import ModelSignature, TensorSpec
from lifesign.evaluation.contract.document import Layout
from lifesign.evaluation.contract.exchange import ModelExchange
from lifesign.evaluation.contract.pixels import SentInput
from lifesign.evaluation.contract.scaling import Colour

__all__ = [
    "ClassFacts",
    "DryRun",
    "Finding",
    "OutputFacts",
    "SampleFacts",
    "ScalingTrial",
    "SentFacts",
    "Severity",
    "SignatureFacts",
    "class_facts",
    "finite_or_none",
    "output_facts",
    "sent_facts",
    "signature_facts",
]


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Severity(StrEnum):
    """A refusal means that an evaluation would measure nonsense; a warning that it may."""

    REFUSAL = "refusal"
    WARNING = "warning"


class Finding(_Document):
    """Something wrong, and what to do about it."""

    severity: Severity
    sentence: str
    remedy: str


class TensorFacts(_Document):
    """A tensor as the server describes it; -1 is an open size, null an unknown rank."""

    name: str
    dtype: str
    shape: tuple[int, ...] | None


class SignatureFacts(_Document):
    name: str
    inputs: tuple[TensorFacts, ...]
    outputs: tuple[TensorFacts, ...]


class ChannelFacts(_Document):
    """Values of one channel as they are sent."""

    name: str
    minimum: float
    mean: float
    maximum: float


class SentFacts(_Document):
    """What one request holds; ``shape`` is that of the batch."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    layout: str | None
    colour: str | None
    scaling: str | None
    encoding: str | None
    bytes_per_image: float
    channels: tuple[ChannelFacts, ...] = ()


class OutputFacts(_Document):
    """What came back under one name; null where no value is finite or there are no rows to sum."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    minimum: float | None
    maximum: float | None
    row_sum_minimum: float | None
    row_sum_maximum: float | None


class ClassFacts(_Document):
    """Scores of one class; ``labelled`` and ``predicted`` count images."""

    class_name: str
    minimum: float | None
    mean: float | None
    maximum: float | None
    labelled: int
    predicted: int


class SampleFacts(_Document):
    sample_id: str
    label: str
    scores: tuple[float | None, ...]


class ScalingTrial(_Document):
    """The same images under another scaling: how many are right, and how sure the model is of itself."""

    scaling: str
    is_chosen: bool
    right: int
    images: int
    mean_largest_score: float | None


class DryRun(_Document):
    """One small batch through the model under a contract; nothing is stored."""

    model: str
    version: int
    signatures: tuple[SignatureFacts, ...]
    exchange: ModelExchange
    preprocessing: str
    assumed: tuple[str, ...]
    images: int
    refused_images: dict[str, str] = Field(description="sample → why it cannot be sent")
    sent: SentFacts
    outputs: tuple[OutputFacts, ...]
    classes: tuple[ClassFacts, ...]
    samples: tuple[SampleFacts, ...]
    scalings: tuple[ScalingTrial, ...]
    findings: tuple[Finding, ...]

    @property
    def is_refused(self) -> bool:
        """Whether an evaluation under this contract would measure nonsense."""
        return any(one.severity is Severity.REFUSAL for one in self.findings)


def signature_facts(signatures: Mapping[str, ModelSignature]) -> tuple[SignatureFacts, ...]:
    """Return the signatures that can be called, as the server describes them."""
    return tuple(
        SignatureFacts(name=name, inputs=_tensors(one.inputs), outputs=_tensors(one.outputs))
        for name, one in sorted(signatures.items())
        if one.inputs
    )


def sent_facts(tensor: NDArray[Any], sent: SentInput) -> SentFacts:
    """Describe a tensor before it is sent."""
    is_bytes = sent.encoding is not None
    size = sum(len(one) for one in tensor.tolist()) if is_bytes else tensor.nbytes
    return SentFacts(
        name=sent.name,
        dtype=sent.dtype,
        shape=tensor.shape,
        layout=None if is_bytes else str(sent.layout),
        colour=None if is_bytes else str(sent.colour),
        scaling=None if is_bytes else f"{sent.scaling_name}: {sent.scaling.described()}",
        encoding=None if sent.encoding is None else str(sent.encoding),
        bytes_per_image=size / max(len(tensor), 1),
        channels=() if is_bytes or not tensor.size else _channels(tensor, sent),
    )


def output_facts(outputs: Mapping[str, NDArray[Any]]) -> tuple[OutputFacts, ...]:
    """Describe an answer as it came."""
    return tuple(_output(name, values) for name, values in sorted(outputs.items()))


def class_facts(
    scores: NDArray[np.float32] | None, true: NDArray[np.int64], class_names: Sequence[str]
) -> tuple[ClassFacts, ...]:
    """Describe the scores ``(n, classes)`` of each class; ``None`` where there is no answer."""
    count = len(class_names)
    known = np.zeros((0, count)) if scores is None else scores[np.isfinite(scores).all(axis=1)]
    predicted = np.bincount(known.argmax(axis=1), minlength=count) if len(known) else np.zeros(count, int)
    labelled = np.bincount(true, minlength=count)
    return tuple(
        ClassFacts(
            class_name=name,
            minimum=float(known[:, place].min()) if len(known) else None,
            mean=float(known[:, place].mean()) if len(known) else None,
            maximum=float(known[:, place].max()) if len(known) else None,
            labelled=int(labelled[place]),
            predicted=int(predicted[place]),
        )
        for place, name in enumerate(class_names)
    )


def finite_or_none(value: Any) -> float | None:
    """Return a number as JSON can hold it."""
    return float(value) if np.isfinite(value) else None


def _tensors(specs: Mapping[str, TensorSpec]) -> tuple[TensorFacts, ...]:
    return tuple(
        TensorFacts(name=name, dtype=spec.dtype, shape=spec.shape) for name, spec in sorted(specs.items())
    )


def _channels(tensor: NDArray[Any], sent: SentInput) -> tuple[ChannelFacts, ...]:
    axis = 3 if sent.layout is Layout.NHWC else 1
    names = {Colour.RGB: "red green blue", Colour.BGR: "blue green red", Colour.GRAY: "gray gray gray"}
    planes = np.moveaxis(tensor, axis, 0).astype(np.float64)
    return tuple(
        ChannelFacts(
            name=name, minimum=float(plane.min()), mean=float(plane.mean()), maximum=float(plane.max())
        )
        for name, plane in zip(names[sent.colour].split(), planes, strict=False)
    )


def _output(name: str, values: NDArray[Any]) -> OutputFacts:
    numbers = values.astype(np.float64)
    finite = numbers[np.isfinite(numbers)]
    sums = numbers.sum(axis=1) if numbers.ndim == 2 and len(numbers) else np.zeros(0)
    sums = sums[np.isfinite(sums)]
    return OutputFacts(
        name=name,
        dtype=str(values.dtype),
        shape=values.shape,
        minimum=float(finite.min()) if finite.size else None,
        maximum=float(finite.max()) if finite.size else None,
        row_sum_minimum=float(sums.min()) if sums.size else None,
        row_sum_maximum=float(sums.max()) if sums.size else None,
    )
