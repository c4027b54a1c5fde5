"""Predict on one servable: aliases to tensors, run, tensors to aliases."""

from collections.abc import Iterable, Mapping
from typing import Final

from lifesign.pb.tensor_pb2 import SignatureDef
from lifesign.serving.servable import Array, Servable
from lifesign.serving.status import Code, ServingError

__all__ = ["DEFAULT_SIGNATURE", "find_signature", "predict"]

DEFAULT_SIGNATURE: Final = "serving_default"
# From this rank on a declared shape means images or sequences, which go into convolutions.
_CONVOLVED_RANK: Final = 3


def find_signature(servable: Servable, name: str) -> SignatureDef:
    """Return the signature of that name, ``serving_default`` for an empty one.

    Raises:
        ServingError: FAILED_PRECONDITION, the model has no such signature.
    """
    key = name or DEFAULT_SIGNATURE
    signature = servable.signatures.get(key)
    if signature is None:
        raise ServingError(Code.FAILED_PRECONDITION, f'Serving signature key "{key}" not found.')
    return signature


def predict(
    servable: Servable,
    signature: SignatureDef,
    inputs: Mapping[str, Array],
    *,
    output_filter: Iterable[str] = (),
    timeout_seconds: float | None = None,
) -> dict[str, Array]:
    """Compute the outputs of a signature, by alias; an empty filter means all of them.

    Raises:
        ServingError: inputs or filter that do not match the signature, or the runtime's own error.
    """
    _check_inputs(signature, inputs)
    _check_ranks(signature, inputs)
    aliases = _output_aliases(signature, tuple(output_filter))
    feeds = {signature.inputs[alias].name: inputs[alias] for alias in sorted(inputs)}
    fetches = [signature.outputs[alias].name for alias in aliases]
    outputs = servable.run(feeds, fetches, timeout_seconds=timeout_seconds)
    return dict(zip(aliases, outputs, strict=True))


def _braces(names: Iterable[str]) -> str:
    return "{" + ",".join(sorted(names)) + "}"


def _check_inputs(signature: SignatureDef, inputs: Mapping[str, Array]) -> None:
    sent, wanted = set(inputs), set(signature.inputs)
    if len(sent) != len(wanted):
        raise ServingError(
            Code.INVALID_ARGUMENT,
            f"input size does not match signature: {len(sent)}!={len(wanted)} len({_braces(sent)}) != "
            f"len({_braces(wanted)}). Sent extra: {_braces(sent - wanted)}. "
            f"Missing but required: {_braces(wanted - sent)}.",
        )
    for alias in sorted(wanted - sent):
        raise ServingError(
            Code.INVALID_ARGUMENT,
            f"Signature input alias: {alias}(feed name: {signature.inputs[alias].name}) not found in request "
            f"and no default value provided. Inputs expected to be in the request {_braces(sent)}, "
            "or default input alias set: ",
        )


def _check_ranks(signature: SignatureDef, inputs: Mapping[str, Array]) -> None:
    # The one declared shape that is enforced: oneDNN's convolutions abort the process on missing dimensions.
    for alias, array in inputs.items():
        declared = signature.inputs[alias].tensor_shape
        if not declared.unknown_rank and array.ndim < len(declared.dim) >= _CONVOLVED_RANK:
            sizes = ",".join(map(str, array.shape))
            raise ServingError(
                Code.INVALID_ARGUMENT, f"input must be {len(declared.dim)}-dimensional: [{sizes}] ({alias})"
            )


def _output_aliases(signature: SignatureDef, wanted: tuple[str, ...]) -> list[str]:
    if not wanted:
        return sorted(signature.outputs)
    chosen: list[str] = []
    for alias in wanted:
        if alias not in signature.outputs:
            raise ServingError(
                Code.INVALID_ARGUMENT,
                f"output tensor alias not found in signature: {alias} Outputs expected to be in the set "
                f"{_braces(signature.outputs)}.",
            )
        if alias in chosen:
            raise ServingError(Code.INVALID_ARGUMENT, f"duplicate output tensor alias: {alias}")
        chosen.append(alias)
    return chosen
