"""Options of a replay through a model server; none of them goes with scores from a file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lifesign.errors import ConfigurationError

if TYPE_CHECKING:
    from lifesign.executor import RemoteExecutor

__all__ = [
    "REPLAY_ONLY",
    "BatchSize",
    "Data",
    "DecodeThreads",
    "DryRun",
    "ExecutorName",
    "ImageSize",
    "InFlight",
    "Layout",
    "ModelBasePath",
    "ModelConfig",
    "ModelVersion",
    "Protocol",
    "Resume",
    "ShardSize",
    "Target",
    "TimeoutSeconds",
    "WaitServer",
    "executor_of",
    "size_of",
]

REPLAY_ONLY = (
    "data",
    "layout",
    "protocol",
    "target",
    "model_version",
    "model_base_path",
    "model_config",
    "dry_run",
    "image_size",
    "batch_size",
    "shard_size",
    "decode_threads",
    "in_flight",
    "timeout",
    "wait_server",
    "executor",
    "resume",
)
"""Parameters of the command that need a model server."""

Data = Annotated[
    str | None,
    typer.Argument(
        help="manifest (.csv, .jsonl, .parquet), class folders or a published layout: a path or an address "
        "such as s3://bucket/prefix; not with --predictions",
        show_default=False,
    ),
]
Layout = Annotated[
    str | None, typer.Option(help="published layout, see lifesign dataset", show_default="as recognised")
]
Protocol = Annotated[
    str | None, typer.Option(help="protocol of the layout, such as 3.1 of oulu-npu", show_default="none")
]
Target = Annotated[str, typer.Option(help="host:port of the model server's gRPC")]
ModelVersion = Annotated[
    int | None, typer.Option(help="version to test", show_default="the highest AVAILABLE")
]
ModelBasePath = Annotated[
    Path | None, typer.Option(help="folder with MODEL/VERSION/, where the model card is")
]
ModelConfig = Annotated[
    Path | None,
    typer.Option(
        help="YAML or JSON file: what a model that is not Lifesign's own takes and answers "
        "(signature, size, colour, scaling, output, classes)"
    ),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="send one small batch, show what was sent and answered, refuse nonsense; writes nothing",
    ),
]
ImageSize = Annotated[
    str | None, typer.Option(help="without a card, for a model of any input size: HEIGHTxWIDTH pixels")
]
BatchSize = Annotated[int, typer.Option(help="images per request")]
ShardSize = Annotated[int, typer.Option(help="samples per part; what a crash can lose")]
DecodeThreads = Annotated[int | None, typer.Option(help="threads", show_default="the cores")]
InFlight = Annotated[
    int | None, typer.Option(help="batches with the server at once", show_default="adapts to the server")
]
TimeoutSeconds = Annotated[float, typer.Option(help="deadline of one request, seconds")]
WaitServer = Annotated[
    float, typer.Option(help="how long to wait for a server that does not answer, seconds")
]
ExecutorName = Annotated[
    str,
    typer.Option(
        help="where shards are replayed: local, this process; ray, Ray on this machine; "
        "ray://HOST:PORT, every node of that Ray cluster (extra ray)"
    ),
]
Resume = Annotated[bool, typer.Option("--resume", help="continue the run in --out")]


def size_of(text: str | None) -> tuple[int, int] | None:
    """Return height and width of ``HEIGHTxWIDTH``.

    Raises:
        ConfigurationError: a text of another form.
    """
    if text is None:
        return None
    height, separator, width = text.lower().partition("x")
    if not (separator and height.isdecimal() and width.isdecimal()):
        raise ConfigurationError(f"--image-size: expected HEIGHTxWIDTH, such as 112x112, got {text!r}")
    return int(height), int(width)


def executor_of(text: str) -> "RemoteExecutor | None":
    """Return the executor of a name, ``None`` for this process.

    Raises:
        ConfigurationError: another name, or Ray is not installed.
        NotReadyError: nothing listens at the address.
    """
    if text == "local":
        return None
    if text != "ray" and not text.startswith("ray://"):
        raise ConfigurationError(f"--executor: expected local, ray or ray://HOST:PORT, got {text!r}")
    from lifesign.ray_executor import RayExecutor

    return RayExecutor.at(None if text == "ray" else text)
