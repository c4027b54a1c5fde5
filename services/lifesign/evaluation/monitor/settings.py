"""Settings of the process ``lifesign monitor``, from ``LIFESIGN_MONITOR_…`` and the command line."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from lifesign.errors import ConfigurationError

__all__ = ["MonitorSettings", "monitor_settings"]

_PREFIX = "LIFESIGN_MONITOR_"


def _seconds(value: Any) -> Any:
    if isinstance(value, str) and value.replace(".", "", 1).isdigit():
        return float(value)
    return value


def _words(value: Any) -> Any:
    return tuple(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value


Duration = Annotated[timedelta, BeforeValidator(_seconds)]
# In the environment a list is written with commas, not as JSON.
Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)]


class MonitorSettings(BaseSettings):
    """How the monitor runs; what it evaluates is in ``schedules_file``.

    Durations are seconds or ISO 8601 (``PT6H``).
    """

    model_config = SettingsConfigDict(env_prefix=_PREFIX, frozen=True, extra="forbid")

    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=8090, ge=0, le=65535, description="0: any free port")
    data_dir: Path = Field(
        default=Path("monitor"), description="folder of run folders and of the SQLite file"
    )
    database_url: str | None = Field(default=None, description="null: SQLite in data_dir")
    schedules_file: Path | None = Field(default=None, description="YAML of evaluations and schedules")
    accept_configs: bool = Field(default=True, description="take whole configs by HTTP, not only names")
    config_roots: Words = Field(
        default=(".",),
        description="folders and address prefixes (s3://bucket/sets) that a config by HTTP may name, "
        "besides the run folders; the default is the folder the monitor was started in",
    )
    workers: int = Field(default=1, ge=1, le=16, description="evaluations at a time in this process")
    classes_limit: int = Field(
        default=20, ge=2, le=200, description="export whole confusion matrices up to this many classes"
    )
    confused_pairs: int = Field(default=20, ge=0, le=200, description="pairs to export above classes_limit")
    forget: Duration = Field(
        default=timedelta(days=1),
        gt=timedelta(0),
        description="results of evaluations that are not configured leave the instruments after this time",
    )
    misfire_grace: Duration = Field(
        default=timedelta(hours=6), gt=timedelta(0), description="a tick this late still runs, once"
    )
    lease: Duration = Field(
        default=timedelta(seconds=60),
        ge=timedelta(seconds=1),
        description="silence after which a run is orphaned",
    )
    poll: Duration = Field(
        default=timedelta(seconds=5), gt=timedelta(0), description="how often to look for others' runs"
    )
    stop_grace: Duration = Field(
        default=timedelta(seconds=20), ge=timedelta(0), description="time for a batch to end at shutdown"
    )
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")

    @property
    def url(self) -> str:
        """The database to use."""
        return self.database_url or f"sqlite:///{self.data_dir.resolve() / 'monitor.db'}"

    @property
    def runs_dir(self) -> Path:
        """Folder that holds one folder per run."""
        return self.data_dir / "runs"


def monitor_settings(**options: Any) -> MonitorSettings:
    """Return the settings: an option that is not ``None`` wins over the environment, that over the default.

    Raises:
        ConfigurationError: one line that names each wrong setting and what it got.
    """
    try:
        return MonitorSettings(**{name: value for name, value in options.items() if value is not None})
    except ValidationError as error:
        problems = [
            f"{_PREFIX}{str(item['loc'][0]).upper()}: {item['msg']}, got {item['input']!r}"
            for item in error.errors()
        ]
        raise ConfigurationError("; ".join(problems)) from None
