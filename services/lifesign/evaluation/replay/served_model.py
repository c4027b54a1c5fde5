"""The model under test: which version answers, what its card says, and whether the two agree."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lifesign.client import ModelSignature, PredictionClient, VersionStatus
from lifesign.errors import ConfigurationError, ContractError, NotReadyError, UpstreamError
from lifesign.evaluation.config import EvaluationConfig
from lifesign.evaluation.contract.agreement import (
    agreed_classes,
    agreed_preprocessing,
    require_batch_size,
    require_image_size,
)
from lifesign.evaluation.contract.document import ModelContract
from lifesign.evaluation.contract.exchange import ModelExchange
from lifesign.evaluation.contract.inference import infer_exchange
from lifesign.evaluation.contract.scaling import Convention
from lifesign.evaluation.replay.patience import Patience
from lifesign.labels import is_liveness
from lifesign.model_card import ModelCard, read_given_card, read_model_card
from lifesign.preprocessing import PreprocessingSpec
from lifesign.signature import IMAGES, SCORES, Signature

__all__ = ["ServedModel", "inspect_model", "resolve_version"]

# A server that is up and does not know the model will hardly learn it in minutes; a typo is likelier.
_UNKNOWN_MODEL_SECONDS = 10.0
_MOST_IMAGES = 32
_REQUEST_BYTES = 16 * 2**20
_ON_THE_WAY = frozenset({"START", "LOADING"})


@dataclass(frozen=True)
class ServedModel:
    """One version of a model, the meaning of its outputs and the pixels it wants.

    ``assumed`` says in sentences what had to be taken for granted for want of a model card or a contract.
    ``exchange`` is how a model of another make is spoken to, ``None`` for one that keeps Lifesign's
    signature.
    """

    name: str
    version: int
    card: ModelCard | None
    class_names: tuple[str, ...]
    preprocessing: PreprocessingSpec
    assumed: tuple[str, ...] = ()
    exchange: ModelExchange | None = None

    @property
    def task(self) -> Literal["liveness", "classification"]:
        if self.card is not None:
            return self.card.task
        return "liveness" if is_liveness(self.class_names) else "classification"

    @property
    def image_bytes(self) -> int:
        """Bytes of the pixels of one image as they are sent; files are smaller than their pixels."""
        sent = None if self.exchange is None else self.exchange.input
        number = 1 if sent is None or sent.dtype == "string" else np.dtype(sent.dtype).itemsize
        return self.preprocessing.height * self.preprocessing.width * 3 * number

    def images_per_request(self, asked: int | None) -> int:
        """Return ``asked``, or what the model takes, or the power of two up to 32 that stays within 16 MiB.

        It depends on the model alone, not on how fast the server is: with another batch size some kernels
        sum in another order, and a run that is resumed would not end with the same bytes.
        """
        if asked is not None:
            return asked
        if self.exchange is not None and self.exchange.input.batch is not None:
            return self.exchange.input.batch
        fitting = min(_MOST_IMAGES, max(1, _REQUEST_BYTES // self.image_bytes))
        return 1 << (fitting.bit_length() - 1)


def resolve_version(client: PredictionClient, wanted: int | None, patience: Patience) -> int:
    """Wait for the model and return the version to replay: ``wanted``, or the highest AVAILABLE one.

    Raises:
        NotReadyError: it did not come in time; the message lists the versions that are there.
    """
    spell = patience.spell(f"a version of the model at {client.target}")
    while True:
        try:
            states = client.status()
        except UpstreamError as error:
            spell.pause(error, limit_seconds=_limit(patience, error.code == "NOT_FOUND"))
            continue
        ready = [item.version for item in states if item.state == "AVAILABLE"]
        if ready and wanted is None:
            return max(ready)
        if wanted is not None and wanted in ready:
            return wanted
        coming = any(item.state in _ON_THE_WAY and wanted in (None, item.version) for item in states)
        what = "a version" if wanted is None else f"version {wanted}"
        missing = NotReadyError(
            f"expected {what} to be AVAILABLE, got {_described(states)}", code="NOT_FOUND"
        )
        spell.pause(missing, limit_seconds=_limit(patience, not coming))


def inspect_model(
    client: PredictionClient,
    config: EvaluationConfig,
    version: int,
    *,
    unsaid_scaling: Convention | None = None,
) -> ServedModel:
    """Read the card of a version and hold it, and the contract, against what the server's metadata say.

    Raises:
        ContractError: card, contract and server disagree.
        ConfigurationError: card, contract and options do not say enough.
    """
    signatures = client.metadata()
    card = _card(config, version)
    if config.contract is None and _is_lifesigns(signatures):
        return _own_model(config, card, version, signatures)
    contract = config.contract or ModelContract()
    known = agreed_classes(contract, card, config.class_names)
    inferred = infer_exchange(contract, signatures, class_names=known, unsaid_scaling=unsaid_scaling)
    require_batch_size(inferred, config.batch_size)
    return ServedModel(
        name=config.model,
        version=version,
        card=card,
        class_names=inferred.exchange.output.class_names,
        preprocessing=agreed_preprocessing(contract, inferred, card, config.image_size),
        assumed=inferred.assumed,
        exchange=inferred.exchange,
    )


def _is_lifesigns(signatures: Mapping[str, ModelSignature]) -> bool:
    signature = signatures.get(Signature.DEFAULT)
    if signature is None or IMAGES not in signature.inputs or SCORES not in signature.outputs:
        return False
    shape = signature.inputs[IMAGES].shape
    return not shape or shape[0] == -1


def _own_model(
    config: EvaluationConfig,
    card: ModelCard | None,
    version: int,
    signatures: Mapping[str, ModelSignature],
) -> ServedModel:
    inputs, outputs = _signature(signatures)
    model = _without_card(config, version, inputs) if card is None else _with_card(card, config, version)
    _require_size(model, inputs)
    if outputs is not None and outputs[-1] not in (-1, len(model.class_names)):
        raise ContractError(
            f"expected {len(model.class_names)} scores per image for the classes {list(model.class_names)}, "
            f"got an output of shape {list(outputs)} from version {version}"
        )
    return model


def _signature(signatures: Mapping[str, ModelSignature]) -> tuple[tuple[int, ...], tuple[int, ...] | None]:
    """Return the shapes of ``images`` and ``scores``."""
    signature = signatures[Signature.DEFAULT]
    images = signature.inputs[IMAGES]
    shape = images.shape or (-1, -1, -1, 3)
    if images.dtype != "uint8" or len(shape) != 4 or shape[-1] not in (-1, 3):
        raise ContractError(
            f"expected {IMAGES} as uint8 [-1, height, width, 3], got {images.dtype} {list(shape)}: "
            "say with --model-config what the model takes"
        )
    return shape, signature.outputs[SCORES].shape or None


def _card(config: EvaluationConfig, version: int) -> ModelCard | None:
    if config.card is not None:
        card = read_given_card(config.card)
        if (card.name, card.version) != (config.model, version):
            raise ContractError(
                f"{config.card}: expected the card of {config.model} version {version}, "
                f"got {card.name} version {card.version}"
            )
        return card
    if config.model_base_path is None:
        return None
    folder = config.model_base_path / config.model / str(version)
    card = read_model_card(folder)
    if card.version != version:
        raise ContractError(f"{folder}: expected a card of version {version}, got version {card.version}")
    return card


def _with_card(card: ModelCard, config: EvaluationConfig, version: int) -> ServedModel:
    if config.class_names is not None and config.class_names != card.class_names:
        raise ContractError(
            f"expected the classes {list(config.class_names)} as given, "
            f"got {list(card.class_names)} from the model card"
        )
    size = (card.preprocessing.height, card.preprocessing.width)
    require_image_size(config.image_size, size, "the model card")
    return ServedModel(config.model, version, card, card.class_names, card.preprocessing)


def _without_card(config: EvaluationConfig, version: int, inputs: tuple[int, ...]) -> ServedModel:
    if config.class_names is None:
        raise ConfigurationError(
            "expected a model card (--model-base-path or --card) or --class-names in the order of the "
            "model's scores, got neither"
        )
    if len(set(config.class_names)) != len(config.class_names) or len(config.class_names) < 2:
        raise ConfigurationError(f"expected two or more different class names, got {config.class_names}")
    _, height, width, _ = inputs
    if config.image_size is not None:
        height, width = config.image_size
    if height < 1 or width < 1:
        raise ConfigurationError(
            f"the model takes images of any size {list(inputs)} and has no card: expected --image-size"
        )
    spec = PreprocessingSpec(height=height, width=width)
    return ServedModel(
        name=config.model,
        version=version,
        card=None,
        class_names=config.class_names,
        preprocessing=spec,
        assumed=(
            f"no model card: scores are taken to be in the order {', '.join(config.class_names)}",
            f"no model card: images are prepared as {spec.fingerprint}",
        ),
    )


def _require_size(model: ServedModel, inputs: tuple[int, ...]) -> None:
    wanted = (model.preprocessing.height, model.preprocessing.width)
    if any(size not in (-1, want) for size, want in zip(inputs[1:3], wanted, strict=True)):
        raise ContractError(
            f"expected a model that takes {wanted[0]}×{wanted[1]} pixels as its card or options say, "
            f"got an input of shape {list(inputs)} from version {model.version}"
        )


def _limit(patience: Patience, is_unknown: bool) -> float:
    return min(_UNKNOWN_MODEL_SECONDS, patience.limit_seconds) if is_unknown else patience.limit_seconds


def _described(states: tuple[VersionStatus, ...]) -> str:
    if not states:
        return "no version"
    return ", ".join(
        f"version {item.version} {item.state}" + (f" ({item.error_message})" if item.error_message else "")
        for item in states
    )
