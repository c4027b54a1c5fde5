"""``lifesign evaluate``: judge the answers of a served model to a labelled set, or scores from a file."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperCommand

from lifesign.cli.options import analysis, gates, replay
from lifesign.cli.options import predictions as imported
from lifesign.errors import ConfigurationError, LifesignError, StorageError, UpstreamError

if TYPE_CHECKING:
    from lifesign.evaluation.contract.document import ModelContract
    from lifesign.evaluation.replay.progress import ProgressListener
    from lifesign.evaluation.service import EvaluationResult

__all__ = ["CANNOT_EVALUATE", "Command", "command"]

CANNOT_EVALUATE = 3
"""Exit code when there is no verdict: wrong options, unusable data, no server."""


_INTERRUPTED = 130
# The base class of usage errors has no public name that all releases of typer share.
_UsageError: Any = typer.BadParameter.__mro__[1]


class Command(TyperCommand):
    """Leaves with 3 on wrong options: 2, the usual code, means too little evidence here."""

    def make_context(self, *args: Any, **options: Any) -> Any:
        try:
            return super().make_context(*args, **options)
        except _UsageError as error:
            error.exit_code = CANNOT_EVALUATE
            raise


def command(
    context: typer.Context,
    data: replay.Data = None,
    *,
    model: Annotated[
        str | None,
        typer.Option(help="name of the served model; with --predictions what to call it", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="run folder; new, or an interrupted run with --resume; needed but for --dry-run",
            show_default=False,
        ),
    ] = None,
    predictions: imported.Predictions = None,
    dev_predictions: imported.DevPredictions = None,
    dev_split: imported.DevSplit = None,
    criterion: imported.Criterion = None,
    target: replay.Target = "localhost:8500",
    model_version: replay.ModelVersion = None,
    model_base_path: replay.ModelBasePath = None,
    model_config: replay.ModelConfig = None,
    dry_run: replay.DryRun = False,
    layout: replay.Layout = None,
    protocol: replay.Protocol = None,
    card: analysis.Card = None,
    class_names: analysis.ClassNames = None,
    image_size: replay.ImageSize = None,
    split: analysis.SplitName = "test",
    class_map: analysis.ClassMap = None,
    slices: analysis.Slices = None,
    aggregate: analysis.Aggregate = None,
    name: analysis.DataName = None,
    limit: analysis.Limit = None,
    operating_point: analysis.OperatingPoint = None,
    threshold: analysis.Threshold = None,
    baseline: analysis.Baseline = None,
    profile: analysis.ProfileName = None,
    superclasses: analysis.Superclasses = None,
    max_apcer: gates.MaxApcer = None,
    max_bpcer: gates.MaxBpcer = None,
    min_accuracy: gates.MinAccuracy = None,
    min_auc: gates.MinAuc = None,
    max_no_response: gates.MaxNoResponse = None,
    max_group_gap: gates.MaxGroupGap = None,
    regression_margin: gates.RegressionMargin = None,
    drift_gate: gates.DriftGate = False,
    batch_size: replay.BatchSize = 32,
    shard_size: replay.ShardSize = 512,
    decode_threads: replay.DecodeThreads = None,
    in_flight: replay.InFlight = None,
    timeout: replay.TimeoutSeconds = 30.0,
    wait_server: replay.WaitServer = 300.0,
    executor: replay.ExecutorName = "local",
    resume: replay.Resume = False,
    quiet: analysis.Quiet = False,
    as_json: analysis.AsJson = False,
) -> None:
    """Replay a labelled data set through a model server and report on the answers.

    With --predictions FILE no server is asked: the scores of the file are judged. With --dry-run one
    batch is sent and nothing is stored.

    Exit code: 0 every gate passed, 1 a gate failed, 2 too little evidence, 3 could not evaluate.
    """
    from lifesign.cli.report_summary import print_result

    def judge() -> dict[str, Any]:
        return {
            "out": _folder(out, dry_run),
            "split": None if split == "all" else split,
            "class_map": analysis.class_map_of(class_map),
            "gates": _given(
                max_apcer=max_apcer,
                max_bpcer=max_bpcer,
                min_accuracy=min_accuracy,
                min_auc=min_auc,
                max_no_response=max_no_response,
                max_group_gap=max_group_gap,
                regression_margin=regression_margin,
                drift=drift_gate or None,
            ),
            **_given(
                aggregate=aggregate,
                dataset_name=name,
                class_names=analysis.names_of(class_names),
                slices=analysis.slices_of(slices),
                operating_point=operating_point,
                threshold=threshold,
                card=card,
                baseline=baseline,
                limit=limit,
                profile=profile,
                superclasses=superclasses,
            ),
        }

    def served() -> dict[str, Any]:
        return {
            **_asked(data=data, model=model),
            "target": target,
            "batch_size": batch_size,
            "shard_size": shard_size,
            "batches_in_flight": in_flight,
            "timeout_seconds": timeout,
            "wait_server_seconds": wait_server,
            **_given(
                layout=layout,
                protocol=protocol,
                version=model_version,
                image_size=replay.size_of(image_size),
                model_base_path=model_base_path,
                contract=_contract(model_config),
                decode_threads=decode_threads,
            ),
        }

    try:
        if predictions is not None:
            _refuse(context, replay.REPLAY_ONLY, "needs a model server and does not go with --predictions")
            scores = _given(
                model=model, dev_predictions=dev_predictions, dev_split=dev_split, criterion=criterion
            )
            result = _judge_file({**judge(), "predictions": predictions, **scores}, quiet=quiet)
        else:
            _refuse(context, imported.PREDICTIONS_ONLY, "needs --predictions")
            if dry_run:
                _refuse(context, ("out", "resume"), "does not go with --dry-run, which writes nothing")
                raise typer.Exit(_try({**judge(), **served()}, as_json=as_json, quiet=quiet))
            result = _replay({**judge(), **served()}, executor=executor, resume=resume, quiet=quiet)
    except KeyboardInterrupt:
        print(f"interrupted{_hint(out)}", file=sys.stderr)
        raise typer.Exit(_INTERRUPTED) from None
    except LifesignError as error:
        hint = _hint(out) if isinstance(error, StorageError | UpstreamError) else ""
        print(f"error: {error}{hint}", file=sys.stderr)
        raise typer.Exit(CANNOT_EVALUATE) from None
    for note in result.assumed:
        print(f"note: {note}", file=sys.stderr)
    print_result(result.document, result.run_dir, as_json=as_json, quiet=quiet)
    raise typer.Exit(result.exit_code)


def _replay(options: dict[str, Any], *, executor: str, resume: bool, quiet: bool) -> "EvaluationResult":
    from lifesign.evaluation.config import evaluation_config
    from lifesign.evaluation.service import evaluate

    config = evaluation_config(**options)
    place = replay.executor_of(executor)
    return evaluate(config, progress=_progress(quiet), resume=resume, executor=place)


def _try(options: dict[str, Any], *, as_json: bool, quiet: bool) -> int:
    """Send one batch and show it; return the exit code."""
    from lifesign.cli.dry_run_summary import print_dry_run
    from lifesign.evaluation.config import evaluation_config
    from lifesign.evaluation.replay.dry_run import dry_run

    trial = dry_run(evaluation_config(**options), tell=lambda message: print(message, file=sys.stderr))
    print_dry_run(trial, as_json=as_json, quiet=quiet)
    return CANNOT_EVALUATE if trial.is_refused else 0


def _contract(path: Path | None) -> "ModelContract | None":
    from lifesign.evaluation.contract.document import read_model_contract

    return None if path is None else read_model_contract(path)


def _folder(out: Path | None, dry_run: bool) -> Path:
    if out is None and not dry_run:
        raise ConfigurationError("expected --out, the folder of the run, got none")
    return out or Path()


def _judge_file(options: dict[str, Any], *, quiet: bool) -> "EvaluationResult":
    from lifesign.evaluation.config import predictions_config
    from lifesign.evaluation.imported_predictions.evaluation import evaluate_predictions

    progress = _progress(quiet, verb="reading", unit="rows")
    return evaluate_predictions(predictions_config(**options), progress=progress)


def _asked(*, data: str | None, model: str | None) -> dict[str, Any]:
    if data is None:
        raise ConfigurationError("expected DATA, a manifest or folder, or --predictions FILE, got neither")
    if model is None:
        raise ConfigurationError(
            "expected --model, the name of a served model, or --predictions FILE, got neither"
        )
    return {"data": data, "model": model}


def _refuse(context: typer.Context, names: Iterable[str], why: str) -> None:
    """Refuse options that were given and mean nothing here: silently ignored they would mislead."""
    for name in names:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            shown = "DATA" if name == "data" else f"--{name.replace('_', '-')}"
            raise ConfigurationError(f"{shown} {why}")


def _hint(out: Path | None) -> str:
    is_begun = out is not None and (out / "run.json").exists()
    return "; what is done is kept, continue with --resume" if is_begun else ""


def _progress(quiet: bool, *, verb: str = "replaying", unit: str = "images") -> "ProgressListener | None":
    from lifesign.cli.console_progress import BarProgress, LineProgress

    if quiet:
        return None
    console = Console(stderr=True)
    kind = BarProgress if console.is_terminal else LineProgress
    return kind(console, verb=verb, unit=unit)


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}
