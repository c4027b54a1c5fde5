"""``lifesign gateway``: answer HTTP requests with decisions."""

import os
from pathlib import Path
from typing import Annotated

import typer

from lifesign.gateway.settings import GatewaySettings as Defaults

__all__ = ["command"]


def command(
    target: Annotated[
        str, typer.Option(envvar="LIFESIGN_TARGET", help="gRPC address of the model server, host:port.")
    ] = Defaults.target,
    model: Annotated[
        str, typer.Option(envvar="LIFESIGN_MODEL", help="Name of the served model.")
    ] = Defaults.model,
    model_base_path: Annotated[
        Path,
        typer.Option(
            envvar="LIFESIGN_MODEL_BASE_PATH",
            help="Folder with <model>/<version>/assets.extra/model_card.json, as the model server reads it.",
        ),
    ] = Defaults.model_base_path,
    host: Annotated[
        str, typer.Option(envvar="LIFESIGN_GATEWAY_HOST", help="Address to listen on.")
    ] = Defaults.host,
    port: Annotated[
        int, typer.Option(envvar="LIFESIGN_GATEWAY_PORT", help="Port to listen on; 0 takes a free one.")
    ] = Defaults.port,
    api_keys_file: Annotated[
        Path | None,
        typer.Option(
            envvar="LIFESIGN_GATEWAY_API_KEYS_FILE",
            help="File of lines '<sha256 hex of a key> <key id>'; without it /v1 is open to everybody.",
            show_default="none",
        ),
    ] = None,
    max_image_bytes: Annotated[
        int, typer.Option(envvar="LIFESIGN_GATEWAY_MAX_IMAGE_BYTES", help="Largest image, bytes.")
    ] = Defaults.max_image_bytes,
    max_image_pixels: Annotated[
        int, typer.Option(envvar="LIFESIGN_GATEWAY_MAX_IMAGE_PIXELS", help="Largest image, pixels.")
    ] = Defaults.max_image_pixels,
    max_batch_images: Annotated[
        int, typer.Option(envvar="LIFESIGN_GATEWAY_MAX_BATCH_IMAGES", help="Most images in a batch.")
    ] = Defaults.max_batch_images,
    max_batch_bytes: Annotated[
        int, typer.Option(envvar="LIFESIGN_GATEWAY_MAX_BATCH_BYTES", help="Largest batch, bytes.")
    ] = Defaults.max_batch_bytes,
    max_in_flight: Annotated[
        int,
        typer.Option(
            envvar="LIFESIGN_GATEWAY_MAX_IN_FLIGHT", help="Most requests at once; more are answered 429."
        ),
    ] = Defaults.max_in_flight,
    request_timeout: Annotated[
        float,
        typer.Option(
            envvar="LIFESIGN_GATEWAY_REQUEST_TIMEOUT", help="Seconds from the end of a body to its answer."
        ),
    ] = Defaults.request_timeout_seconds,
    upload_timeout: Annotated[
        float,
        typer.Option(envvar="LIFESIGN_GATEWAY_UPLOAD_TIMEOUT", help="Seconds a body may take to arrive."),
    ] = Defaults.upload_timeout_seconds,
    decode_threads: Annotated[
        int, typer.Option(envvar="LIFESIGN_GATEWAY_DECODE_THREADS", help="Threads that decode images.")
    ] = Defaults.decode_threads,
    drain_seconds: Annotated[
        float,
        typer.Option(
            envvar="LIFESIGN_GATEWAY_DRAIN_SECONDS",
            help="Seconds to keep answering, not ready, after SIGTERM.",
        ),
    ] = Defaults.drain_seconds,
    stop_timeout: Annotated[
        float,
        typer.Option(
            envvar="LIFESIGN_GATEWAY_STOP_TIMEOUT",
            help="Seconds requests may take to finish at the end.",
        ),
    ] = Defaults.stop_timeout_seconds,
    revision: Annotated[
        str, typer.Option(envvar="LIFESIGN_REVISION", help="Source revision shown in lifesign_build_info.")
    ] = Defaults.revision,
    log_level: Annotated[
        str, typer.Option(envvar="LIFESIGN_LOG_LEVEL", help="DEBUG, INFO, WARNING or ERROR.")
    ] = "INFO",
) -> None:
    """Answer "is this face live?" over HTTP, with a model server behind."""
    # NumPy only moves pixels here: its linear algebra need not start a thread per core. And looking for
    # plugins of pydantic would read the metadata of every installed distribution.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from lifesign.gateway.server import serve
    from lifesign.telemetry import configure_logging

    configure_logging(level=log_level)
    serve(
        Defaults(
            target=target,
            model=model,
            model_base_path=model_base_path,
            host=host,
            port=port,
            api_keys_file=api_keys_file,
            max_image_bytes=max_image_bytes,
            max_image_pixels=max_image_pixels,
            max_batch_images=max_batch_images,
            max_batch_bytes=max_batch_bytes,
            max_in_flight=max_in_flight,
            request_timeout_seconds=request_timeout,
            upload_timeout_seconds=upload_timeout,
            decode_threads=decode_threads,
            drain_seconds=drain_seconds,
            stop_timeout_seconds=stop_timeout,
            revision=revision,
        )
    )
