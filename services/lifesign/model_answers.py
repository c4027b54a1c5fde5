"""What a model server answers, as values: predictions, signatures and the state of versions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lifesign.errors import ContractError
from lifesign.pb import serving_pb2 as pb
from lifesign.signature import LOGITS, SCORES
from lifesign.tensors import array_from_tensor, dtype_name

__all__ = [
    "Exchange",
    "ModelSignature",
    "Prediction",
    "TensorSpec",
    "VersionStatus",
    "outputs_of",
    "prediction_of",
    "signatures_of",
    "statuses_of",
]


@dataclass(frozen=True)
class Prediction:
    """The answer for one batch.

    ``scores`` and ``logits`` are float32 ``(n, classes)``; ``logits`` is ``None`` where the model
    has none; ``version`` is the version that answered, not the one asked for.
    """

    scores: NDArray[np.float32]
    logits: NDArray[np.float32] | None
    version: int


@dataclass(frozen=True)
class TensorSpec:
    """A tensor of a signature; ``shape`` has -1 for unknown sizes and is ``None`` for unknown rank."""

    name: str
    dtype: str
    shape: tuple[int, ...] | None


@dataclass(frozen=True)
class ModelSignature:
    """Inputs and outputs of one signature by their alias."""

    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]


@dataclass(frozen=True)
class VersionStatus:
    """One version of the served model; ``state`` is START, LOADING, AVAILABLE, UNLOADING or END."""

    version: int
    state: str
    error_message: str


class Exchange(Protocol):
    """How a batch is put to a model that is not Lifesign's own, and how its answer is read."""

    @property
    def signature(self) -> str:
        """Signature that is called."""
        ...

    @property
    def output_filter(self) -> tuple[str, ...]:
        """Outputs that are asked for."""
        ...

    def inputs(self, images: NDArray[Any]) -> Mapping[str, NDArray[Any]]:
        """Return the tensors to send for a batch; arrays of objects are byte strings."""
        ...

    def prediction(self, outputs: Mapping[str, NDArray[Any]], version: int, images: int) -> Prediction:
        """Return the answer for so many ``images``; raises ``ContractError`` where it has none."""
        ...


def outputs_of(response: pb.PredictResponse) -> dict[str, NDArray[Any]]:
    """Return the outputs by name as the server sent them."""
    return {name: array_from_tensor(tensor) for name, tensor in response.outputs.items()}


def prediction_of(response: pb.PredictResponse, images: int, exchange: Exchange | None = None) -> Prediction:
    """Return the answer for so many ``images``; raises ``ContractError`` where it has no scores."""
    if exchange is not None:
        return exchange.prediction(outputs_of(response), response.model_spec.version.value, images)
    if SCORES not in response.outputs:
        raise ContractError(f"expected an output {SCORES!r}, got {sorted(response.outputs)}")
    scores = array_from_tensor(response.outputs[SCORES]).astype(np.float32, copy=False)
    logits = None
    if LOGITS in response.outputs:
        logits = array_from_tensor(response.outputs[LOGITS]).astype(np.float32, copy=False)
    return Prediction(scores, logits, response.model_spec.version.value)


def signatures_of(response: pb.GetModelMetadataResponse) -> dict[str, ModelSignature]:
    """Return the signatures of a version by name."""
    # The Any carries the official type name; ours has the same fields, so its bytes are parsed directly.
    definitions = pb.SignatureDefMap.FromString(response.metadata["signature_def"].value).signature_def
    return {
        name: ModelSignature(
            inputs={alias: _spec(info) for alias, info in definition.inputs.items()},
            outputs={alias: _spec(info) for alias, info in definition.outputs.items()},
        )
        for name, definition in sorted(definitions.items())
    }


def _spec(info: Any) -> TensorSpec:
    shape = None if info.tensor_shape.unknown_rank else tuple(dim.size for dim in info.tensor_shape.dim)
    return TensorSpec(info.name, dtype_name(info.dtype), shape)


def statuses_of(response: pb.GetModelStatusResponse) -> tuple[VersionStatus, ...]:
    """Return the states of versions, newest first."""
    return tuple(
        VersionStatus(item.version, pb.ModelVersionStatus.State.Name(item.state), item.status.error_message)
        for item in sorted(response.model_version_status, key=lambda item: -item.version)
    )
