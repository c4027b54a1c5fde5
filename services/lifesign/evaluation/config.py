"""What one evaluation is asked to do: validated, hashed into the run's identity, stored with its result."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from lifesign.errors import ConfigurationError
from lifesign.evaluation.checks import GateConfig
from lifesign.labels import Split, split_name
from lifesign.validation import problems_of

__all__ = ["EvaluationConfig", "digest_of", "evaluation_config"]

# What decides the numbers of the report. Where the server is, where the files lie and how patient the
# client is do not. Batch size does: the last bits of a score may depend on it.
_IDENTITY = (
    "model",
    "split",
    "class_map",
    "class_names",
    "slices",
    "operating_point",
    "threshold",
    "gates",
    "limit",
    "batch_size",
    "shard_size",
)


class EvaluationConfig(BaseModel):
    """One labelled set, one served model, one output folder.

    Without ``card`` or ``model_base_path`` the model's classes must be given as ``class_names``, in the
    order of its outputs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    target: str = Field(description="host:port of the model server's gRPC")
    model: str = Field(min_length=1, description="name of the served model")
    version: int | None = Field(default=None, ge=1, description="null: the highest AVAILABLE at the start")
    data: Path = Field(description="manifest (CSV, JSONL, Parquet) or folder of class folders")
    dataset_name: str | None = Field(default=None, description="null: the file or folder name of data")
    split: Split | None = Field(
        default=Split.TEST, description="null: every sample; a data set without splits is used whole"
    )
    out: Path = Field(description="run folder; everything the evaluation writes is in here")
    class_map: dict[str, str] = Field(default_factory=dict, description="label found → class of the model")
    class_names: tuple[str, ...] | None = Field(default=None, description="only without a model card")
    image_size: tuple[int, int] | None = Field(
        default=None, description="height, width in pixels; only without a model card and a static input"
    )
    slices: tuple[str, ...] | None = Field(
        default=None, description="null: every metadata column with 2 to 20 distinct values"
    )
    operating_point: str | None = Field(default=None, description="null: the card's default")
    threshold: float | None = Field(default=None, ge=0, le=1, description="overrides the operating point")
    card: Path | None = Field(default=None, description="a model card file")
    model_base_path: Path | None = Field(default=None, description="<base>/<model>/<version> holds the card")
    gates: GateConfig = Field(default_factory=GateConfig)
    baseline: Path | None = Field(default=None, description="run folder to compare with")
    limit: int | None = Field(default=None, ge=1, description="samples, chosen by the hash of their id")
    batch_size: int = Field(default=32, ge=1, le=1024, description="images per request")
    shard_size: int = Field(default=512, ge=1, le=65536, description="samples per part")
    decode_threads: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1, le=256)
    batches_in_flight: int = Field(default=4, ge=1, le=256, description="requests sent and not yet answered")
    timeout_seconds: float = Field(default=30.0, gt=0, description="deadline of one request")
    wait_server_seconds: float = Field(
        default=300.0, ge=0, description="how long to wait for a server that does not answer"
    )

    @field_validator("split", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            if value == "all":
                return None
            known = split_name(value)
            if known is None:
                raise ValueError("expected train, dev, test or all")
            return known
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.card is not None and self.model_base_path is not None:
            raise ValueError("give card or model_base_path, not both")
        if self.threshold is not None and self.operating_point is not None:
            raise ValueError("give threshold or operating_point, not both")
        return self

    @property
    def name_of_dataset(self) -> str:
        """The name people call the data set by: as given, or the last part of its path."""
        if self.dataset_name:
            return self.dataset_name
        path = self.data
        generic = path.stem in ("manifest", "metadata", "labels") and path.suffix
        return (path.resolve().parent.name if generic else path.resolve().stem) or str(path)

    def identity(self) -> dict[str, Any]:
        """Return what decides the numbers of the report, as JSON values."""
        return self.model_dump(mode="json", include=set(_IDENTITY))


def evaluation_config(**values: Any) -> EvaluationConfig:
    """Build a config from options.

    Raises:
        ConfigurationError: one line that names each wrong option, what it expects and what it got.
    """
    try:
        return EvaluationConfig(**values)
    except ValidationError as error:
        raise ConfigurationError(problems_of(error)) from None


def digest_of(value: Any) -> str:
    """Return the SHA-256 of a JSON value, independent of key order."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
