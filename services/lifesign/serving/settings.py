"""What a model server process is told: TensorFlow Serving's flags by their own names."""

from dataclasses import dataclass, field
from pathlib import Path

from lifesign.errors import ConfigurationError
from lifesign.serving.batch_scheduler import BatchingParameters

__all__ = ["ServerSettings"]


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """Settings of one server; field names are the flags of ``tensorflow_model_server``.

    Ports: 0 lets the system choose (``ModelServer.grpc_port`` and ``.rest_port`` tell which); a
    ``rest_api_port`` of ``None`` opens no REST port. Either ``model_config_file`` or ``model_base_path``
    is needed; the file wins, as in TensorFlow Serving. ``freeze``, ``host`` and ``drain_seconds`` are ours.
    """

    model_base_path: Path | None = None
    model_name: str = "default"
    model_config_file: Path | None = None
    model_config_file_poll_wait_seconds: float = 0.0
    host: str = "0.0.0.0"
    port: int = 8500
    rest_api_port: int | None = 8501
    rest_api_timeout_in_ms: int = 30_000
    file_system_poll_wait_seconds: float = 1.0
    max_num_load_retries: int = 5
    load_retry_interval_micros: int = 60_000_000
    num_load_threads: int = 0
    grpc_max_threads: int = 0
    rest_api_num_threads: int = 0
    batching: BatchingParameters | None = None
    monitoring_path: str | None = None
    enable_model_warmup: bool = True
    num_request_iterations_for_warmup: int = 1
    enable_serialization_as_tensor_content: bool = False
    allow_version_labels_for_unavailable_models: bool = False
    saved_model_tags: frozenset[str] = field(default_factory=lambda: frozenset({"serve"}))
    tensorflow_intra_op_parallelism: int = 0
    tensorflow_inter_op_parallelism: int = 0
    per_process_gpu_memory_fraction: float = 0.0
    freeze: bool = True
    drain_seconds: float = 10.0

    def __post_init__(self) -> None:
        if self.model_base_path is None and self.model_config_file is None:
            raise ConfigurationError("expected --model_base_path or --model_config_file, got neither")
        if self.port == self.rest_api_port and self.port != 0:
            raise ConfigurationError(f"--port and --rest_api_port must differ, both are {self.port}")
