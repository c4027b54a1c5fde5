"""Recipes: everything that decides a training, validated, in one small file."""

from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lifesign.errors import ConfigurationError
from lifesign.preprocessing import PreprocessingSpec
from lifesign.validation import problems_of

__all__ = [
    "AugmentationConfig",
    "DataConfig",
    "MobileNetConfig",
    "ModelConfig",
    "Recipe",
    "SmallConfig",
    "TrainingConfig",
    "load_recipe",
    "recipe_names",
    "with_class_map",
]


class _Config(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SmallConfig(_Config):
    """A residual CNN of separable convolutions, trained from scratch."""

    kind: Literal["small"]
    high_pass: bool = Field(default=True, description="fixed noise-residual filters in front")
    stem_filters: int = Field(default=24, ge=4, le=512)
    stem_stride: Literal[1, 2] = 2
    block_filters: tuple[int, ...] = Field(default=(32, 48, 64), min_length=1, max_length=8)
    embedding_size: int = Field(default=64, ge=2, le=4096)
    dropout: float = Field(default=0.2, ge=0, lt=1)
    batch_norm_momentum: float = Field(default=0.9, gt=0, lt=1)


class MobileNetConfig(_Config):
    """MobileNetV2 → global average → dense; ``weights`` is a local file without the top, or none."""

    kind: Literal["mobilenetv2"]
    alpha: float = Field(default=1.0, gt=0, le=2)
    embedding_size: int = Field(default=512, ge=2, le=4096)
    dropout: float = Field(default=0.0, ge=0, lt=1)


ModelConfig = Annotated[SmallConfig | MobileNetConfig, Field(discriminator="kind")]


class DataConfig(_Config):
    """How folders, manifests and published layouts become labelled samples."""

    layout: str | None = Field(default=None, description="name of a published layout; null: as recognised")
    protocol: str | None = Field(
        default=None, coerce_numbers_to_str=True, description="protocol of the layout, such as 3.1"
    )
    class_map: dict[str, str] = Field(default_factory=dict, description="folder or label name → class")
    subject_pattern: str | None = Field(
        default=None, description="regular expression on the relative path; its first group is the subject"
    )
    dev_fraction: float = Field(
        default=0.2, gt=0, lt=0.5, description="carved from train when there is no dev"
    )
    max_unreadable: float = Field(
        default=0.05, ge=0, le=1, description="share of images that may fail to decode"
    )
    decode_threads: int = Field(default=4, ge=1, le=256)


class TrainingConfig(_Config):
    """The optimiser and its schedule; Adam, decoupled weight decay where it is not 0."""

    epochs: int = Field(default=16, ge=1, le=10_000)
    batch_size: int = Field(default=32, ge=1, le=65_536)
    learning_rate: float = Field(default=0.003, gt=0, le=10)
    schedule: Literal["cosine", "inverse_time", "constant"] = "cosine"
    warmup_fraction: float = Field(default=0.1, ge=0, lt=1, description="share of the steps, cosine only")
    decay: float = Field(default=0.0, ge=0, description="inverse_time: rate / (1 + decay * step)")
    weight_decay: float = Field(default=0.0, ge=0, le=1)
    label_smoothing: float = Field(default=0.0, ge=0, lt=0.5)
    class_weights: bool = True
    mixed_precision: bool = False
    deterministic: bool = False
    seed: int = Field(default=20261, ge=0, le=2**31 - 1)


class AugmentationConfig(_Config):
    """What training images go through, in pixels of the model's input; the development split never does."""

    flip: bool = Field(default=False, description="mirror left and right, half of the time")
    crop: int | None = Field(default=None, ge=8, description="side of a random square crop; no scaling")
    shift: int = Field(default=0, ge=0, le=64, description="largest shift, with edges repeated")


class Recipe(_Config):
    """A training, complete but for the data."""

    name: str = ""
    description: str = ""
    task: Literal["liveness", "classification"]
    preprocessing: PreprocessingSpec
    model: ModelConfig
    data: DataConfig = DataConfig()
    training: TrainingConfig = TrainingConfig()
    augmentation: AugmentationConfig = AugmentationConfig()
    select_by: Literal["auc", "accuracy", "loss"] = "accuracy"
    default_operating_point: str | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        smallest = min(self.preprocessing.height, self.preprocessing.width)
        crop = self.augmentation.crop
        if crop is not None and crop > smallest:
            raise ValueError(f"augmentation.crop is {crop}, larger than the input side {smallest}")
        if self.model.kind == "mobilenetv2" and crop is not None:
            raise ValueError("augmentation.crop needs a network of any input size, such as small; use shift")
        if self.model.kind == "mobilenetv2" and smallest < 32:
            raise ValueError(f"mobilenetv2 needs an input of at least 32 × 32, got {smallest}")
        if self.task != "liveness" and self.default_operating_point is not None:
            raise ValueError("default_operating_point is for liveness recipes only")
        if self.task != "liveness" and self.select_by == "auc":
            raise ValueError("select_by: auc is for liveness recipes only; use accuracy or loss")
        return self


def recipe_names() -> tuple[str, ...]:
    """Return the names of the recipes that come with the package."""
    folder = resources.files("lifesign_training") / "recipes"
    return tuple(sorted(item.name[:-5] for item in folder.iterdir() if item.name.endswith(".yaml")))


def load_recipe(source: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a packaged recipe by name or a YAML file by path, then apply ``key.sub=value`` overrides.

    Values are YAML, so ``training.epochs=3`` is a number and ``augmentation.crop=null`` is none.

    Raises:
        ConfigurationError: unknown name, no such file, or a value out of its range.
    """
    text, name = _recipe_text(source)
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"recipe {source} is not YAML: {_yaml_problem(error)}") from error
    if not isinstance(document, dict):
        raise ConfigurationError(f"recipe {source}: expected a mapping, got {type(document).__name__}")
    for override in overrides:
        _apply(document, override)
    document.setdefault("name", name)
    return parse_recipe(document, origin=f"recipe {source}")


def with_class_map(recipe: Recipe, pairs: Sequence[str]) -> Recipe:
    """Add ``NAME=CLASS`` pairs to the class map.

    Raises:
        ConfigurationError: a pair without ``=``.
    """
    added = dict(recipe.data.class_map)
    for pair in pairs:
        name, separator, label = pair.rpartition("=")
        if not separator or not name or not label:
            raise ConfigurationError(f"--class-map takes NAME=CLASS, got {pair!r}")
        added[name] = label
    return recipe.model_copy(update={"data": recipe.data.model_copy(update={"class_map": added})})


def parse_recipe(document: Mapping[str, Any], *, origin: str) -> Recipe:
    """Validate a recipe document; ``origin`` opens the error message."""
    try:
        return Recipe.model_validate(document)
    except ValidationError as error:
        raise ConfigurationError(f"{origin}: {problems_of(error)}") from error


def _recipe_text(source: str | Path) -> tuple[str, str]:
    if str(source) in recipe_names():
        return (resources.files("lifesign_training") / "recipes" / f"{source}.yaml").read_text("utf-8"), str(
            source
        )
    path = Path(source)
    if path.suffix not in (".yaml", ".yml"):
        raise ConfigurationError(
            f"no recipe {str(source)!r}: there are {', '.join(recipe_names())}, or give a .yaml file"
        )
    try:
        return path.read_text("utf-8"), path.stem
    except OSError as error:
        raise ConfigurationError(f"recipe {path}: {error.strerror}") from error


def _apply(document: dict[str, Any], override: str) -> None:
    key, separator, value = override.partition("=")
    if not separator or not key.strip():
        raise ConfigurationError(f"--set takes key=value, got {override!r}")
    *parents, last = key.strip().split(".")
    place = document
    for parent in parents:
        place = place.setdefault(parent, {})
        if not isinstance(place, dict):
            raise ConfigurationError(f"--set {override}: {parent!r} has no parts")
    try:
        place[last] = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"--set {override}: the value is not YAML") from error


def _yaml_problem(error: yaml.YAMLError) -> str:
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return " ".join(str(error).split())
    return f"line {error.problem_mark.line + 1}: {error.problem}"
