"""What contract, model card and options say of the same thing must be the same."""

from typing import Final

from lifesign.errors import ConfigurationError, ContractError
from lifesign.evaluation.contract.document import ModelContract
from lifesign.evaluation.contract.inference import Inferred
from lifesign.model_card import ModelCard
from lifesign.preprocessing import PreprocessingSpec

__all__ = ["agreed_classes", "agreed_preprocessing", "require_batch_size", "require_image_size"]

# A model that decodes files itself says no size; its images are measured at this one.
_MEASURED_SIZE: Final = (224, 224)


def agreed_classes(
    contract: ModelContract, card: ModelCard | None, option: tuple[str, ...] | None
) -> tuple[str, ...] | None:
    """Return the classes that contract, card and ``--class-names`` agree on; ``None`` where none names any.

    Raises:
        ContractError: two of them disagree.
    """
    said = {
        "the model contract": contract.class_names,
        "the model card": None if card is None else card.class_names,
        "--class-names": option,
    }
    given = {source: names for source, names in said.items() if names is not None}
    if len(set(given.values())) > 1:
        listed = ", ".join(f"{list(names)} from {source}" for source, names in given.items())
        raise ContractError(f"expected the same classes in the same order from all sources, got {listed}")
    return next(iter(given.values()), None)


def require_batch_size(inferred: Inferred, batch_size: int | None) -> None:
    """Refuse more images per request than the model takes; fewer are sent with the last one repeated.

    Raises:
        ConfigurationError: they are more.
    """
    sent = inferred.exchange.input
    if sent.batch is not None and batch_size is not None and batch_size > sent.batch:
        raise ConfigurationError(
            f"input {sent.name!r} takes {sent.batch} at a time, no more and no less: "
            f"expected --batch-size up to {sent.batch}, got {batch_size}"
        )


def require_image_size(option: tuple[int, int] | None, said: tuple[int, int] | None, source: str) -> None:
    """Refuse an ``--image-size`` beside a source that says another (height, width).

    Raises:
        ContractError: they disagree.
    """
    if option is not None and said is not None and option != said:
        expected, got = (f"{height}x{width}" for height, width in (said, option))
        raise ContractError(f"expected --image-size {expected} as {source} says, or none, got {got}")


def agreed_preprocessing(
    contract: ModelContract,
    inferred: Inferred,
    card: ModelCard | None,
    option: tuple[int, int] | None,
) -> PreprocessingSpec:
    """Return how images are prepared; ``option`` is the (height, width) of ``--image-size``.

    Raises:
        ConfigurationError: nobody says the size.
        ContractError: the server's metadata, or the option, say another one.
    """
    asked, static = contract.input, inferred.size
    of_card = None if card is None else (card.preprocessing.height, card.preprocessing.width)
    if asked.size is not None:
        require_image_size(option, asked.size, "the model contract")
    else:
        require_image_size(option, of_card, "the model card")
    base = PreprocessingSpec(height=1, width=1) if card is None else card.preprocessing
    wanted = asked.size or option or of_card
    if wanted is None and inferred.exchange.input.takes_files:
        wanted = _MEASURED_SIZE
    height, width = wanted or static
    if height is None or width is None:
        raise ConfigurationError(
            f"the model takes images of any size in {inferred.exchange.input.name!r}: expected input size "
            "[height, width] in the model contract, or --image-size"
        )
    if any(size not in (None, want) for size, want in zip(static, (height, width), strict=True)):
        raise ContractError(
            f"expected a model that takes {height}×{width} pixels as contract, card or options say, "
            f"got an input of {static[0]}×{static[1]}"
        )
    changes = {"crop": asked.crop, "resample": asked.resample, "height": height, "width": width}
    given = {name: value for name, value in changes.items() if value is not None}
    return PreprocessingSpec.model_validate({**base.model_dump(), **given})
