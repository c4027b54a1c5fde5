"""The four calls of the model server, on messages; gRPC and REST are two ways to reach them."""

import time
from typing import Final

from google.protobuf.any_pb2 import Any as AnyMessage

from lifesign.pb import serving_pb2
from lifesign.pb.tensor_pb2 import SignatureDef
from lifesign.serving.core import ServerCore
from lifesign.serving.predict import DEFAULT_SIGNATURE, find_signature, predict
from lifesign.serving.servable import Array, Servable
from lifesign.serving.status import Code, ServingError
from lifesign.serving.tensors import content_tensor, to_array, typed_tensor

__all__ = ["SIGNATURE_DEF_TYPE_URL", "Calls"]

SIGNATURE_DEF_TYPE_URL: Final = "type.googleapis.com/tensorflow.serving.SignatureDefMap"
_SIGNATURE_DEF: Final = "signature_def"


class Calls:
    """Predict, metadata, status and reload over a ``ServerCore``."""

    def __init__(self, core: ServerCore, *, tensor_content: bool) -> None:
        self.core = core
        self._to_wire = content_tensor if tensor_content else typed_tensor

    def predict(
        self, request: serving_pb2.PredictRequest, *, timeout_seconds: float | None = None
    ) -> serving_pb2.PredictResponse:
        """Answer one PredictRequest.

        Raises:
            ServingError: what the client did wrong, or why there is no answer.
        """
        if not request.HasField("model_spec"):
            raise ServingError(Code.INVALID_ARGUMENT, "Missing ModelSpec")
        spec = request.model_spec
        with self.core.lease(spec) as lease:
            signature = find_signature(lease.servable, spec.signature_name)
            inputs = {alias: to_array(tensor, alias) for alias, tensor in request.inputs.items()}
            outputs = self.run(
                spec.name,
                lease.servable,
                signature,
                inputs,
                output_filter=tuple(request.output_filter),
                timeout_seconds=timeout_seconds,
            )
            response = serving_pb2.PredictResponse()
            for alias, array in outputs.items():
                response.outputs[alias].CopyFrom(self._to_wire(array))
            response.model_spec.name = spec.name
            response.model_spec.version.value = lease.version
            response.model_spec.signature_name = spec.signature_name or DEFAULT_SIGNATURE
        return response

    def run(
        self,
        model: str,
        servable: Servable,
        signature: SignatureDef,
        inputs: dict[str, Array],
        *,
        output_filter: tuple[str, ...] = (),
        timeout_seconds: float | None = None,
    ) -> dict[str, Array]:
        """Run a signature and count the time that the runtime took."""
        started = time.perf_counter()
        outputs = predict(
            servable, signature, inputs, output_filter=output_filter, timeout_seconds=timeout_seconds
        )
        elapsed = (time.perf_counter() - started) * 1e6
        self.core.instruments.runtime_latency.observe(elapsed, model, "Predict", "TF1")
        return outputs

    def metadata(self, request: serving_pb2.GetModelMetadataRequest) -> serving_pb2.GetModelMetadataResponse:
        """Answer with every SignatureDef of a version; ``signature_def`` is the only field there is."""
        if not request.HasField("model_spec"):
            raise ServingError(Code.INVALID_ARGUMENT, "Missing ModelSpec")
        if not request.metadata_field:
            raise ServingError(
                Code.INVALID_ARGUMENT, "GetModelMetadataRequest must specify at least one metadata_field"
            )
        for name in request.metadata_field:
            if name != _SIGNATURE_DEF:
                raise ServingError(Code.INVALID_ARGUMENT, f"Metadata field {name} is not supported")
        response = serving_pb2.GetModelMetadataResponse()
        with self.core.lease(request.model_spec) as lease:
            definitions = serving_pb2.SignatureDefMap()
            for name, signature in lease.servable.signatures.items():
                definitions.signature_def[name].CopyFrom(signature)
            packed = AnyMessage(type_url=SIGNATURE_DEF_TYPE_URL, value=definitions.SerializeToString())
            response.metadata[_SIGNATURE_DEF].CopyFrom(packed)
            response.model_spec.name = request.model_spec.name
            response.model_spec.version.value = lease.version
        return response

    def status(self, request: serving_pb2.GetModelStatusRequest) -> serving_pb2.GetModelStatusResponse:
        """Answer with the state of every version that was ever seen, newest first."""
        if not request.HasField("model_spec"):
            raise ServingError(Code.INVALID_ARGUMENT, "Missing ModelSpec")
        response = serving_pb2.GetModelStatusResponse()
        for entry in self.core.version_states(request.model_spec):
            status = response.model_version_status.add(version=entry.version, state=entry.state)
            status.status.error_code = int(entry.code)
            status.status.error_message = entry.message
        return response
