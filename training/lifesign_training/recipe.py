"""Recipes: everything that decides a training, validated, in one small file."""

import ast
import hashlib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lifesign.errors import ConfigurationError
from lifesign.evaluation.audit.findings import FindingCode
from lifesign.preprocessing import PreprocessingSpec
from lifesign.validation import problems_of
from lifesign_training.model_config import ModelConfig, PythonConfig

__all__ = [
    "AugmentationConfig",
    "DataConfig",
    "EarlyStopping",
    "Recipe",
    "SelectBy",
    "TrainingConfig",
    "load_recipe",
    "recipe_names",
    "with_class_map",
]

SelectBy = Literal["auc", "eer", "accuracy", "balanced_accuracy", "loss", "mse"]
"""What decides the epoch that is kept, on the development split; reports state the same."""

_LIVENESS_ONLY = ("auc", "eer")


class _Config(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


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
    allowed_findings: tuple[FindingCode, ...] = Field(
        default=(), description="findings of the data audit that stop no training"
    )


class EarlyStopping(_Config):
    """Stops when the metric of ``select_by`` was not better for ``patience`` epochs."""

    patience: int = Field(ge=1, le=10_000, description="epochs")
    min_delta: float = Field(default=0.0, ge=0, description="a smaller gain is none")


class TrainingConfig(_Config):
    """The optimiser and its schedule; weight decay is decoupled from the gradient."""

    epochs: int = Field(default=16, ge=1, le=10_000)
    batch_size: int = Field(default=32, ge=1, le=65_536)
    optimizer: Literal["adam", "sgd", "rmsprop"] = "adam"
    momentum: float = Field(default=0.0, ge=0, lt=1, description="sgd and rmsprop")
    learning_rate: float = Field(default=0.003, gt=0, le=10)
    schedule: Literal["cosine", "inverse_time", "constant"] = "cosine"
    warmup_fraction: float = Field(default=0.1, ge=0, lt=1, description="share of the steps, cosine only")
    decay: float = Field(default=0.0, ge=0, description="inverse_time: rate / (1 + decay * step)")
    weight_decay: float = Field(default=0.0, ge=0, le=1)
    loss: Literal["cross_entropy", "focal"] = "cross_entropy"
    focal_gamma: float = Field(
        default=2.0, ge=0, le=10, description="focal: (1 - p)^gamma; 0 is cross-entropy"
    )
    label_smoothing: float = Field(default=0.0, ge=0, lt=0.5)
    class_weights: bool | Literal["balanced", "inverse_frequency"] = Field(
        default=True, description="balanced (or true): n / (classes * n_c); inverse_frequency: n / n_c"
    )
    early_stopping: EarlyStopping | None = None
    mixed_precision: bool = False
    deterministic: bool = False
    seed: int = Field(default=20261, ge=0, le=2**31 - 1)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.momentum and self.optimizer == "adam":
            raise ValueError("momentum is for sgd and rmsprop; adam has its own")
        return self


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
    select_by: SelectBy = "accuracy"
    default_operating_point: str | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        smallest = min(self.preprocessing.height, self.preprocessing.width)
        crop = self.augmentation.crop
        if crop is not None and crop > smallest:
            raise ValueError(f"augmentation.crop is {crop}, larger than the input side {smallest}")
        if self.model.kind != "small" and crop is not None:
            raise ValueError("augmentation.crop needs a network of any input size, such as small; use shift")
        if self.model.kind == "features" and self.augmentation != AugmentationConfig():
            raise ValueError("features are computed once, so there is nothing to augment")
        if self.model.kind == "mobilenetv2" and smallest < 32:
            raise ValueError(f"mobilenetv2 needs an input of at least 32 × 32, got {smallest}")
        if self.task != "liveness" and self.default_operating_point is not None:
            raise ValueError("default_operating_point is for liveness recipes only")
        if self.task != "liveness" and self.select_by in _LIVENESS_ONLY:
            raise ValueError(
                f"select_by: {self.select_by} is for liveness recipes only; "
                "use accuracy, balanced_accuracy or loss"
            )
        return self


def recipe_names() -> tuple[str, ...]:
    """Return the names of the recipes that come with the package."""
    folder = resources.files("lifesign_training") / "recipes"
    return tuple(sorted(item.name[:-5] for item in folder.iterdir() if item.name.endswith(".yaml")))


def load_recipe(source: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a packaged recipe by name, or a YAML or Python file, then apply ``key.sub=value`` overrides.

    A Python file has ``build(input_shape, classes)`` and, where 224 × 224 pixels and the default training
    do not fit, a literal mapping ``RECIPE``; the ``model.file`` of a YAML file is looked for beside it.
    Values are YAML, so ``training.epochs=3`` is a number and ``augmentation.crop=null`` is none.

    Raises:
        ConfigurationError: unknown name, no such file, or a value out of its range.
    """
    document, name = _recipe_document(source)
    for override in overrides:
        _apply(document, override)
    document.setdefault("name", name)
    return _with_user_file(parse_recipe(document, origin=f"recipe {source}"), source)


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


def _recipe_document(source: str | Path) -> tuple[dict[str, Any], str]:
    if Path(source).suffix == ".py":
        return _user_document(Path(source)), Path(source).stem
    text, name = _recipe_text(source)
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"recipe {source} is not YAML: {_yaml_problem(error)}") from error
    if not isinstance(document, dict):
        raise ConfigurationError(f"recipe {source}: expected a mapping, got {type(document).__name__}")
    return document, name


def _user_document(path: Path) -> dict[str, Any]:
    """Return the recipe of a Python file: its literal ``RECIPE`` over the defaults; nothing is run here."""
    try:
        tree = ast.parse(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigurationError(f"recipe {path}: {error.strerror}") from error
    except (SyntaxError, ValueError) as error:
        raise ConfigurationError(f"recipe {path} is not Python: {error}") from error
    settings: Any = {}
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and [ast.unparse(one) for one in statement.targets] == [
            "RECIPE"
        ]:
            try:
                settings = ast.literal_eval(statement.value)
            except ValueError as error:
                raise ConfigurationError(f"recipe {path}: RECIPE takes literal values only") from error
    if not isinstance(settings, dict):
        raise ConfigurationError(f"recipe {path}: expected RECIPE to be a mapping")
    document: dict[str, Any] = {"task": "classification", "preprocessing": {"height": 224, "width": 224}}
    return document | settings | {"model": {"kind": "python", "file": str(path)}}


def _with_user_file(recipe: Recipe, source: str | Path) -> Recipe:
    """Return the recipe with the full path and the digest of its Python file, if it has one."""
    if not isinstance(recipe.model, PythonConfig):
        return recipe
    path = Path(recipe.model.file)
    beside = Path(source).parent / path
    path = (beside if not path.is_absolute() and beside.is_file() else path).resolve()
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ConfigurationError(f"model.file {path}: {error.strerror or error}") from error
    model = PythonConfig(kind="python", file=str(path), source_digest=digest)
    return recipe.model_copy(update={"model": model})


def _recipe_text(source: str | Path) -> tuple[str, str]:
    if str(source) in recipe_names():
        return (resources.files("lifesign_training") / "recipes" / f"{source}.yaml").read_text("utf-8"), str(
            source
        )
    path = Path(source)
    if path.suffix not in (".yaml", ".yml"):
        raise ConfigurationError(
            f"no recipe {str(source)!r}: there are {', '.join(recipe_names())}, or give a .yaml or .py file"
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
