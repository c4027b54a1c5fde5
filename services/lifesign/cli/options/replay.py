"""Options of a replay through a model server; none of them goes with scores from a file."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lifesign.cli.options.groups import field_names, given_options
from lifesign.errors import ConfigurationError

if TYPE_CHECKING:
    from lifesign.executor import RemoteExecutor

__all__ = ["REPLAY_ONLY", "Data", "Served", "executor_of", "size_of"]

Data = Annotated[
    str | None,
    typer.Argument(
        help="manifest (.csv, .jsonl, .parquet), class folders or a published layout: a path or an address "
        "such as s3://bucket/prefix; not with --predictions",
        show_default=False,
    ),
]


@dataclass(frozen=True)
class Served:
    """The model server, what its model takes, and how the data are sent there."""

    target: Annotated[str, typer.Option(help="host:port of the model server's gRPC")] = "localhost:8500"
    model_version: Annotated[
        int | None, typer.Option(help="version to test", show_default="the highest AVAILABLE")
    ] = None
    model_base_path: Annotated[
        Path | None, typer.Option(help="folder with MODEL/VERSION/, where the model card is")
    ] = None
    model_config: Annotated[
        Path | None,
        typer.Option(
            help="YAML or JSON file: what a model that is not Lifesign's own takes and answers "
            "(signature, size, colour, scaling, output, classes)"
        ),
    ] = None
    layout: Annotated[
        str | None, typer.Option(help="published layout, see lifesign dataset", show_default="as recognised")
    ] = None
    protocol: Annotated[
        str | None, typer.Option(help="protocol of the layout, such as 3.1 of oulu-npu", show_default="none")
    ] = None
    image_size: Annotated[
        str | None, typer.Option(help="without a card, for a model of any input size: HEIGHTxWIDTH pixels")
    ] = None
    batch_size: Annotated[
        int | None,
        typer.Option(help="images per request", show_default="32, fewer where they are large"),
    ] = None
    shard_size: Annotated[int, typer.Option(help="samples per part; what a crash can lose")] = 512
    decode_threads: Annotated[int | None, typer.Option(help="threads", show_default="the cores")] = None
    in_flight: Annotated[
        int | None, typer.Option(help="batches with the server at once", show_default="adapts to the server")
    ] = None
    timeout: Annotated[float, typer.Option(help="deadline of one request, seconds")] = 30.0
    wait_server: Annotated[
        float, typer.Option(help="how long to wait for a server that does not answer, seconds")
    ] = 300.0
    executor: Annotated[
        str,
        typer.Option(
            help="where shards are replayed: local, this process; ray, Ray on this machine; "
            "ray://HOST:PORT, every node of that Ray cluster (extra ray)"
        ),
    ] = "local"
    resume: Annotated[bool, typer.Option("--resume", help="continue the run in --out")] = False
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="send one small batch, show what was sent and answered, refuse nonsense; writes nothing",
        ),
    ] = False

    def given(self) -> dict[str, Any]:
        """Return the options by the names of ``EvaluationConfig``.

        Raises:
            ConfigurationError: a size or a model config of another form.
        """
        from lifesign.evaluation.contract.document import read_model_contract

        config = self.model_config
        return {
            "target": self.target,
            "batch_size": self.batch_size,
            "shard_size": self.shard_size,
            "batches_in_flight": self.in_flight,
            "timeout_seconds": self.timeout,
            "wait_server_seconds": self.wait_server,
            **given_options(
                layout=self.layout,
                protocol=self.protocol,
                version=self.model_version,
                image_size=size_of(self.image_size),
                model_base_path=self.model_base_path,
                contract=None if config is None else read_model_contract(config),
                decode_threads=self.decode_threads,
            ),
        }


REPLAY_ONLY = ("data", *field_names(Served))
"""Parameters of the command that need a model server."""


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


def size_of(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    height, separator, width = text.lower().partition("x")
    if not (separator and height.isdecimal() and width.isdecimal() and int(height) and int(width)):
        raise ConfigurationError(f"--image-size: expected HEIGHTxWIDTH, such as 112x112, got {text!r}")
    return int(height), int(width)
