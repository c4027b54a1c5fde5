"""``lifesign monitor``: evaluate on demand and on a schedule, and say what came of it."""

import signal
import socket
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

__all__ = ["command"]


def command(
    schedules: Annotated[
        Path | None,
        typer.Option(
            "--schedules", help="YAML file of evaluations and schedules. [LIFESIGN_MONITOR_SCHEDULES_FILE]"
        ),
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on. [LIFESIGN_MONITOR_HOST; 127.0.0.1]")
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Port to listen on, 0: any free one. [LIFESIGN_MONITOR_PORT; 8090]")
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Folder of runs and of the SQLite file. [LIFESIGN_MONITOR_DATA_DIR; monitor]"),
    ] = None,
    database_url: Annotated[
        str | None,
        typer.Option(help="Database instead of SQLite in the data folder. [LIFESIGN_MONITOR_DATABASE_URL]"),
    ] = None,
    log_level: Annotated[
        str | None, typer.Option(help="DEBUG, INFO, WARNING or ERROR. [LIFESIGN_MONITOR_LOG_LEVEL; INFO]")
    ] = None,
) -> None:
    """Run the evaluation service: HTTP interface, schedules, instruments, list of reports."""
    from lifesign.evaluation.monitor.service import open_monitor
    from lifesign.evaluation.monitor.settings import monitor_settings
    from lifesign.evaluation.service import evaluate
    from lifesign.listening import listen
    from lifesign.telemetry import configure_logging

    # Also after the server has drained, when uvicorn hands the signal on: told to stop, stopped, no error.
    for told in (signal.SIGTERM, signal.SIGINT):
        signal.signal(told, _leave)
    settings = monitor_settings(
        schedules_file=schedules,
        host=host,
        port=port,
        data_dir=data_dir,
        database_url=database_url,
        log_level=log_level,
    )
    configure_logging(level=settings.log_level)
    with listen(settings.host, settings.port) as listener:
        _serve(open_monitor(settings, evaluate=evaluate), listener)


def _serve(monitor: Any, listener: socket.socket) -> None:
    import uvicorn

    from lifesign.evaluation.monitor.app import create_app
    from lifesign.telemetry import get_logger

    config = uvicorn.Config(
        create_app(monitor),
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=10,
    )
    host, port = listener.getsockname()[:2]
    get_logger("monitor").info(
        "listening",
        host=host,
        port=port,
        evaluations=len(monitor.book.evaluations),
        schedules=len(monitor.book.schedules),
    )
    try:
        uvicorn.Server(config).run(sockets=[listener])
    finally:
        get_logger("monitor").info("stopped")


def _leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)
