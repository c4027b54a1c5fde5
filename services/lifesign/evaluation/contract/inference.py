"""From what a person said and what the server's metadata say to a complete contract, or a refusal.

What neither says is taken in the usual way, and told in a sentence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from lifesign.client import ModelSignature, TensorSpec
from lifesign.errors import ConfigurationError, ContractError
from lifesign.evaluation.contract.answers import ReadOutput
from lifesign.evaluation.contract.document import ModelContract, OutputKind
from lifesign.evaluation.contract.exchange import ModelExchange
from lifesign.evaluation.contract.inputs import infer_input
from lifesign.evaluation.contract.scaling import Convention
from lifesign.labels import ATTACK, BONA_FIDE, is_liveness, liveness_label
from lifesign.signature import Signature

__all__ = ["Inferred", "infer_exchange"]

_NO_SIGNATURE: Final = "__saved_model_init_op"
_LOGIT_WORDS: Final = ("logit",)
_PROBABILITY_WORDS: Final = ("prob", "softmax", "sigmoid", "score")


@dataclass(frozen=True)
class Inferred:
    """A complete contract; ``size`` is the static (height, width) of the input, ``assumed`` in sentences."""

    exchange: ModelExchange
    size: tuple[int | None, int | None]
    assumed: tuple[str, ...]


def infer_exchange(
    contract: ModelContract,
    signatures: Mapping[str, ModelSignature],
    *,
    class_names: Sequence[str] | None = None,
    unsaid_scaling: Convention | None = None,
) -> Inferred:
    """Complete a contract; ``class_names`` are those of options or card, where the contract has none.

    ``unsaid_scaling`` is for a dry run, which may try a scaling that nobody said.

    Raises:
        ConfigurationError: something that can be guessed by nobody is not said.
        ContractError: the contract and the server's metadata disagree.
    """
    assumed: list[str] = []
    name, signature = _signature(contract, signatures)
    sent, size = infer_input(contract.input, signature.inputs, assumed, unsaid_scaling=unsaid_scaling)
    names = _class_names(contract, class_names, assumed)
    output = _output(contract, signature.outputs, names, assumed)
    return Inferred(ModelExchange(signature=name, input=sent, output=output), size, tuple(assumed))


def _signature(
    contract: ModelContract, signatures: Mapping[str, ModelSignature]
) -> tuple[str, ModelSignature]:
    known = {name: one for name, one in signatures.items() if name != _NO_SIGNATURE}
    wanted = contract.signature
    if wanted is None:
        wanted = next(iter(known)) if len(known) == 1 else str(Signature.DEFAULT)
    if wanted not in known:
        raise ContractError(f"expected a signature {wanted!r}, got {sorted(known)}")
    return wanted, known[wanted]


def _class_names(
    contract: ModelContract, others: Sequence[str] | None, assumed: list[str]
) -> tuple[str, ...]:
    names = contract.class_names
    if names is None:
        if others is None:
            raise ConfigurationError(
                "expected class_names in the model contract, a model card (--model-base-path or --card) or "
                "--class-names in the order of the model's outputs, got none of them"
            )
        return tuple(others)
    liveness = _liveness_names(names)
    if liveness is not None and liveness != names:
        pairs = " and ".join(f"{own!r} as {known}" for own, known in zip(names, liveness, strict=True))
        assumed.append(f"the classes are read as those of a liveness model: {pairs}")
    return liveness or names


def _liveness_names(names: Sequence[str]) -> tuple[str, ...] | None:
    """Return attack and bona fide in the order of their synonyms; digits can be any two classes."""
    labels = tuple(liveness_label(name) for name in names if not name.strip().isdecimal())
    return tuple(map(str, labels)) if len(names) == 2 and set(labels) == {ATTACK, BONA_FIDE} else None


def _output(
    contract: ModelContract,
    outputs: Mapping[str, TensorSpec],
    class_names: tuple[str, ...],
    assumed: list[str],
) -> ReadOutput:
    asked = contract.output
    name = _output_name(asked.name, outputs, class_names, assumed)
    _require_numbers(name, outputs[name])
    if asked.logits is not None and asked.logits not in outputs:
        raise ContractError(f"expected an output {asked.logits!r} with logits, got {sorted(outputs)}")
    positive = _positive(contract, outputs[name], class_names, assumed)
    return ReadOutput(
        name=name,
        kind=asked.kind or _kind(name, assumed),
        class_names=class_names,
        positive=positive,
        logits=asked.logits if positive is None else None,
    )


def _output_name(
    wanted: str | None, outputs: Mapping[str, TensorSpec], class_names: Sequence[str], assumed: list[str]
) -> str:
    if wanted is not None:
        if wanted not in outputs:
            raise ContractError(f"expected an output {wanted!r}, got {_listed(outputs)}")
        return wanted
    if len(outputs) == 1:
        return next(iter(outputs))
    fitting = [name for name, spec in outputs.items() if _width(spec) == len(class_names)]
    likely = [name for name in fitting if any(word in name.lower() for word in _PROBABILITY_WORDS)] or fitting
    if len(likely) != 1:
        raise ConfigurationError(
            f"expected the name of the output with the {len(class_names)} classes, "
            f"since the signature has several: {_listed(outputs)}"
        )
    assumed.append(f"output {likely[0]!r} is taken for the answer, among {', '.join(sorted(outputs))}")
    return likely[0]


def _kind(name: str, assumed: list[str]) -> OutputKind:
    word = name.lower()
    kind = OutputKind.LOGITS if any(one in word for one in _LOGIT_WORDS) else OutputKind.PROBABILITIES
    why = "by its name" if any(one in word for one in (*_LOGIT_WORDS, *_PROBABILITY_WORDS)) else "as is usual"
    assumed.append(f"output {name!r} is taken to hold {kind}, {why}")
    return kind


def _positive(
    contract: ModelContract, spec: TensorSpec, class_names: tuple[str, ...], assumed: list[str]
) -> int | None:
    """Return the class that one unit means, ``None`` for one unit per class."""
    width, count = _width(spec), len(class_names)
    wanted = contract.positive_class
    if width is not None and width != 1:
        if width != count:
            raise ContractError(
                f"expected {count} values per image for the classes {list(class_names)}, "
                f"got an output of shape {list(spec.shape or ())}"
            )
        if wanted is not None:
            raise ContractError(
                f"positive_class is for one output unit, got an output of shape {list(spec.shape or ())}; "
                "the order of class_names says what each unit means"
            )
        return None
    if width is None and wanted is None:
        return None
    if count != 2:
        raise ContractError(
            f"expected two classes for a model with one output unit, got the {count} classes "
            f"{list(class_names)}"
        )
    return _place(wanted, contract, class_names, assumed)


def _place(
    wanted: str | None, contract: ModelContract, class_names: tuple[str, ...], assumed: list[str]
) -> int:
    if wanted is None:
        assumed.append(
            f"the one output unit is taken for P({class_names[1]}), the second class, as Keras counts them: "
            "say positive_class"
        )
        return 1
    if contract.class_names is not None and wanted in contract.class_names:
        return contract.class_names.index(wanted)
    known = liveness_label(wanted) if is_liveness(class_names) else wanted
    if known not in class_names:
        raise ContractError(f"expected positive_class among {list(class_names)}, got {wanted!r}")
    return class_names.index(known)


def _width(spec: TensorSpec) -> int | None:
    """Return the number of values per image, ``None`` where the metadata leave it open."""
    if spec.shape is None:
        return None
    if len(spec.shape) == 1:
        return 1
    return None if spec.shape[-1] < 0 else spec.shape[-1]


def _require_numbers(name: str, spec: TensorSpec) -> None:
    rank = None if spec.shape is None else len(spec.shape)
    if spec.dtype not in ("float", "double", "half") or rank not in (None, 1, 2):
        raise ContractError(
            f"expected output {name!r} as float [-1, classes], "
            f"got {spec.dtype} {list(spec.shape) if spec.shape is not None else 'of unknown shape'}"
        )


def _listed(specs: Mapping[str, TensorSpec]) -> str:
    return ", ".join(
        f"{name} {spec.dtype} {'?' if spec.shape is None else list(spec.shape)}"
        for name, spec in sorted(specs.items())
    )
