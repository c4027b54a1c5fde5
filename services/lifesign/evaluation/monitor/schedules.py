"""The file of named evaluations and of the schedules that run them.

evaluations:
  liveness-nightly:            # the fields of EvaluationConfig, without out
    target: model-server:8500
    model: liveness
    data: /sets/liveness/manifest.csv
    baseline: last-pass        # or a run folder
schedules:
  nightly:
    cron: "0 2 * * *"
    timezone: Europe/Berlin
    evaluation: liveness-nightly
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lifesign.errors import ConfigurationError, InputError
from lifesign.evaluation.config import EvaluationConfig
from lifesign.evaluation.monitor.cron import cron_trigger

__all__ = ["LAST_PASS", "Schedule", "ScheduleBook", "load_schedules"]

LAST_PASS: Final = "last-pass"
"""As baseline: the last run of the same model on the same data set that passed its gates."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class Schedule(BaseModel):
    """When to run which evaluation: a crontab expression in a time zone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cron: str
    timezone: str = "UTC"
    evaluation: str

    def trigger(self) -> Any:
        """Return the clock's trigger."""
        return cron_trigger(self.cron, self.timezone)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    evaluations: dict[str, dict[str, Any]] = Field(default_factory=dict)
    schedules: dict[str, dict[str, Any]] = Field(default_factory=dict)


def _no_run(model: str, dataset: str) -> Path | None:  # noqa: ARG001
    return None


def _config(values: Mapping[str, Any], out: Path) -> EvaluationConfig:
    plain = {name: value for name, value in values.items() if (name, value) != ("baseline", LAST_PASS)}
    return EvaluationConfig(**{**plain, "out": out})


@dataclass(frozen=True)
class ScheduleBook:
    """Named evaluations and schedules that are known to be consistent."""

    evaluations: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    schedules: Mapping[str, Schedule] = field(default_factory=dict)

    def config(
        self, evaluation: str, *, out: Path, last_pass: Callable[[str, str], Path | None] = _no_run
    ) -> EvaluationConfig:
        """Return the config of a named evaluation for one run folder.

        ``last_pass`` finds the folder that ``baseline: last-pass`` stands for, by model and data set.

        Raises:
            InputError: there is no evaluation of that name.
        """
        if evaluation not in self.evaluations:
            known = ", ".join(sorted(self.evaluations)) or "none is configured"
            raise InputError(f"there is no evaluation {evaluation!r}; expected one of: {known}")
        values = self.evaluations[evaluation]
        config = _config(values, out)
        if values.get("baseline") == LAST_PASS:
            found = last_pass(config.model, config.name_of_dataset)
            return config.model_copy(update={"baseline": found})
        return config

    def require_own_labels(self, config: EvaluationConfig) -> None:
        """Refuse a config whose results would stand in place of those of a named evaluation.

        Raises:
            InputError: a named evaluation has its model and data set.
        """
        for name in self.evaluations:
            if _labels(self.config(name, out=Path())) == _labels(config):
                raise InputError(f"config.dataset_name: {_shared_labels(name, config)}, or ask for {name!r}")


def load_schedules(path: Path) -> ScheduleBook:
    """Read and check a file of evaluations and schedules.

    Raises:
        ConfigurationError: names the file, every wrong key, what was expected and what was there.
    """
    try:
        parsed = _File.model_validate(_read(path) or {})
    except ValidationError as error:
        raise ConfigurationError("; ".join(_sentences(error, str(path)))) from None
    problems: list[str] = []
    for name, values in parsed.evaluations.items():
        problems += _check_evaluation(name, values, where=f"{path}: evaluations.{name}")
    schedules: dict[str, Schedule] = {}
    for name, values in parsed.schedules.items():
        where = f"{path}: schedules.{name}"
        try:
            schedules[name] = Schedule.model_validate(values)
        except ValidationError as error:
            problems += _sentences(error, where)
        else:
            problems += _check_schedule(name, schedules[name], parsed.evaluations, where=where)
    if not problems:
        problems = _check_labels(parsed.evaluations, where=str(path))
    if problems:
        raise ConfigurationError("; ".join(problems))
    return ScheduleBook(parsed.evaluations, schedules)


def _check_evaluation(name: str, values: Mapping[str, Any], *, where: str) -> list[str]:
    if not _NAME.fullmatch(name):
        return [f"{where}: expected a name of letters, digits, '.', '_' and '-'"]
    if "out" in values:
        return [f"{where}.out: remove it, the monitor chooses the run folders"]
    try:
        _config(values, Path())
    except ValidationError as error:
        return _sentences(error, where)
    return []


def _check_labels(evaluations: Mapping[str, Mapping[str, Any]], *, where: str) -> list[str]:
    """Instruments tell evaluations apart by model and data set, so no two may share both."""
    seen: dict[tuple[str, str], str] = {}
    problems = []
    for name, values in evaluations.items():
        config = _config(values, Path())
        other = seen.setdefault(_labels(config), name)
        if other != name:
            problems.append(f"{where}: evaluations.{name}.dataset_name: {_shared_labels(other, config)}")
    return problems


def _labels(config: EvaluationConfig) -> tuple[str, str]:
    return config.model, config.name_of_dataset


def _shared_labels(other: str, config: EvaluationConfig) -> str:
    return (
        f"{other!r} evaluates {config.model!r} on a data set of the same name, {config.name_of_dataset!r}; "
        "give one another dataset_name"
    )


def _check_schedule(
    name: str, schedule: Schedule, evaluations: Mapping[str, Any], *, where: str
) -> list[str]:
    if not _NAME.fullmatch(name):
        return [f"{where}: expected a name of letters, digits, '.', '_' and '-'"]
    problems = []
    if schedule.evaluation not in evaluations:
        known = ", ".join(sorted(evaluations)) or "none is configured"
        problems.append(f"{where}.evaluation: expected one of {known}, got {schedule.evaluation!r}")
    try:
        schedule.trigger()
    except ConfigurationError as error:
        problems.append(f"{where}.cron: {error}")
    return problems


def _sentences(error: ValidationError, where: str) -> list[str]:
    sentences = []
    for item in error.errors():
        place = ".".join(map(str, item["loc"]))
        got = "" if item["type"] == "missing" else f", got {item['input']!r}"
        message = item["msg"].removeprefix("Value error, ")
        separator = "." if ": " in where else ": "
        sentences.append(f"{where}{separator if place else ': '}{place}{': ' if place else ''}{message}{got}")
    return sentences


def _read(path: Path) -> Any:
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeys)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: expected UTF-8 text") from error
    except yaml.MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f", line {error.problem_mark.line + 1}"
        raise ConfigurationError(f"{path}{line}: {error.problem or 'not valid YAML'}") from error
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path}: not valid YAML: {error}") from error


class _UniqueKeys(yaml.SafeLoader):
    """Refuses a key that is there twice, where YAML would silently take the last."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key!r} is there twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)
