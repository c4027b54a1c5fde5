"""``lifesign evaluate``: replay a labelled set through a served model and judge the answers."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperCommand

from lifesign.errors import ConfigurationError, LifesignError, StorageError, UpstreamError

if TYPE_CHECKING:
    from lifesign.evaluation.replay.progress import ProgressListener

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
    data: Annotated[
        Path, typer.Argument(help="manifest (.csv, .jsonl, .parquet) or folder of class folders")
    ],
    model: Annotated[str, typer.Option(help="name of the served model")],
    out: Annotated[Path, typer.Option(help="run folder; new, or an interrupted run with --resume")],
    target: Annotated[str, typer.Option(help="host:port of the model server's gRPC")] = "localhost:8500",
    model_version: Annotated[
        int | None, typer.Option(help="version to test", show_default="the highest AVAILABLE")
    ] = None,
    model_base_path: Annotated[
        Path | None, typer.Option(help="folder with MODEL/VERSION/, where the model card is")
    ] = None,
    card: Annotated[Path | None, typer.Option(help="a model card file instead")] = None,
    class_names: Annotated[
        str | None,
        typer.Option(help="without a card: the classes, comma-separated, in the order of the scores"),
    ] = None,
    image_size: Annotated[
        str | None, typer.Option(help="without a card, for a model of any input size: HEIGHTxWIDTH pixels")
    ] = None,
    split: Annotated[str, typer.Option(help="train, dev, test or all")] = "test",
    class_map: Annotated[
        list[str] | None, typer.Option(help="LABEL=CLASS for a label the model does not know; repeatable")
    ] = None,
    slices: Annotated[
        str | None,
        typer.Option(
            help="metadata columns to report by, comma-separated; 'none' for none",
            show_default="those with 2 to 20 values",
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="name of the data set", show_default="its file or folder")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="samples, drawn by the hash of their id")] = None,
    operating_point: Annotated[
        str | None, typer.Option(help="id in the model card", show_default="the card's default")
    ] = None,
    threshold: Annotated[float | None, typer.Option(help="fixed threshold on P(bona fide), 0 to 1")] = None,
    baseline: Annotated[Path | None, typer.Option(help="run folder to compare with")] = None,
    max_apcer: Annotated[float | None, typer.Option(help="gate: largest APCER of any species, share")] = None,
    max_bpcer: Annotated[float | None, typer.Option(help="gate: largest BPCER, share")] = None,
    min_accuracy: Annotated[float | None, typer.Option(help="gate: smallest accuracy, share")] = None,
    min_auc: Annotated[
        float | None, typer.Option(help="gate: smallest AUC, share", show_default="0.5")
    ] = None,
    max_no_response: Annotated[
        float | None, typer.Option(help="gate: largest share of samples without answer", show_default="0.01")
    ] = None,
    max_group_gap: Annotated[
        float | None, typer.Option(help="gate: largest error-rate gap of a group to the others, share")
    ] = None,
    regression_margin: Annotated[
        float | None, typer.Option(help="gate: largest rise over the baseline, share", show_default="0.02")
    ] = None,
    drift_gate: Annotated[bool, typer.Option("--drift-gate", help="gate: fail on material drift")] = False,
    batch_size: Annotated[int, typer.Option(help="images per request")] = 32,
    shard_size: Annotated[int, typer.Option(help="samples per part; what a crash can lose")] = 512,
    decode_threads: Annotated[int | None, typer.Option(help="threads", show_default="the cores")] = None,
    in_flight: Annotated[int, typer.Option(help="batches held at once per shard")] = 4,
    timeout: Annotated[float, typer.Option(help="deadline of one request, seconds")] = 30.0,
    wait_server: Annotated[
        float, typer.Option(help="how long to wait for a server that does not answer, seconds")
    ] = 300.0,
    resume: Annotated[bool, typer.Option("--resume", help="continue the run in --out")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="no progress, no summary")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print the report as JSON to stdout")] = False,
) -> None:
    """Replay a labelled data set through a model server and report on the answers.

    Exit code: 0 every gate passed, 1 a gate failed, 2 too little evidence, 3 could not evaluate.
    """
    from lifesign.cli.report_summary import print_result
    from lifesign.evaluation.config import evaluation_config
    from lifesign.evaluation.service import evaluate

    gates = _given(
        max_apcer=max_apcer,
        max_bpcer=max_bpcer,
        min_accuracy=min_accuracy,
        min_auc=min_auc,
        max_no_response=max_no_response,
        max_group_gap=max_group_gap,
        regression_margin=regression_margin,
        drift=drift_gate or None,
    )
    try:
        config = evaluation_config(
            target=target,
            model=model,
            version=model_version,
            data=data,
            out=out,
            split=None if split == "all" else split,
            class_map=_class_map(class_map or []),
            gates=gates,
            batch_size=batch_size,
            shard_size=shard_size,
            batches_in_flight=in_flight,
            timeout_seconds=timeout,
            wait_server_seconds=wait_server,
            **_given(
                dataset_name=name,
                class_names=_names(class_names),
                image_size=_size(image_size),
                slices=() if slices == "none" else _names(slices),
                operating_point=operating_point,
                threshold=threshold,
                card=card,
                model_base_path=model_base_path,
                baseline=baseline,
                limit=limit,
                decode_threads=decode_threads,
            ),
        )
        result = evaluate(config, progress=_progress(quiet), resume=resume)
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


def _hint(out: Path) -> str:
    return "; what is done is kept, continue with --resume" if (out / "run.json").exists() else ""


def _progress(quiet: bool) -> "ProgressListener | None":
    from lifesign.cli.console_progress import BarProgress, LineProgress

    if quiet:
        return None
    console = Console(stderr=True)
    return BarProgress(console) if console.is_terminal else LineProgress(console)


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _names(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(word.strip() for word in text.split(",") if word.strip())


def _class_map(pairs: list[str]) -> dict[str, str]:
    mapped: dict[str, str] = {}
    for pair in pairs:
        label, separator, target = pair.partition("=")
        if not (label and separator and target):
            raise ConfigurationError(
                f"--class-map: expected LABEL=CLASS, such as real=bona_fide, got {pair!r}"
            )
        mapped[label] = target
    return mapped


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    height, separator, width = text.lower().partition("x")
    if not (separator and height.isdecimal() and width.isdecimal()):
        raise ConfigurationError(f"--image-size: expected HEIGHTxWIDTH, such as 112x112, got {text!r}")
    return int(height), int(width)
