"""``lifesign evaluate``: judge the answers of a served model to a labelled set, or scores from a file."""

import contextlib
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console

from lifesign.cli.options.analysis import AsJson, Judgement, Quiet, Samples
from lifesign.cli.options.gates import Gates
from lifesign.cli.options.groups import given_options, with_groups
from lifesign.cli.options.predictions import PREDICTIONS_ONLY, Imported
from lifesign.cli.options.replay import REPLAY_ONLY, Data, Served, executor_of
from lifesign.cli.verdict_command import CANNOT_JUDGE, Command
from lifesign.errors import ConfigurationError, StorageError, UpstreamError

if TYPE_CHECKING:
    from lifesign.cli.console_progress import BarProgress, LineProgress
    from lifesign.evaluation.service import EvaluationResult

__all__ = ["Command", "command"]

_INTERRUPTED = 130


@with_groups
def command(
    context: typer.Context,
    data: Data = None,
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
    imported: Imported,
    served: Served,
    samples: Samples,
    judgement: Judgement,
    gates: Gates,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Replay a labelled data set through a model server and report on the answers.

    With --predictions FILE no server is asked: the scores of the file are judged. With --dry-run one
    batch is sent and nothing is stored.

    Exit code: 0 every gate passed, 1 a gate failed, 2 too little evidence, 3 could not evaluate.
    """
    _refuse_what_does_not_go_together(context, imported, served, judgement)
    scores = imported.given() if imported.predictions is not None else _asked(data=data, model=model)
    judged = {**given_options(model=model), **samples.given(), **judgement.given(), "gates": gates.limits()}
    if served.dry_run:
        options = {**scores, **judged, **served.given(), "out": Path()}
        raise typer.Exit(_try(options, as_json=as_json, quiet=quiet))
    options = {**scores, **judged, "out": _folder(out)}
    with _telling_how_to_go_on(out):
        if imported.predictions is not None:
            result = _judge_file(options, quiet=quiet)
        else:
            result = _replay({**options, **served.given()}, served, quiet=quiet)
    _tell(result, as_json=as_json, quiet=quiet)


def _refuse_what_does_not_go_together(
    context: typer.Context, imported: Imported, served: Served, judgement: Judgement
) -> None:
    if judgement.baseline is None:
        _refuse(context, ("regression_margin",), "needs --baseline")
    if imported.predictions is not None:
        _refuse(context, REPLAY_ONLY, "needs a model server and does not go with --predictions")
    else:
        _refuse(context, PREDICTIONS_ONLY, "needs --predictions")
    if served.dry_run:
        why = "does not go with --dry-run, which sends one batch from here and writes nothing"
        _refuse(context, ("out", "resume", "executor"), why)


def _refuse(context: typer.Context, names: Iterable[str], why: str) -> None:
    """Refuse options that were given and mean nothing here: silently ignored they would mislead."""
    for name in names:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            shown = "DATA" if name == "data" else f"--{name.replace('_', '-')}"
            raise ConfigurationError(f"{shown} {why}")


def _asked(*, data: str | None, model: str | None) -> dict[str, Any]:
    if data is None:
        raise ConfigurationError("expected DATA, a manifest or folder, or --predictions FILE, got neither")
    if model is None:
        raise ConfigurationError(
            "expected --model, the name of a served model, or --predictions FILE, got neither"
        )
    return {"data": data}


def _folder(out: Path | None) -> Path:
    if out is None:
        raise ConfigurationError("expected --out, the folder of the run, got none")
    return out


def _judge_file(options: dict[str, Any], *, quiet: bool) -> "EvaluationResult":
    from lifesign.cli.pandas_free import keep_pandas_out
    from lifesign.evaluation.config import predictions_config
    from lifesign.evaluation.imported_predictions.evaluation import evaluate_predictions
    from lifesign.memory import use_system_allocator

    use_system_allocator()
    config = predictions_config(**options)
    progress = _progress(quiet, verb="reading", unit="rows")
    keep_pandas_out()
    if progress is None:
        return evaluate_predictions(config)
    return evaluate_predictions(config, progress=progress, look=progress.on_look)


def _replay(options: dict[str, Any], served: Served, *, quiet: bool) -> "EvaluationResult":
    from lifesign.evaluation.config import evaluation_config
    from lifesign.evaluation.service import evaluate
    from lifesign.memory import use_system_allocator

    use_system_allocator()
    config = evaluation_config(**options)
    executor = executor_of(served.executor)
    return evaluate(config, progress=_progress(quiet), resume=served.resume, executor=executor)


def _try(options: dict[str, Any], *, as_json: bool, quiet: bool) -> int:
    """Send one batch and show it; return the exit code."""
    from lifesign.cli.dry_run_summary import print_dry_run
    from lifesign.evaluation.config import evaluation_config
    from lifesign.evaluation.replay.dry_run import dry_run

    trial = dry_run(evaluation_config(**options), tell=lambda message: print(message, file=sys.stderr))
    print_dry_run(trial, as_json=as_json, quiet=quiet)
    return CANNOT_JUDGE if trial.is_refused else 0


def _tell(result: "EvaluationResult", *, as_json: bool, quiet: bool) -> NoReturn:
    from lifesign.cli.report_summary import print_result

    for note in result.assumed:
        print(f"note: {note}", file=sys.stderr)
    print_result(result.document, result.run_dir, as_json=as_json, quiet=quiet)
    raise typer.Exit(result.exit_code)


@contextlib.contextmanager
def _telling_how_to_go_on(out: Path | None) -> Iterator[None]:
    """Say of what a replay could not end by itself that it can be resumed, where it can."""
    try:
        yield
    except KeyboardInterrupt:
        print(f"interrupted{_hint(out)}", file=sys.stderr)
        raise typer.Exit(_INTERRUPTED) from None
    except (StorageError, UpstreamError) as error:
        print(f"error: {error}{_hint(out)}", file=sys.stderr)
        raise typer.Exit(CANNOT_JUDGE) from None


def _hint(out: Path | None) -> str:
    is_begun = out is not None and (out / "run.json").exists()
    return "; what is done is kept, continue with --resume" if is_begun else ""


def _progress(
    quiet: bool, *, verb: str = "replaying", unit: str = "images"
) -> "BarProgress | LineProgress | None":
    from lifesign.cli.console_progress import BarProgress, LineProgress

    if quiet:
        return None
    console = Console(stderr=True)
    kind = BarProgress if console.is_terminal else LineProgress
    return kind(console, verb=verb, unit=unit)
