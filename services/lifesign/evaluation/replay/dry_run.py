"""A dry run: one small batch through the model, and everything about it laid open. Nothing is stored."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lifesign.client import ModelSignature, Prediction, PredictionClient
from lifesign.datasets.dataset import Dataset, load_dataset
from lifesign.errors import ContractError, DatasetError, UpstreamError
from lifesign.evaluation.config import EvaluationConfig
from lifesign.evaluation.contract.answers import ReadOutput
from lifesign.evaluation.contract.document import OutputKind
from lifesign.evaluation.contract.exchange import ModelExchange, preprocessing_text
from lifesign.evaluation.contract.pixels import SentInput, sent_tensor
from lifesign.evaluation.contract.scaling import Convention
from lifesign.evaluation.contract.scaling_trials import is_scalable, other_scalings, scaling_label
from lifesign.evaluation.contract.suspicions import better_scaling, score_findings
from lifesign.evaluation.contract.trial import (
    DryRun,
    Finding,
    SampleFacts,
    ScalingTrial,
    Severity,
    class_facts,
    finite_or_none,
    output_facts,
    sent_facts,
    signature_facts,
)
from lifesign.evaluation.replay.decoding import decode_batch
from lifesign.evaluation.replay.patience import Clock, Patience
from lifesign.evaluation.replay.served_model import ServedModel, inspect_model, resolve_version
from lifesign.signature import IMAGES, SCORES, Signature

__all__ = ["dry_run"]

_IMAGES: Final = 32
_DRAWN: Final = 256


@dataclass(frozen=True)
class _Batch:
    """Labelled images that can be sent; ``true`` int64 ``(m,)`` are places among the classes."""

    ids: list[str]
    true: NDArray[np.int64]
    images: NDArray[Any]
    refused: dict[str, str]


def dry_run(
    config: EvaluationConfig,
    *,
    tell: Callable[[str], None] | None = None,
    clock: Clock | None = None,
) -> DryRun:
    """Send up to 32 images, as many of each class as there are, and say what was sent and answered.

    A float input whose scaling nobody said is tried with pixels 0 to 255, and refused in the result.

    Raises:
        LifesignError: it cannot be sent at all; one sentence says why.
    """
    patience = Patience(limit_seconds=config.wait_server_seconds, tell=tell or _silence, clock=clock)
    with _client(config, config.version) as client:
        version = resolve_version(client, config.version, patience)
    with _client(config, version) as client:
        signatures = client.metadata()
        model = inspect_model(client, config, version, unsaid_scaling=Convention.NONE)
    exchange = model.exchange or _own_exchange(model)
    dataset = _dataset(config, model)
    batch = _batch(dataset, model, exchange)
    if not batch.ids:
        raise DatasetError(f"{config.data}: expected images that can be read, got none among the first")
    return _tried(config, model, exchange, batch, signatures)


def _silence(_: str) -> None:
    pass


def _client(
    config: EvaluationConfig, version: int | None, exchange: ModelExchange | None = None
) -> PredictionClient:
    return PredictionClient(
        config.target,
        model=config.model,
        version=version,
        timeout_seconds=config.timeout_seconds,
        exchange=exchange,
    )


def _own_exchange(model: ServedModel) -> ModelExchange:
    """Return the contract that Lifesign's own exports keep."""
    return ModelExchange(
        signature=str(Signature.DEFAULT),
        input=SentInput(name=IMAGES, dtype="uint8"),
        output=ReadOutput(name=SCORES, kind=OutputKind.PROBABILITIES, class_names=model.class_names),
    )


def _dataset(config: EvaluationConfig, model: ServedModel) -> Dataset:
    return load_dataset(
        config.data,
        layout=config.layout,
        protocol=config.protocol,
        class_names=model.class_names,
        class_map=config.class_map,
        split=config.split,
        slices=(),
        limit=min(config.limit or _DRAWN, _DRAWN),
        threads=config.decode_threads,
    )


def _batch(dataset: Dataset, model: ServedModel, exchange: ModelExchange) -> _Batch:
    rows = dataset.table.take(_balanced(dataset.table["label"].to_pylist()))
    decoded = decode_batch(
        dataset.source,
        rows["path"].to_pylist(),
        model.preprocessing,
        keeps_files=exchange.input.takes_files,
    )
    ids: list[str] = rows["sample_id"].to_pylist()
    kept = rows.take(decoded.kept)
    places = [model.class_names.index(label) for label in kept["label"].to_pylist()]
    return _Batch(
        ids=kept["sample_id"].to_pylist(),
        true=np.array(places, np.int64),
        images=decoded.sent,
        refused={ids[place]: refusal.detail for place, refusal in decoded.refusals.items()},
    )


def _balanced(labels: list[str]) -> list[int]:
    """Return places of up to 32 samples, the classes in turn."""
    turns = Counter[str]()
    order = list[tuple[int, int]]()
    for place, label in enumerate(labels):
        order.append((turns[label], place))
        turns[label] += 1
    return sorted(place for _, place in sorted(order)[:_IMAGES])


def _tried(
    config: EvaluationConfig,
    model: ServedModel,
    exchange: ModelExchange,
    batch: _Batch,
    signatures: Mapping[str, ModelSignature],
) -> DryRun:
    outputs, prediction, problem = _asked(config, model, exchange, batch)
    findings = [one for one in (_unsaid(config, exchange), problem) if one is not None]
    trials: tuple[ScalingTrial, ...] = ()
    if prediction is not None:
        findings += score_findings(prediction.scores, batch.true, batch.images, model.class_names)
        trials, better = _scalings(config, model, exchange, batch, prediction)
        findings += [] if better is None else [better]
    return DryRun(
        model=model.name,
        version=model.version,
        signatures=signature_facts(signatures),
        exchange=exchange,
        preprocessing=preprocessing_text(model.preprocessing, exchange),
        assumed=model.assumed,
        images=len(batch.images),
        refused_images=batch.refused,
        sent=sent_facts(sent_tensor(batch.images, exchange.input), exchange.input),
        outputs=output_facts(outputs),
        classes=class_facts(None if prediction is None else prediction.scores, batch.true, model.class_names),
        samples=() if prediction is None else _samples(batch, prediction, model.class_names),
        scalings=trials,
        findings=tuple(findings),
    )


def _asked(
    config: EvaluationConfig, model: ServedModel, exchange: ModelExchange, batch: _Batch
) -> tuple[dict[str, NDArray[Any]], Prediction | None, Finding | None]:
    """Return the outputs as they came, what they mean, and why they mean nothing."""
    outputs = dict[str, NDArray[Any]]()
    try:
        size = model.images_per_request(config.batch_size)
        starts = range(0, len(batch.images), size)
        parts = [batch.images[start : start + size] for start in starts]
        with _client(config, model.version, exchange) as client:
            answers = [exchange.answered(client.outputs(part), len(part)) for part in parts]
        outputs = {name: np.concatenate([one[name] for one in answers]) for name in answers[0]}
        return outputs, exchange.prediction(outputs, model.version, len(batch.images)), None
    except UpstreamError as error:
        sentence = f"The server refuses the batch: {error}"
        remedy = "Compare what is sent with the signature."
    except ContractError as error:
        sentence, remedy = str(error), "Correct what the model contract says of the output."
    return outputs, None, Finding(severity=Severity.REFUSAL, sentence=sentence, remedy=remedy)


def _unsaid(config: EvaluationConfig, exchange: ModelExchange) -> Finding | None:
    is_said = config.contract is not None and config.contract.input.scaling is not None
    if is_said or not is_scalable(exchange.input):
        return None
    return Finding(
        severity=Severity.REFUSAL,
        sentence=f"Input {exchange.input.name!r} takes {exchange.input.dtype}, and nobody said in which "
        "range; pixels were sent as 0 to 255 for this trial.",
        remedy="Write the input scaling into the model contract; the usual ones were compared.",
    )


def _scalings(
    config: EvaluationConfig,
    model: ServedModel,
    exchange: ModelExchange,
    batch: _Batch,
    chosen: Prediction,
) -> tuple[tuple[ScalingTrial, ...], Finding | None]:
    """Ask for the same images under the other usual scalings, where numbers have fractions."""
    if not is_scalable(exchange.input):
        return (), None
    said = scaling_label(exchange.input)
    answers = {said: chosen.scores}
    for name, sent in other_scalings(exchange.input).items():
        _, prediction, _ = _asked(config, model, exchange.model_copy(update={"input": sent}), batch)
        if prediction is not None:
            answers[name] = prediction.scores
    right = {name: scores.argmax(axis=1) == batch.true for name, scores in answers.items()}
    trials = tuple(
        ScalingTrial(
            scaling=name,
            is_chosen=place == 0,
            right=int(right[name].sum()),
            images=len(scores),
            mean_largest_score=finite_or_none(scores.max(axis=1).mean()),
        )
        for place, (name, scores) in enumerate(answers.items())
    )
    return trials, better_scaling(right.pop(said), right)


def _samples(batch: _Batch, prediction: Prediction, class_names: tuple[str, ...]) -> tuple[SampleFacts, ...]:
    return tuple(
        SampleFacts(sample_id=name, label=class_names[true], scores=tuple(map(finite_or_none, row)))
        for name, true, row in zip(batch.ids, batch.true, prediction.scores, strict=True)
    )
