"""The file system as the source of versions: integer folders under a base path."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog

from lifesign.pb.serving_pb2 import ServableVersionPolicy
from lifesign.serving.version_policy import wanted_versions

__all__ = ["FileSystemSource", "WatchedModel", "find_versions"]

_log = structlog.get_logger(__name__)
_INT64 = range(-(2**63), 2**63)


@dataclass(frozen=True)
class WatchedModel:
    """Where a model's versions lie, and which of them it wants."""

    base_path: Path
    policy: ServableVersionPolicy


def find_versions(base_path: Path) -> dict[int, Path]:
    """Return the version folders of a base path: children whose name parses as a 64-bit integer.

    The content is not looked at; everything else is ignored, ``007`` is version 7.

    Raises:
        OSError: the base path is missing or cannot be read.
    """
    found: dict[int, Path] = {}
    for child in sorted(base_path.iterdir()):
        number = _version_number(child.name)
        if number is None or not child.is_dir():
            continue
        if number in found:
            _log.warning("version_twice", version=number, used=child.name, ignored=found[number].name)
        found[number] = child
    return found


def _version_number(name: str) -> int | None:
    digits = name.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        return None
    number = int(name) if len(digits) < 40 else 2**63
    return number if number in _INT64 else None


class FileSystemSource:
    """Polls the base paths of all models and says which versions are wanted.

    A base path that is missing leaves its model as it is (nothing is unloaded because a mount went
    away) and does not hold up other models, which TensorFlow Serving's poll would.
    """

    def __init__(self, aspire: Callable[[str, Mapping[int, Path]], None], *, poll_seconds: float) -> None:
        self._aspire = aspire
        self._poll_seconds = poll_seconds
        self._models: dict[str, WatchedModel] = {}
        self._missing: set[str] = set()
        self._empty: set[str] = set()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def watch(self, models: Mapping[str, WatchedModel]) -> None:
        """Replace the set of watched models and look at once."""
        with self._lock:
            self._models = dict(models)
            self._missing &= set(models)
            self._empty &= set(models)
        self.poll()

    def poll(self) -> None:
        """Look at every base path once."""
        with self._lock:
            for name, model in self._models.items():
                self._poll_model(name, model)

    def _poll_model(self, name: str, model: WatchedModel) -> None:
        try:
            found = find_versions(model.base_path)
        except OSError as error:
            if name not in self._missing:
                self._missing.add(name)
                _log.warning(
                    "model_base_path_missing",
                    model=name,
                    base_path=str(model.base_path),
                    reason=error.strerror,
                    hint="waiting until it appears",
                )
            return
        self._missing.discard(name)
        self._tell_empty(name, model, found)
        wanted = wanted_versions(model.policy, found)
        self._aspire(name, {version: found[version] for version in wanted})

    def _tell_empty(self, name: str, model: WatchedModel, found: Mapping[int, Path]) -> None:
        if found:
            self._empty.discard(name)
        elif name not in self._empty:
            self._empty.add(name)
            _log.warning(
                "model_base_path_empty",
                model=name,
                base_path=str(model.base_path),
                hint="expected a folder named after a version, such as 1; waiting until there is one",
            )

    def start(self) -> None:
        """Poll in the background; 0 seconds means never again, negative ones too."""
        if self._poll_seconds > 0 and self._thread is None:
            self._thread = threading.Thread(target=self._run, name="version-source", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(self._poll_seconds):
            self.poll()

    def stop(self) -> None:
        """End the background polling."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(5.0)
