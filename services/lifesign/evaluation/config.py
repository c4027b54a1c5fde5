"""What one evaluation is asked to do: validated, hashed into the run's identity, stored with its result."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from lifesign.datasets.location import normal_location
from lifesign.errors import ConfigurationError
from lifesign.evaluation.analysis.aggregation import Aggregation
from lifesign.evaluation.checks import GateConfig
from lifesign.evaluation.contract.document import ModelContract
from lifesign.evaluation.imported_predictions.criteria import normal_criterion
from lifesign.evaluation.profiles.profile import Profile, load_profile
from lifesign.evaluation.superclasses import read_superclasses
from lifesign.labels import Split, split_name
from lifesign.validation import problems_of

__all__ = [
    "AnalysisConfig",
    "EvaluationConfig",
    "PredictionsConfig",
    "digest_of",
    "evaluation_config",
    "predictions_config",
]

_Config = TypeVar("_Config", bound="AnalysisConfig")

# What decides the numbers of the report, whatever the scores come from. Where the server is, where the
# files lie and how patient the client is do not. Batch size does: the last bits of a score may depend on it.
_ANALYSIS_IDENTITY = (
    "model",
    "split",
    "class_map",
    "class_names",
    "slices",
    "operating_point",
    "threshold",
    "gates",
    "limit",
)


class AnalysisConfig(BaseModel):
    """How predictions are judged, whether a server gives them now or a file holds them already."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    identity_fields: ClassVar[tuple[str, ...]] = ()

    dataset_name: str | None = Field(default=None, description="null: the file or folder name of data")
    split: Split | None = Field(
        default=Split.TEST, description="null: every sample; a data set without splits is used whole"
    )
    out: Path = Field(description="run folder; everything the evaluation writes is in here")
    class_map: dict[str, str] = Field(default_factory=dict, description="label found → class of the model")
    class_names: tuple[str, ...] | None = Field(default=None, description="only without a model card")
    slices: tuple[str, ...] | None = Field(
        default=None, description="null: every metadata column with 2 to 20 distinct values"
    )
    aggregate: Aggregation = Field(
        default=Aggregation.NONE,
        description="how the scores of one presentation's frames become one; none: every frame counts",
    )
    operating_point: str | None = Field(default=None, description="null: the card's default")
    threshold: float | None = Field(default=None, ge=0, le=1, description="overrides the operating point")
    card: Path | None = Field(default=None, description="a model card file")
    gates: GateConfig = Field(default_factory=GateConfig)
    baseline: Path | None = Field(default=None, description="run folder to compare with")
    limit: int | None = Field(default=None, ge=1, description="samples, chosen by the hash of their id")
    profile: Profile | None = Field(
        default=None, description="limits to hold a liveness model against; given by name or file"
    )
    superclasses: dict[str, str] | None = Field(
        default=None, description="class → superclass, or the file that says so; classifiers only"
    )

    @field_validator("split", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return _split_word(value)

    @field_validator("profile", mode="before")
    @classmethod
    def _profile(cls, value: Any) -> Any:
        return load_profile(str(value)) if isinstance(value, str | Path) else value

    @field_validator("superclasses", mode="before")
    @classmethod
    def _superclasses(cls, value: Any) -> Any:
        return read_superclasses(Path(value)) if isinstance(value, str | Path) else value

    @model_validator(mode="after")
    def _one_decision(self) -> Self:
        if self.threshold is not None and self.operating_point is not None:
            raise ValueError("give threshold or operating_point, not both")
        return self

    def identity(self) -> dict[str, Any]:
        """Return what decides the numbers of the report, as JSON values."""
        values = self.model_dump(mode="json", include={*_ANALYSIS_IDENTITY, *self.identity_fields})
        # Left out where it changes nothing, so that runs keep the id they had before it existed.
        if self.aggregate is not Aggregation.NONE:
            values["aggregate"] = str(self.aggregate)
        if self.profile is not None:
            values["profile"] = self.profile.model_dump(mode="json")
        if self.superclasses is not None:
            values["superclasses"] = self.superclasses
        return values


class EvaluationConfig(AnalysisConfig):
    """One labelled set, one served model, one output folder.

    Without ``card`` or ``model_base_path`` the model's classes must be given as ``class_names``, in the
    order of its outputs.
    """

    identity_fields: ClassVar[tuple[str, ...]] = ("batch_size", "shard_size")

    target: str = Field(description="host:port of the model server's gRPC")
    model: str = Field(min_length=1, description="name of the served model")
    version: int | None = Field(default=None, ge=1, description="null: the highest AVAILABLE at the start")
    data: str = Field(
        min_length=1, description="manifest, class folders or a published layout: a path or an address"
    )
    layout: str | None = Field(default=None, description="name of a published layout; null: as recognised")
    protocol: str | None = Field(default=None, description="protocol of the layout, such as 3.1 of oulu-npu")
    image_size: tuple[int, int] | None = Field(
        default=None,
        description="height, width in pixels; beside a model card, a contract or a static input the same",
    )
    model_base_path: Path | None = Field(default=None, description="<base>/<model>/<version> holds the card")
    contract: ModelContract | None = Field(
        default=None, description="what a model that is not Lifesign's own takes and answers"
    )
    batch_size: int | None = Field(
        default=None,
        ge=1,
        le=1024,
        description="images per request; null: 32, fewer where they are large, one where the model takes one",
    )
    shard_size: int = Field(default=512, ge=1, le=65536, description="samples per part")
    decode_threads: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1, le=256)
    batches_in_flight: int | None = Field(
        default=None,
        ge=1,
        le=256,
        description="requests sent and not yet answered; null: adapts to the server",
    )
    timeout_seconds: float = Field(default=30.0, gt=0, description="deadline of one request")
    wait_server_seconds: float = Field(
        default=300.0, ge=0, description="how long to wait for a server that does not answer"
    )

    @field_validator("data", mode="before")
    @classmethod
    def _data(cls, value: Any) -> Any:
        return normal_location(value) if isinstance(value, str | Path) and str(value) else value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.card is not None and self.model_base_path is not None:
            raise ValueError("give card or model_base_path, not both")
        return self

    @property
    def name_of_dataset(self) -> str:
        """The name people call the data set by: as given, or the last part of its path."""
        return self.dataset_name or _name_of(Path(self.data))


class PredictionsConfig(AnalysisConfig):
    """One file of labels and scores that exist already, one output folder; no model, no server.

    With ``dev_predictions`` or ``dev_split`` the threshold is chosen on those samples by ``criterion``.
    """

    identity_fields: ClassVar[tuple[str, ...]] = ("dev_split", "criterion")

    predictions: Path = Field(description="scores and labels: CSV, JSONL or Parquet, one row per sample")
    model: str | None = Field(default=None, min_length=1, description="what to call the model")
    dev_predictions: Path | None = Field(default=None, description="file to choose the threshold on")
    dev_split: Split | None = Field(default=None, description="split of the file to choose it on")
    criterion: str | None = Field(
        default=None,
        description="how it is chosen: eer, apcer_max<=SHARE, bpcer<=SHARE, min_cost(…); null: eer",
    )

    @field_validator("dev_split", mode="before")
    @classmethod
    def _dev_split(cls, value: Any) -> Any:
        return _split_word(value)

    @field_validator("criterion")
    @classmethod
    def _criterion(cls, value: str | None) -> str | None:
        return None if value is None else normal_criterion(value)

    @model_validator(mode="after")
    def _one_threshold(self) -> Self:
        has_dev = self.dev_predictions is not None or self.dev_split is not None
        if self.dev_predictions is not None and self.dev_split is not None:
            raise ValueError("give dev_predictions or dev_split, not both")
        if self.criterion is not None and not has_dev:
            raise ValueError("criterion needs dev_predictions or dev_split to choose the threshold on")
        if has_dev and (self.threshold is not None or self.operating_point is not None):
            raise ValueError("give a threshold, an operating_point or dev scores to choose it on, not two")
        if self.dev_split is not None and self.dev_split == self.split:
            raise ValueError(
                f"the threshold cannot be chosen on the split that is tested, {str(self.split)!r}"
            )
        return self

    @property
    def name_of_dataset(self) -> str:
        """The name people call the data set by: as given, or the last part of its path."""
        return self.dataset_name or _name_of(self.predictions)

    @property
    def has_dev(self) -> bool:
        """Whether the threshold is to be chosen on development scores."""
        return self.dev_predictions is not None or self.dev_split is not None


def evaluation_config(**values: Any) -> EvaluationConfig:
    """Build a config of a replay from options.

    Raises:
        ConfigurationError: one line that names each wrong option, what it expects and what it got.
    """
    return _built(EvaluationConfig, values)


def predictions_config(**values: Any) -> PredictionsConfig:
    """Build a config of existing predictions from options; the errors are those of ``evaluation_config``."""
    return _built(PredictionsConfig, values)


def digest_of(value: Any) -> str:
    """Return the SHA-256 of a JSON value, independent of key order."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _built(kind: type[_Config], values: dict[str, Any]) -> _Config:
    try:
        return kind(**values)
    except ValidationError as error:
        raise ConfigurationError(problems_of(error)) from None


def _split_word(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if value == "all":
        return None
    known = split_name(value)
    if known is None:
        raise ValueError("expected train, dev, test or all")
    return known


def _name_of(path: Path) -> str:
    generic = path.stem in ("manifest", "metadata", "labels", "predictions") and path.suffix
    return (path.resolve().parent.name if generic else path.resolve().stem) or str(path)
