"""The model contract: what a person says of a served model that is not Lifesign's own.

Everything that the server's metadata tells can be left out:

signature: serving_default
input:
  scaling: tf                  # none, 0..1, tf (-1..1), torch, caffe, or {scale, offset, mean, std}
output:
  kind: logits                 # or probabilities
class_names: [attack, bona_fide]
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, model_validator

from lifesign.errors import ConfigurationError
from lifesign.evaluation.contract.scaling import Colour, Convention, Scaling
from lifesign.validation import problems_of

__all__ = [
    "Encoding",
    "InputContract",
    "Layout",
    "ModelContract",
    "OutputContract",
    "OutputKind",
    "SentType",
    "model_contract",
    "read_model_contract",
]

_LIMIT_BYTES: Final = 1_000_000


class Layout(StrEnum):
    """Order of the axes: n images of height, width and channels."""

    NHWC = "NHWC"
    NCHW = "NCHW"


class Encoding(StrEnum):
    """What a model that takes bytes gets: the file as it lies there, or the prepared pixels in a file."""

    ORIGINAL = "original"
    PNG = "png"
    JPEG = "jpeg"


class OutputKind(StrEnum):
    """Whether the model's last layer is a softmax or sigmoid already, or still before it."""

    PROBABILITIES = "probabilities"
    LOGITS = "logits"


SentType = Literal[
    "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64",
    "float16", "float32", "float64", "string",
]  # fmt: skip
"""What can be sent: numpy's names, and ``string`` for bytes."""


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


_Pixels = Annotated[int, Field(ge=1, le=4096)]


def _kind_of_scaling(value: Any) -> str:
    return "name" if isinstance(value, str) else "values"


class InputContract(_Document):
    """What the model takes; null where the server's metadata or the model card tell."""

    name: str | None = Field(default=None, description="alias in the signature; null: the only one")
    dtype: SentType | None = Field(default=None, description="null: as the server says")
    size: tuple[_Pixels, _Pixels] | None = Field(default=None, description="height, width in pixels")
    crop: Literal["none", "center"] | None = None
    resample: Literal["bilinear", "lanczos"] | None = None
    layout: Layout | None = None
    colour: Colour | None = Field(default=None, description="null: rgb; bgr for caffe; gray for one channel")
    scaling: (
        Annotated[
            Annotated[Convention, Tag("name")] | Annotated[Scaling, Tag("values")],
            Discriminator(_kind_of_scaling),
        ]
        | None
    ) = Field(default=None, description="null: none for whole numbers; must be said for fractions")
    encoding: Encoding | None = Field(default=None, description="only for bytes; null: original")


class OutputContract(_Document):
    """What the model answers."""

    name: str | None = Field(default=None, description="alias in the signature; null: the only one")
    kind: OutputKind | None = Field(default=None, description="null: probabilities, which is checked")
    logits: str | None = Field(
        default=None, description="alias of an output with the logits beside probabilities"
    )


class ModelContract(_Document):
    """What a person says of a served model; checked against the server's metadata before anything is sent.

    ``class_names`` are in the order of the outputs. A model with one output unit has two classes, and
    ``positive_class`` is the one that a high value means.
    """

    signature: str | None = Field(default=None, description="null: serving_default, or the only one")
    input: InputContract = InputContract()
    output: OutputContract = OutputContract()
    class_names: tuple[str, ...] | None = Field(default=None, description="null: as in the model card")
    positive_class: str | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = self.class_names
        if names is not None and (len(names) < 2 or len(set(names)) != len(names)):
            raise ValueError(f"expected class_names of two or more different classes, got {list(names)}")
        if self.positive_class is not None and names is not None:
            if len(names) != 2:
                raise ValueError(
                    f"positive_class is for two classes and one output unit, got {len(names)} class_names"
                )
            if self.positive_class not in names:
                raise ValueError(f"expected positive_class among {list(names)}, got {self.positive_class!r}")
        return self


def model_contract(values: Any, source: str) -> ModelContract:
    """Return a contract from plain values; ``source`` is what messages call it.

    Raises:
        ConfigurationError: one line with each wrong field, what it expects and what it got.
    """
    if not isinstance(values, dict):
        raise ConfigurationError(
            f"{source}: expected fields such as 'class_names: [attack, bona_fide]', got {values!r:.60}"
        )
    try:
        return ModelContract.model_validate(values)
    except ValidationError as error:
        raise ConfigurationError(f"{source}: {problems_of(error)}") from None


def read_model_contract(path: Path) -> ModelContract:
    """Read a contract from a YAML or JSON file.

    Raises:
        ConfigurationError: it cannot be read, or is not a contract.
    """
    try:
        if path.stat().st_size > _LIMIT_BYTES:
            raise ConfigurationError(f"{path}: expected a small YAML or JSON file")
        return model_contract(yaml.safe_load(path.read_text("utf-8")), str(path))
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror or error}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        problem = " ".join(str(error).split())
        raise ConfigurationError(f"{path}: expected YAML or JSON: {problem}") from None
