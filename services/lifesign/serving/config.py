"""Config files in protobuf text form, as TensorFlow Serving reads them."""

from pathlib import Path
from typing import TypeVar

from google.protobuf import text_format
from google.protobuf.message import Message

from lifesign.errors import ConfigurationError
from lifesign.pb import config_pb2
from lifesign.pb.serving_pb2 import ModelConfig, ModelServerConfig
from lifesign.serving.batch_scheduler import BatchingParameters

__all__ = ["read_batching_file", "read_model_config_file", "read_monitoring_file", "single_model_config"]

_DEFAULT_METRICS_PATH = "/monitoring/prometheus/metrics"
_Message = TypeVar("_Message", bound=Message)


def _read(path: Path, message: _Message) -> _Message:
    try:
        return text_format.Parse(path.read_text("utf-8"), message)
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror}") from error
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is no text {message.DESCRIPTOR.name}: {error}") from error


def read_model_config_file(path: Path) -> ModelServerConfig:
    """Read the file of ``--model_config_file``.

    Raises:
        ConfigurationError: the file is missing or does not parse.
    """
    return _read(path, ModelServerConfig())


def read_monitoring_file(path: Path) -> str | None:
    """Return the metrics path that a ``--monitoring_config_file`` enables, ``None`` when it enables none."""
    prometheus = _read(path, config_pb2.MonitoringConfig()).prometheus_config
    return (prometheus.path or _DEFAULT_METRICS_PATH) if prometheus.enable else None


def read_batching_file(path: Path) -> BatchingParameters:
    """Read the file of ``--batching_parameters_file``; absent fields keep their defaults."""
    message = _read(path, config_pb2.BatchingParameters())
    given = {
        name: getattr(message, name).value
        for name in (
            "max_batch_size",
            "batch_timeout_micros",
            "max_enqueued_batches",
            "num_batch_threads",
            "thread_pool_name",
            "enable_large_batch_splitting",
            "max_execution_batch_size",
        )
        if message.HasField(name)
    }
    return BatchingParameters(
        allowed_batch_sizes=tuple(message.allowed_batch_sizes),
        pad_variable_length_inputs=message.pad_variable_length_inputs,
        **{"thread_pool_name": "batch_threads", **given},
    )


def single_model_config(name: str, base_path: Path) -> ModelServerConfig:
    """Return the config that ``--model_name`` and ``--model_base_path`` stand for."""
    model = ModelConfig(name=name, base_path=str(base_path.absolute()), model_platform="tensorflow")
    config = ModelServerConfig()
    config.model_config_list.config.append(model)
    return config
