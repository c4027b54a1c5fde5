"""The model server: models first, ports after, and a way out that fails no request."""

import os
import socket
import threading
from types import TracebackType
from typing import Self

import structlog

from lifesign.errors import ConfigurationError, LifesignError
from lifesign.pb.serving_pb2 import ModelServerConfig
from lifesign.serving.batch_scheduler import BatchScheduler
from lifesign.serving.calls import Calls
from lifesign.serving.config import read_model_config_file, single_model_config
from lifesign.serving.core import ServerCore
from lifesign.serving.grpc_api import GrpcApi
from lifesign.serving.instruments import Instruments
from lifesign.serving.rest_api import RestApi
from lifesign.serving.rest_server import RestServer
from lifesign.serving.settings import ServerSettings

__all__ = ["ModelServer"]

_log = structlog.get_logger(__name__)


class ModelServer:
    """A TensorFlow-Serving-compatible server inside this process.

    >>> settings = ServerSettings(model_base_path=base, model_name="m", port=0, rest_api_port=0)
    >>> with ModelServer(settings) as server:  # doctest: +SKIP
    ...     PredictionClient(f"127.0.0.1:{server.grpc_port}", model="m")
    """

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self.instruments = Instruments()
        self._scheduler: BatchScheduler | None = None
        self._core: ServerCore | None = None
        self._grpc: GrpcApi | None = None
        self._rest: RestServer | None = None
        self._grpc_port = 0
        self._stopping = threading.Event()
        self._config_watcher: threading.Thread | None = None

    @property
    def grpc_port(self) -> int:
        """Port of the gRPC service; 0 before ``start``."""
        return self._grpc_port

    @property
    def rest_port(self) -> int | None:
        """Port of the REST service, ``None`` when it has none."""
        return self._rest.port if self._rest else None

    def start(self) -> None:
        """Load the models, then open the ports; returns when both can be called.

        A missing base path is waited for, until ``stop`` is called from another thread.

        Raises:
            ServingError: a model could not be loaded.
            ConfigurationError: a port is taken, or a config file is wrong.
        """
        settings = self._settings
        config = self._read_config()
        try:
            self._reserve_ports()
            if settings.batching is not None:
                self._scheduler = BatchScheduler(settings.batching, self.instruments)
            core = self._core = self._build_core()
            core.start_polling()
            core.apply_config(config, keep_waiting=lambda: not self._stopping.is_set())
            if not self._stopping.is_set():
                self._open_ports(core)
        except BaseException:
            self.stop(0.0)
            raise

    def _build_core(self) -> ServerCore:
        # TensorFlow comes in here and not with the module: settings, help and errors need none of it.
        from lifesign.serving.loading import VersionLoader

        load = VersionLoader(self._settings, self.instruments, self._scheduler)
        threads = self._settings.num_load_threads or 1
        return ServerCore(self._settings, load, self.instruments, load_threads=threads)

    def _read_config(self) -> ModelServerConfig:
        settings = self._settings
        if settings.model_config_file is not None:
            return read_model_config_file(settings.model_config_file)
        assert settings.model_base_path is not None
        return single_model_config(settings.model_name, settings.model_base_path)

    def _reserve_ports(self) -> None:
        """Find out about busy ports before the models are loaded, not after."""
        settings = self._settings
        _check_port_free(settings.host, settings.port)
        if settings.rest_api_port is not None:
            self._rest = RestServer(settings.host, settings.rest_api_port)

    def _open_ports(self, core: ServerCore) -> None:
        settings = self._settings
        calls = Calls(core, tensor_content=settings.enable_serialization_as_tensor_content)
        threads = 4 * (os.cpu_count() or 1)
        grpc_api = GrpcApi(calls, threads=settings.grpc_max_threads or max(threads, _batch_threads(settings)))
        self._grpc_port = grpc_api.start(settings.host, settings.port)
        self._grpc = grpc_api
        if self._rest is not None:
            api = RestApi(
                calls,
                timeout_seconds=settings.rest_api_timeout_in_ms / 1000,
                threads=settings.rest_api_num_threads or max(threads, _batch_threads(settings)),
                monitoring_path=settings.monitoring_path,
            )
            self._rest.start(api)
        if settings.model_config_file is not None and settings.model_config_file_poll_wait_seconds > 0:
            self._config_watcher = threading.Thread(target=self._watch_config, name="config", daemon=True)
            self._config_watcher.start()
        _log.info("server_started", grpc_port=self._grpc_port, rest_port=self.rest_port)

    def _watch_config(self) -> None:
        current = self._read_config()
        while not self._stopping.wait(self._settings.model_config_file_poll_wait_seconds):
            try:
                config = self._read_config()
                if config != current and self._core is not None:
                    self._core.apply_config(config, keep_waiting=lambda: not self._stopping.is_set())
                current = config
            except LifesignError as error:
                _log.warning("model_config_refused", reason=str(error))

    def request_stop(self) -> None:
        """Make ``wait`` and a ``start`` that still waits for models return; for signal handlers."""
        self._stopping.set()

    def wait(self) -> None:
        """Block until ``request_stop`` or ``stop`` is called."""
        # Short waits: an untimed one in the main thread would hold back signal handlers on some systems.
        while not self._stopping.wait(0.5):
            pass

    def stop(self, grace_seconds: float | None = None) -> None:
        """Refuse new calls, let running ones end within the grace (seconds), free the models; idempotent."""
        grace = self._settings.drain_seconds if grace_seconds is None else grace_seconds
        self._stopping.set()
        if self._grpc is not None:
            self._grpc.stop(grace)
        if self._rest is not None:
            self._rest.stop(grace)
        if self._core is not None:
            self._core.stop(max(grace, 1.0))
        if self._scheduler is not None:
            self._scheduler.stop()
        self._grpc = self._core = self._scheduler = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _batch_threads(settings: ServerSettings) -> int:
    """Each waiting request holds a thread: room for two full batches, within reason."""
    return min(2 * settings.batching.run_size, 256) if settings.batching is not None else 0


def _check_port_free(host: str, port: int) -> None:
    if not 0 <= port <= 65535:
        raise ConfigurationError(f"--port must be 0–65535, got {port}")
    if port == 0:
        return
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConfigurationError(
                f"cannot open gRPC port {host}:{port} ({error.strerror}); choose another with --port"
            ) from error
