"""The model card: what a served version says about itself, stored inside its version folder."""

import json
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from lifesign.errors import ConfigurationError, ContractError, NotReadyError, StorageError
from lifesign.labels import BONA_FIDE, is_liveness
from lifesign.preprocessing import PreprocessingSpec
from lifesign.signature import CARD_FILE
from lifesign.validation import problems_of

__all__ = [
    "BaselineMethod",
    "MethodResult",
    "ModelCard",
    "OperatingPoint",
    "RateEvidence",
    "TrainingCourse",
    "WeightedThreshold",
    "read_card_file",
    "read_given_card",
    "read_model_card",
]


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RateEvidence(_Document):
    """An error rate and its counts; ``lower`` and ``upper`` are the 95 % Clopper–Pearson limits."""

    errors: int = Field(ge=0)
    total: int = Field(ge=0)
    value: float | None = Field(description="errors / total; null when total is 0")
    lower: float
    upper: float


class WeightedThreshold(_Document):
    """The threshold with the least ``weight`` · APCER + (1 - ``weight``) · BPCER on development data."""

    weight: float = Field(ge=0, le=1)
    threshold: float = Field(ge=0, le=1)


class OperatingPoint(_Document):
    """A threshold chosen on development data, with what it achieved there.

    The decision is bona fide if and only if score >= ``threshold``.
    """

    id: str
    criterion: str = Field(description="how it was chosen, such as 'eer' or 'apcer_max<=0.05'")
    threshold: float = Field(ge=0, le=1)
    source: Literal["dev", "fixed"] = "dev"
    dataset_digest: str = ""
    apcer_max: RateEvidence | None = None
    apcer_by_species: dict[str, RateEvidence] = Field(default_factory=dict)
    bpcer: RateEvidence | None = None
    weighted_thresholds: tuple[WeightedThreshold, ...] = Field(
        default=(), description="of the same development data, for the expected performance curve"
    )


class MethodResult(_Document):
    """What one way to classify gave on one split; every sample is given the likeliest class."""

    samples: int = Field(ge=1)
    errors: int = Field(ge=0)
    balanced_accuracy: float = Field(ge=0, le=1, description="mean recall of the classes that have samples")
    recalls: dict[str, float] = Field(description="class → its recall, 0–1; without classes of no sample")
    confusion: tuple[tuple[int, ...], ...] = Field(
        default=(), description="counts, rows true, in the order of the classes; empty where they are many"
    )


class BaselineMethod(_Document):
    """A plain method fitted on the training split of the network, and both of them on one other split.

    ``images_digest`` is ``lifesign.datasets.digest.images_digest`` of that split, empty where not known.
    """

    name: str
    about: str = Field(default="", description="what it is and what it was fitted on")
    split: Literal["dev", "test"]
    images_digest: str = ""
    result: MethodResult
    network: MethodResult | None = None


class TrainingCourse(_Document):
    """What each epoch of the training measured, and which epoch's weights the version has.

    ``figures`` has a value for every epoch from 1: cross-entropies in nats, shares 0–1, the learning rate;
    ``None`` where an epoch lacks it. Names begin with ``train_`` or ``dev_``, but for the rate's.
    ``images_digests`` are ``lifesign.datasets.digest.images_digest`` of the splits, empty where not known.
    """

    figures: dict[str, tuple[float | None, ...]] = Field(min_length=1)
    kept_epoch: int = Field(ge=1)
    selected_by: str = Field(description="the figure that was best at the epoch kept, such as 'dev_loss'")
    class_counts: dict[Literal["train", "dev", "test"], tuple[int, ...]] = Field(
        default_factory=dict, description="split → samples of each class, in the order of the classes"
    )
    images_digests: dict[Literal["train", "dev", "test"], str] = Field(default_factory=dict)
    configuration: tuple[str, ...] = Field(
        default=(), description="optimizer, learning rate and the like as the notes of `lifesign diagnose`"
    )

    @property
    def epochs(self) -> int:
        """The number of epochs."""
        return len(next(iter(self.figures.values())))

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        lengths = {name: len(values) for name, values in self.figures.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"figures of the training: expected one value per epoch of each, got {lengths}")
        if self.kept_epoch > self.epochs:
            raise ValueError(f"kept epoch {self.kept_epoch}: expected one of the {self.epochs} epochs")
        return self


class ModelCard(_Document):
    """What a version says about itself.

    ``reference_profile`` is the serialised drift reference of
    ``lifesign.evaluation.metrics.reference_profile`` (image statistics and scores of the development split).
    """

    schema_version: Literal[1] = 1
    name: str
    version: int = Field(ge=1)
    task: Literal["liveness", "classification"]
    class_names: tuple[str, ...] = Field(min_length=2)
    preprocessing: PreprocessingSpec
    operating_points: tuple[OperatingPoint, ...] = ()
    default_operating_point: str | None = None
    training_data_digest: str = ""
    recipe: str = ""
    created_at: str = Field(default="", description="RFC 3339, UTC")
    metrics: dict[str, float | None] = Field(default_factory=dict)
    reference_profile: dict[str, Any] = Field(default_factory=dict)
    layers: tuple[str, ...] = Field(default=(), description="names of the 'inspect' outputs")
    baselines: tuple[BaselineMethod, ...] = Field(default=(), description="one for each method and split")
    training: TrainingCourse | None = None

    @model_serializer(mode="wrap")
    def _without_absent_parts(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # A card is hashed into the id of a run, and earlier readers refuse a field that they do not know.
        values: dict[str, Any] = write(self)
        for name in ("baselines", "training"):
            if not getattr(self, name):
                values.pop(name, None)
        return values

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.class_names)) != len(self.class_names):
            raise ValueError(f"class names repeat: {self.class_names}")
        if self.task == "liveness" and not is_liveness(self.class_names):
            raise ValueError(f"a liveness model has classes attack and bona_fide, got {self.class_names}")
        ids = [point.id for point in self.operating_points]
        if self.default_operating_point is not None and self.default_operating_point not in ids:
            raise ValueError(f"default operating point {self.default_operating_point!r} is not among {ids}")
        for method in self.baselines:
            for result in filter(None, (method.result, method.network)):
                _require_classes(result, self.class_names, method.name)
        if self.training is not None:
            _require_counts(self.training, len(self.class_names))
        return self

    @property
    def bona_fide_index(self) -> int:
        """Column of ``scores`` that is P(bona fide)."""
        return self.class_names.index(BONA_FIDE)

    def operating_point(self, point_id: str | None = None) -> OperatingPoint | None:
        """Return the named operating point, the default one without a name, ``None`` if there is none.

        Raises:
            ContractError: a name that the card does not have.
        """
        wanted = point_id or self.default_operating_point
        if wanted is None:
            return None
        for point in self.operating_points:
            if point.id == wanted:
                return point
        raise ContractError(
            f"model {self.name} version {self.version} has no operating point {wanted!r}; "
            f"it has {[point.id for point in self.operating_points]}"
        )


def _require_classes(result: MethodResult, class_names: tuple[str, ...], method: str) -> None:
    if unknown := result.recalls.keys() - set(class_names):
        raise ValueError(f"recalls of {method}: expected classes of the model, got {sorted(unknown)}")
    rows, size = result.confusion, len(class_names)
    if rows and (len(rows) != size or any(len(row) != size for row in rows)):
        raise ValueError(f"confusion of {method}: expected {size} rows of {size} counts")
    if result.errors > result.samples:
        raise ValueError(f"{method}: expected at most {result.samples} errors, got {result.errors}")


def _require_counts(course: TrainingCourse, classes: int) -> None:
    for split, sizes in course.class_counts.items():
        if len(sizes) != classes or min(sizes) < 0:
            raise ValueError(f"{split} split: expected the samples of each of {classes} classes, got {sizes}")


def read_model_card(version_dir: Path) -> ModelCard:
    """Read the card of one version folder ``<base>/<name>/<version>``.

    Raises:
        NotReadyError: the folder has no card.
        StorageError: the card cannot be read.
        ContractError: the card does not follow the schema.
    """
    return read_card_file(version_dir / CARD_FILE)


def read_given_card(path: Path) -> ModelCard:
    """Read the card that a user names; the errors are those of ``read_model_card`` but for a missing file.

    Raises:
        ConfigurationError: there is no such file.
    """
    try:
        return read_card_file(path)
    except NotReadyError:
        raise ConfigurationError(f"model card {path}: No such file or directory") from None


def read_card_file(path: Path) -> ModelCard:
    """Read a model card; the errors are those of ``read_model_card``."""
    try:
        return ModelCard.model_validate(json.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        raise NotReadyError(f"no model card at {path}", code="NOT_FOUND") from None
    except OSError as error:
        raise StorageError(f"cannot read model card {path}: {error.strerror or error}") from error
    except ValidationError as error:
        raise ContractError(f"model card {path} is not valid: {problems_of(error)}") from error
    except ValueError as error:
        raise ContractError(f"model card {path} is not valid: expected JSON, {error}") from error
