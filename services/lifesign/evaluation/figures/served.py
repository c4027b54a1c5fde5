"""One picture put to a served model: its scores, the scores of altered copies, and activations of layers."""

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lifesign.client import ModelSignature, Prediction, PredictionClient, TensorSpec
from lifesign.errors import ConfigurationError, ContractError
from lifesign.evaluation.config import EvaluationConfig
from lifesign.evaluation.replay.patience import Patience
from lifesign.evaluation.replay.served_model import ServedModel, inspect_model, resolve_version
from lifesign.preprocessing import PreprocessingSpec, decode_image, prepare_image, read_image
from lifesign.signature import IMAGES, SCORES, Signature

__all__ = ["AskedModel", "asked_model", "prepared_picture"]

_BATCH = 32


@dataclass(frozen=True)
class _Activations:
    """The ``Exchange`` that asks the signature ``inspect`` for one output."""

    layer: str
    model: ServedModel
    signature: str = Signature.INSPECT.value

    @property
    def output_filter(self) -> tuple[str, ...]:
        return (self.layer,)

    def inputs(self, images: NDArray[Any]) -> Mapping[str, NDArray[Any]]:
        if self.model.exchange is not None:
            return self.model.exchange.inputs(images)
        return {IMAGES: images}

    def prediction(self, outputs: Mapping[str, NDArray[Any]], version: int, images: int) -> Prediction:  # noqa: ARG002
        raise ContractError(f"activations of {self.layer} of version {version} are no scores")


@dataclass(frozen=True)
class AskedModel:
    """A version of a served model and how it is asked; everything goes through gRPC."""

    target: str
    model: ServedModel
    signatures: Mapping[str, ModelSignature]
    timeout_seconds: float

    @property
    def title(self) -> str:
        """What to call it: name and version."""
        return f"{self.model.name} version {self.model.version}"

    @property
    def layers(self) -> dict[str, TensorSpec]:
        """The outputs of the signature ``inspect`` by name: as the card orders them, else large maps first.

        Raises:
            ContractError: the model has no such signature.
        """
        if Signature.INSPECT not in self.signatures:
            raise ContractError(
                f"{self.title} at {self.target}: expected a signature 'inspect' with named layers, got "
                f"{', '.join(self.signatures)}; Lifesign's exports have one, any other model has the kinds "
                "filters and saliency"
            )
        outputs = self.signatures[Signature.INSPECT].outputs
        known = (
            [] if self.model.card is None else [name for name in self.model.card.layers if name in outputs]
        )
        return {
            name: outputs[name]
            for name in dict.fromkeys(
                [*known, *sorted(outputs, key=lambda name: (-_map_size(outputs[name]), name))]
            )
        }

    def predict(self, images: NDArray[np.uint8]) -> Prediction:
        """Return scores float32 ``(n, classes)`` of prepared pictures uint8 ``(n, height, width, 3)``."""
        exchange = self.model.exchange
        batch = _BATCH if exchange is None or exchange.input.batch is None else exchange.input.batch
        sent: NDArray[Any] = images
        if exchange is not None and exchange.input.takes_files:
            sent = _as_files(images)
        with self._client(exchange) as client:
            starts = range(0, len(sent), batch)
            parts = [client.predict(sent[start : start + batch]) for start in starts]
        every = [part.logits for part in parts if part.logits is not None]
        return Prediction(
            np.concatenate([part.scores for part in parts]),
            np.concatenate(every) if len(every) == len(parts) else None,
            parts[0].version,
        )

    def activations(self, layer: str, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return what a layer answers to one picture ``(height, width, 3)``, without the batch dimension.

        Raises:
            ContractError: no signature ``inspect``.
            ConfigurationError: no such layer; the message lists those that are there.
        """
        layers = self.layers
        if layer not in layers:
            raise ConfigurationError(
                f"{self.title} has no layer {layer!r}; 'inspect' shows {', '.join(layers) or 'none'}"
            )
        with self._client(_Activations(layer, self.model)) as client:
            return np.asarray(client.outputs(image[None])[layer][0], np.float32)

    def _client(self, exchange: Any) -> PredictionClient:
        return PredictionClient(
            self.target,
            model=self.model.name,
            version=self.model.version,
            timeout_seconds=self.timeout_seconds,
            exchange=exchange,
        )


def asked_model(config: EvaluationConfig) -> AskedModel:
    """Find out which version answers and how it is spoken to, as an evaluation does.

    Without card and class names the classes of a Lifesign model are called by their numbers.

    Raises:
        UpstreamError: the server does not answer, or has no such model.
        ContractError: card, contract and server disagree.
        ConfigurationError: they do not say enough.
    """
    patience = Patience(limit_seconds=config.wait_server_seconds, tell=lambda _: None)
    with _asking(config, config.version) as client:
        version = resolve_version(client, config.version, patience)
    with _asking(config, version) as client:
        signatures = client.metadata()
        model = inspect_model(client, _with_numbers(config, signatures), version)
    return AskedModel(config.target, model, signatures, config.timeout_seconds)


def prepared_picture(path: Path, spec: PreprocessingSpec) -> NDArray[np.uint8]:
    """Return a picture as the model gets it, uint8 ``(height, width, 3)``.

    Raises:
        ImageError: the file is missing or no image.
    """
    return prepare_image(decode_image(read_image(path)), spec)


@contextmanager
def _asking(config: EvaluationConfig, version: int | None) -> Iterator[PredictionClient]:
    with PredictionClient(
        config.target, model=config.model, version=version, timeout_seconds=config.timeout_seconds
    ) as client:
        yield client


def _with_numbers(config: EvaluationConfig, signatures: Mapping[str, ModelSignature]) -> EvaluationConfig:
    is_told = config.class_names or config.card or config.model_base_path or config.contract
    scores = signatures[Signature.DEFAULT].outputs.get(SCORES) if Signature.DEFAULT in signatures else None
    if is_told or scores is None or not scores.shape or scores.shape[-1] < 2:
        return config
    return config.model_copy(update={"class_names": tuple(f"class {n}" for n in range(scores.shape[-1]))})


def _map_size(spec: TensorSpec) -> int:
    """Return height × width of a layer's maps, 0 where it has none or the server does not tell."""
    return spec.shape[1] * spec.shape[2] if spec.shape is not None and len(spec.shape) == 4 else 0


def _as_files(images: NDArray[np.uint8]) -> NDArray[Any]:
    files = np.empty(len(images), np.object_)
    for place, image in enumerate(images):
        file = io.BytesIO()
        Image.fromarray(image).save(file, "PNG")
        files[place] = file.getvalue()
    return files
