"""``lifesign serve``: the embedded model server, with the flags of ``tensorflow_model_server``.

Flags keep their underscores and take ``--name=value``, truth values too (``--enable_batching=true``).
Unlike the bare binary, and like TensorFlow Serving's Docker image, REST is on port 8501 by default.
"""

import signal
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from lifesign.errors import ConfigurationError

if TYPE_CHECKING:
    from lifesign.serving.batch_scheduler import BatchingParameters
    from lifesign.serving.settings import ServerSettings

__all__ = ["command"]


class _Switch(StrEnum):
    """A truth value that is written out, ``--flag=true``: a plain flag would refuse the value."""

    TRUE = "true"
    FALSE = "false"


def command(
    model_name: Annotated[
        str, typer.Option("--model_name", help="Name of the model at --model_base_path.")
    ] = "default",
    model_base_path: Annotated[
        Path | None,
        typer.Option("--model_base_path", help="Folder whose integer subfolders are versions."),
    ] = None,
    model_config_file: Annotated[
        Path | None,
        typer.Option("--model_config_file", help="ModelServerConfig as text; --model_* are then ignored."),
    ] = None,
    model_config_file_poll_wait_seconds: Annotated[
        float,
        typer.Option(
            "--model_config_file_poll_wait_seconds", help="Seconds between readings of it; 0 reads once."
        ),
    ] = 0.0,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "0.0.0.0",
    port: Annotated[int, typer.Option("--port", help="gRPC port; 0 takes a free one.")] = 8500,
    rest_api_port: Annotated[int, typer.Option("--rest_api_port", help="REST port; 0 for none.")] = 8501,
    rest_api_timeout_in_ms: Annotated[
        int, typer.Option("--rest_api_timeout_in_ms", help="Milliseconds a REST call may take.")
    ] = 30_000,
    rest_api_num_threads: Annotated[
        int, typer.Option("--rest_api_num_threads", help="REST threads; 0 means 4 per core.")
    ] = 0,
    grpc_max_threads: Annotated[
        int, typer.Option("--grpc_max_threads", help="gRPC threads; 0 means 4 per core.")
    ] = 0,
    file_system_poll_wait_seconds: Annotated[
        float,
        typer.Option(
            "--file_system_poll_wait_seconds", help="Seconds between looks for versions; 0 looks once."
        ),
    ] = 1.0,
    max_num_load_retries: Annotated[
        int, typer.Option("--max_num_load_retries", help="How often a failed load is repeated.")
    ] = 5,
    load_retry_interval_micros: Annotated[
        int, typer.Option("--load_retry_interval_micros", help="Microseconds between the repetitions.")
    ] = 60_000_000,
    num_load_threads: Annotated[
        int, typer.Option("--num_load_threads", help="Loads at once; 0 means one.")
    ] = 0,
    enable_batching: Annotated[
        _Switch,
        typer.Option("--enable_batching", case_sensitive=False, help="Share runs of the graph."),
    ] = _Switch.FALSE,
    batching_parameters_file: Annotated[
        Path | None, typer.Option("--batching_parameters_file", help="BatchingParameters as text.")
    ] = None,
    monitoring_config_file: Annotated[
        Path | None,
        typer.Option("--monitoring_config_file", help="MonitoringConfig as text; metrics on the REST port."),
    ] = None,
    enable_model_warmup: Annotated[
        _Switch,
        typer.Option("--enable_model_warmup", case_sensitive=False, help="Replay stored requests at load."),
    ] = _Switch.TRUE,
    num_request_iterations_for_warmup: Annotated[
        int, typer.Option("--num_request_iterations_for_warmup", help="Times each of them is replayed.")
    ] = 1,
    enable_serialization_as_tensor_content: Annotated[
        _Switch,
        typer.Option(
            "--enable_serialization_as_tensor_content",
            case_sensitive=False,
            help="Answer with raw bytes instead of typed fields.",
        ),
    ] = _Switch.FALSE,
    allow_version_labels_for_unavailable_models: Annotated[
        _Switch,
        typer.Option(
            "--allow_version_labels_for_unavailable_models",
            case_sensitive=False,
            help="Let new labels name versions that are not available.",
        ),
    ] = _Switch.FALSE,
    saved_model_tags: Annotated[
        str, typer.Option("--saved_model_tags", help="Comma-separated tags of the graph to load.")
    ] = "serve",
    tensorflow_intra_op_parallelism: Annotated[
        int,
        typer.Option("--tensorflow_intra_op_parallelism", help="Threads of one operation; 0 means 1 on CPU."),
    ] = 0,
    tensorflow_inter_op_parallelism: Annotated[
        int,
        typer.Option("--tensorflow_inter_op_parallelism", help="Operations at once; 0 means one per core."),
    ] = 0,
    per_process_gpu_memory_fraction: Annotated[
        float,
        typer.Option("--per_process_gpu_memory_fraction", help="Share of GPU memory to take; 0 lets grow."),
    ] = 0.0,
    freeze: Annotated[
        _Switch,
        typer.Option(
            "--freeze",
            case_sensitive=False,
            help="Turn variables into constants at load, and fold what follows convolutions into them.",
        ),
    ] = _Switch.TRUE,
    drain_seconds: Annotated[
        float, typer.Option("--drain_seconds", help="Seconds running calls may take after SIGTERM.")
    ] = 10.0,
    log_level: Annotated[
        str, typer.Option("--log_level", envvar="LIFESIGN_LOG_LEVEL", help="DEBUG, INFO, WARNING or ERROR.")
    ] = "INFO",
) -> None:
    """Serve models as TensorFlow Serving does: gRPC on 8500, REST on 8501, versions from a folder."""
    from lifesign.serving.config import read_monitoring_file
    from lifesign.serving.settings import ServerSettings
    from lifesign.telemetry import configure_logging

    configure_logging(level=log_level)
    settings = ServerSettings(
        model_name=model_name,
        model_base_path=model_base_path,
        model_config_file=model_config_file,
        model_config_file_poll_wait_seconds=model_config_file_poll_wait_seconds,
        host=host,
        port=port,
        rest_api_port=rest_api_port or None,
        rest_api_timeout_in_ms=rest_api_timeout_in_ms,
        rest_api_num_threads=rest_api_num_threads,
        grpc_max_threads=grpc_max_threads,
        file_system_poll_wait_seconds=file_system_poll_wait_seconds,
        max_num_load_retries=max_num_load_retries,
        load_retry_interval_micros=load_retry_interval_micros,
        num_load_threads=num_load_threads,
        batching=_batching(enable_batching is _Switch.TRUE, batching_parameters_file),
        monitoring_path=read_monitoring_file(monitoring_config_file) if monitoring_config_file else None,
        enable_model_warmup=enable_model_warmup is _Switch.TRUE,
        num_request_iterations_for_warmup=num_request_iterations_for_warmup,
        enable_serialization_as_tensor_content=enable_serialization_as_tensor_content is _Switch.TRUE,
        allow_version_labels_for_unavailable_models=allow_version_labels_for_unavailable_models
        is _Switch.TRUE,
        saved_model_tags=frozenset(saved_model_tags.split(",")),
        tensorflow_intra_op_parallelism=tensorflow_intra_op_parallelism,
        tensorflow_inter_op_parallelism=tensorflow_inter_op_parallelism,
        per_process_gpu_memory_fraction=per_process_gpu_memory_fraction,
        freeze=freeze is _Switch.TRUE,
        drain_seconds=drain_seconds,
    )
    _serve(settings)


def _batching(enabled: bool, file: Path | None) -> "BatchingParameters | None":
    from lifesign.serving.batch_scheduler import BatchingParameters
    from lifesign.serving.config import read_batching_file

    if not enabled:
        if file is not None:
            raise ConfigurationError("--batching_parameters_file needs --enable_batching=true")
        return None
    return read_batching_file(file) if file is not None else BatchingParameters()


def _serve(settings: "ServerSettings") -> None:
    from lifesign.serving.server import ModelServer
    from lifesign.serving.status import ServingError

    server = ModelServer(settings)

    def request_stop(_signal: int, _frame: FrameType | None) -> None:
        server.request_stop()

    signal.signal(signal.SIGTERM, request_stop)
    signal.signal(signal.SIGINT, request_stop)
    try:
        server.start()
    except ServingError as error:
        typer.echo(f"Failed to start server. Error: {error.code.name}: {error.message}", err=True)
        # The status that tensorflow_model_server exits with.
        raise typer.Exit(255) from None
    server.wait()
    server.stop()
