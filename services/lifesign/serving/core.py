"""The server behind its two protocols: which models there are, and which version answers a request."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

import structlog

from lifesign.pb import serving_pb2
from lifesign.pb.serving_pb2 import ModelServerConfig, ModelSpec
from lifesign.serving.instruments import Instruments
from lifesign.serving.manager import Lease, ServableManager
from lifesign.serving.monitor import AVAILABLE, END, StateMonitor, VersionState
from lifesign.serving.servable import LoadServable
from lifesign.serving.settings import ServerSettings
from lifesign.serving.source import FileSystemSource, WatchedModel
from lifesign.serving.status import Code, ServingError

__all__ = ["ServerCore"]

_log = structlog.get_logger(__name__)
_PLATFORM: Final = "tensorflow"


class ServerCore:
    """Models, versions and labels of one server; safe for many threads."""

    def __init__(
        self, settings: ServerSettings, load: LoadServable, instruments: Instruments, *, load_threads: int
    ) -> None:
        self.instruments = instruments
        self.monitor = StateMonitor()
        self._allow_unavailable_labels = settings.allow_version_labels_for_unavailable_models
        self._manager = ServableManager(
            load,
            self.monitor,
            max_load_retries=settings.max_num_load_retries,
            load_retry_seconds=settings.load_retry_interval_micros / 1e6,
            load_threads=load_threads,
        )
        self._source = FileSystemSource(
            self._manager.want, poll_seconds=settings.file_system_poll_wait_seconds
        )
        self._config = ModelServerConfig()
        self._labels: dict[str, dict[str, int]] = {}
        self._lock = threading.Lock()

    def apply_config(
        self, config: ModelServerConfig, *, keep_waiting: Callable[[], bool] = lambda: True
    ) -> None:
        """Serve exactly the models of ``config``; return when each new one has settled.

        A refused config changes nothing. The wait for new models holds no lock, so a model whose folder
        never appears does not block later reloads.

        Raises:
            ServingError: the config is refused, or a new model could not be loaded.
        """
        with self._lock:
            self._check(config)
            labels = self._resolve_labels(config)
            known = {model.name for model in self._config.model_config_list.config}
            wanted = {model.name: model for model in config.model_config_list.config}
            mark = self.monitor.mark()
            self._labels = labels
            self._config = config
            for name in known - set(wanted):
                self._manager.remove(name)
            self._source.watch(
                {
                    name: WatchedModel(Path(model.base_path), model.model_version_policy)
                    for name, model in wanted.items()
                }
            )
        new = set(wanted) - known
        if self.monitor.wait_settled(new, since=mark, keep_waiting=keep_waiting):
            self._check_loaded(new, mark)

    def start_polling(self) -> None:
        """Watch the file system from now on."""
        self._source.start()

    def stop(self, timeout_seconds: float) -> None:
        """Stop watching and unload everything that requests have let go of."""
        self._source.stop()
        self._manager.stop(timeout_seconds)

    def lease(self, spec: ModelSpec) -> AbstractContextManager[Lease]:
        """Hold the version that a request means.

        Raises:
            ServingError: no name, an unknown label, or a version that is not available.
        """
        if not spec.name:
            raise ServingError(Code.INVALID_ARGUMENT, "ModelSpec has no name specified.")
        return self._manager.lease(spec.name, self._version(spec))

    def _version(self, spec: ModelSpec) -> int | None:
        choice = spec.WhichOneof("version_choice")
        if choice == "version":
            return spec.version.value
        if choice != "version_label":
            return None
        version = self._labels.get(spec.name, {}).get(spec.version_label)
        if version is None:
            raise ServingError(
                Code.INVALID_ARGUMENT, f"Unrecognized servable version label: {spec.version_label}"
            )
        return version

    def version_states(self, spec: ModelSpec) -> tuple[VersionState, ...]:
        """Return the states of a model's versions, newest first; a label is ignored.

        Raises:
            ServingError: NOT_FOUND, no such model or version was ever seen.
        """
        entries = self.monitor.states(spec.name)
        if not entries:
            raise ServingError(Code.NOT_FOUND, f"Could not find any versions of model {spec.name}")
        if spec.WhichOneof("version_choice") != "version":
            return entries
        chosen = tuple(entry for entry in entries if entry.version == spec.version.value)
        if not chosen:
            raise ServingError(
                Code.NOT_FOUND, f"Could not find version {spec.version.value} of model {spec.name}"
            )
        return chosen

    def _check(self, config: ModelServerConfig) -> None:
        if config.WhichOneof("config") != "model_config_list":
            raise ServingError(
                Code.INVALID_ARGUMENT,
                "Model Config must be of the form model_config_list, got another or none.",
            )
        current = {model.name: model for model in self._config.model_config_list.config}
        seen: set[str] = set()
        for model in config.model_config_list.config:
            if model.name in seen:
                raise ServingError(
                    Code.INVALID_ARGUMENT, f"Illegal to list model {model.name} multiple times in config list"
                )
            seen.add(model.name)
            _check_model(model, current.get(model.name))

    def _resolve_labels(self, config: ModelServerConfig) -> dict[str, dict[str, int]]:
        labels = {m.name: dict(m.version_labels) for m in config.model_config_list.config}
        for model, wanted in labels.items():
            available = self._manager.available(model)
            for label, version in wanted.items():
                if version in available or self._may_name_unavailable(model, label, version):
                    continue
                raise ServingError(
                    Code.FAILED_PRECONDITION,
                    f"Request to assign label to version {version} of model {model}, which is not currently "
                    "available for inference",
                )
        return labels

    def _may_name_unavailable(self, model: str, label: str, version: int) -> bool:
        current = self._labels.get(model, {}).get(label, version)
        return self._allow_unavailable_labels and current == version

    def _check_loaded(self, models: set[str], mark: int) -> None:
        failed: list[str] = []
        for model in sorted(models):
            entries = [entry for entry in self.monitor.states(model) if entry.sequence > mark]
            if any(entry.state == AVAILABLE for entry in entries):
                continue
            failed.extend(
                f"{{{{name: {model} version: {entry.version}}} due to error: "
                f"{entry.code.name}: {entry.message}}}"
                for entry in entries
                if entry.state == END and entry.code is not Code.OK
            )
        if failed:
            raise ServingError(
                Code.UNKNOWN,
                f"{len(failed)} servable(s) did not become available: {{{', '.join(failed)}, }}",
            )


def _check_model(model: serving_pb2.ModelConfig, current: serving_pb2.ModelConfig | None) -> None:
    if not Path(model.base_path).is_absolute():
        raise ServingError(
            Code.INVALID_ARGUMENT,
            f"Expected model {model.name} to have an absolute path or URI; got base_path()={model.base_path}",
        )
    if current is not None and current.model_platform != model.model_platform:
        raise ServingError(
            Code.FAILED_PRECONDITION,
            f"Illegal to change a model's platform. For model {model.name} platform was "
            f"{current.model_platform} and new platform requested is {model.model_platform}",
        )
    if not model.model_platform:
        raise ServingError(
            Code.INVALID_ARGUMENT,
            f"Illegal setting neither ModelServerConfig::model_platform of {model.name}",
        )
    if model.model_platform != _PLATFORM:
        raise ServingError(
            Code.INVALID_ARGUMENT,
            f"ModelServer config for model {model.name} uses an unknown model_platform: "
            f"{model.model_platform}",
        )
