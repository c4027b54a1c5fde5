"""The command that a report can be made again with, from the options that decide its numbers."""

import shlex
from collections.abc import Iterator

from lifesign.evaluation.analysis.aggregation import Aggregation
from lifesign.evaluation.checks import GateConfig
from lifesign.evaluation.config import AnalysisConfig, EvaluationConfig, PredictionsConfig
from lifesign.evaluation.imported_predictions.criteria import DEFAULT_CRITERION
from lifesign.evaluation.profiles.profile import profile_names

__all__ = ["command_of", "evaluation_command", "predictions_command"]


def command_of(config: AnalysisConfig, version: int | None) -> str:
    """Return the command for either kind of options; ``version`` is what answered, if a server did."""
    if isinstance(config, PredictionsConfig):
        return predictions_command(config)
    assert isinstance(config, EvaluationConfig)
    assert version is not None
    return evaluation_command(config, version)


def evaluation_command(config: EvaluationConfig, version: int) -> str:
    """Return the command that replays the set through the same version, quoted for a shell.

    Hosts and folders, which do not change a number, are left out: the data set is told by its name, so that
    it has one report wherever it lies.
    """
    words = ["lifesign", "evaluate", config.name_of_dataset, "--model", config.model]
    words += ["--model-version", str(version), *_samples(config)]
    for option, value in (("--layout", config.layout), ("--protocol", config.protocol)):
        words += [option, value] if value is not None else []
    if config.contract is not None:
        words += ["--model-config", "MODEL.yml"]
    if config.image_size is not None:
        words += ["--image-size", "x".join(map(str, config.image_size))]
    for option, field in (("--batch-size", "batch_size"), ("--shard-size", "shard_size")):
        value = getattr(config, field)
        words += [option, str(value)] if value != EvaluationConfig.model_fields[field].default else []
    return shlex.join([*words, *_judgement(config)])


def predictions_command(config: PredictionsConfig) -> str:
    """Return the command that judges the file again, quoted for a shell; of files only the names."""
    words = ["lifesign", "evaluate", "--predictions", config.predictions.name]
    words += ["--model", config.model] if config.model is not None else []
    words += ["--name", config.dataset_name] if config.dataset_name is not None else []
    words += _samples(config)
    if config.dev_predictions is not None:
        words += ["--dev-predictions", config.dev_predictions.name]
    if config.dev_split is not None:
        words += ["--dev-split", str(config.dev_split)]
    if config.has_dev:
        words += ["--criterion", config.criterion or DEFAULT_CRITERION]
    return shlex.join([*words, *_judgement(config)])


def _samples(config: AnalysisConfig) -> Iterator[str]:
    yield from ("--split", str(config.split) if config.split else "all")
    if config.card is not None:
        yield from ("--card", config.card.name)
    if config.class_names is not None:
        yield from ("--class-names", ",".join(config.class_names))
    for label, name in sorted(config.class_map.items()):
        yield from ("--class-map", f"{label}={name}")
    if config.limit is not None:
        yield from ("--limit", str(config.limit))


def _judgement(config: AnalysisConfig) -> Iterator[str]:
    if config.operating_point is not None:
        yield from ("--operating-point", config.operating_point)
    if config.threshold is not None:
        yield from ("--threshold", repr(config.threshold))
    if config.slices is not None:
        yield from ("--slices", ",".join(config.slices) or "none")
    if config.aggregate is not Aggregation.NONE:
        yield from ("--aggregate", str(config.aggregate))
    if config.baseline is not None:
        yield from ("--baseline", config.baseline.name or "BASELINE")
    if config.profile is not None:
        known = config.profile.name in profile_names()
        yield from ("--profile", config.profile.name if known else "PROFILE.json")
    if config.superclasses is not None:
        yield from ("--superclasses", "SUPERCLASSES.json")
    yield from _gates(config)


def _gates(config: AnalysisConfig) -> Iterator[str]:
    """Yield the limits that are not those of every run; that a gate is off cannot be said in a command."""
    for field, about in GateConfig.model_fields.items():
        value = getattr(config.gates, field)
        if field == "regression_margin" and config.baseline is None:
            continue
        if field == "drift":
            yield from ["--drift-gate"] if value else []
        elif value is not None and value != about.default:
            yield from (f"--{field.replace('_', '-')}", repr(value))
