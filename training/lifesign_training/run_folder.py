"""The folder of one training: what went in, what came out, and how to find each again."""

import csv
import io
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lifesign.errors import ConfigurationError, ConflictError, NotReadyError
from lifesign.model_card import OperatingPoint
from lifesign.validation import problems_of
from lifesign_training.recipe import Recipe
from lifesign_training.storage import storage_errors, write_text

__all__ = [
    "MODEL_FILE",
    "PARITY_FILE",
    "SAMPLES_FILE",
    "RunConfig",
    "RunSummary",
    "TrainedRun",
    "now",
    "open_run_folder",
    "write_environment",
    "write_superclasses",
]

MODEL_FILE = "model.keras"
PARITY_FILE = "parity_images.npy"
SAMPLES_FILE = "samples.csv"
_CONFIG_FILE = "config.json"
_SUMMARY_FILE = "summary.json"
_PACKAGES = ("lifesign", "tensorflow", "keras", "numpy", "pillow", "scikit-learn", "scipy")


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RunConfig(_Document):
    """What decides the result of a run; a resumed run must have the same."""

    recipe: Recipe
    class_names: tuple[str, ...]
    data_digest: str
    weights_digest: str = Field(
        default="", description="SHA-256 of the weights file, or 'random' if asked for"
    )


class RunSummary(_Document):
    """What a finished run found; the model card is written from it."""

    recipe: Recipe
    class_names: tuple[str, ...]
    data_digest: str
    audit: tuple[str, ...]
    unreadable: int = Field(ge=0)
    epochs: int = Field(ge=1)
    best_epoch: int = Field(ge=1)
    metrics: dict[str, float | None]
    operating_points: tuple[OperatingPoint, ...]
    default_operating_point: str | None
    reference_profile: dict[str, Any]
    seconds: float = Field(ge=0, description="training epochs only, wall clock")
    parameters: int | None = Field(default=None, ge=0, description="weights of the network that was trained")
    finished_at: str


@dataclass(frozen=True)
class TrainedRun:
    """A finished run folder."""

    directory: Path
    summary: RunSummary

    @property
    def model_path(self) -> Path:
        """The Keras model of the best epoch."""
        return self.directory / MODEL_FILE

    @classmethod
    def is_finished(cls, directory: Path) -> bool:
        """Tell whether the folder holds a finished run."""
        return (directory / _SUMMARY_FILE).is_file()

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Read a finished run.

        Raises:
            NotReadyError: the run is not finished, or there is none.
            ConfigurationError: its summary does not follow the schema.
        """
        path = directory / _SUMMARY_FILE
        if not path.is_file():
            raise NotReadyError(
                f"{directory} holds no finished training run (no {_SUMMARY_FILE})", code="NOT_FOUND"
            )
        try:
            return cls(directory, RunSummary.model_validate_json(path.read_text("utf-8")))
        except ValidationError as error:
            raise ConfigurationError(f"{path} is not valid: {problems_of(error)}") from error

    def save(self) -> None:
        """Write the summary: from here on the run counts as finished."""
        write_text(self.directory / _SUMMARY_FILE, self.summary.model_dump_json(indent=1) + "\n")


def open_run_folder(directory: Path, config: RunConfig, *, resume: bool) -> None:
    """Make the folder of a new run, or check that an unfinished one had the same configuration.

    Raises:
        ConflictError: the folder has a run in it and ``resume`` is false.
        ConfigurationError: the run there had another recipe, other data or other weights.
    """
    path = directory / _CONFIG_FILE
    text = config.model_dump_json(indent=1) + "\n"
    if path.exists():
        if not resume:
            raise ConflictError(f"{directory} already holds a training run; use --resume or another folder")
        previous = json.loads(path.read_text("utf-8"))
        changed = [key for key, value in json.loads(text).items() if previous.get(key) != value]
        if changed:
            raise ConfigurationError(
                f"cannot resume {directory}: {', '.join(changed)} changed since the start; use another folder"
            )
        return
    if directory.is_dir() and any(not _is_left(entry.name) for entry in directory.iterdir()):
        raise ConflictError(f"{directory} is not empty; give a new folder")
    with storage_errors(str(directory)):
        directory.mkdir(parents=True, exist_ok=True)
    write_text(path, text)


def _is_left(name: str) -> bool:
    """Whether an entry is the cache, or what a start that was killed has left."""
    return name == "cache" or name.startswith(f".{_CONFIG_FILE}-")


def write_environment(directory: Path, *, devices: tuple[str, ...]) -> None:
    """Write ``environment.json``: versions and hardware, for the record."""
    document = {
        "started_at": now(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "devices": list(devices),
        "packages": {name: _version(name) for name in _PACKAGES},
    }
    write_text(directory / "environment.json", json.dumps(document, indent=1) + "\n")


def write_superclasses(directory: Path, superclasses: Mapping[str, str]) -> None:
    """Write ``superclasses.csv``, class → superclass, as ``lifesign evaluate --superclasses`` takes it."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("class", "superclass"))
    writer.writerows(sorted(superclasses.items()))
    write_text(directory / "superclasses.csv", text.getvalue())


def now() -> str:
    """Return the time, RFC 3339, UTC, in seconds."""
    return datetime.now(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
