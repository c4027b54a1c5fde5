"""Loading, swapping and unloading versions without failing a request.

Every model has one thread that compares wanted and present versions and takes one step at a time.
Requests hold a version by reference count: a version that goes is first taken out of the serving map,
and its graph is closed only when the last request has let go.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog

from lifesign.serving import monitor as states
from lifesign.serving.monitor import StateMonitor
from lifesign.serving.servable import LoadServable, Servable
from lifesign.serving.status import Code, ServingError
from lifesign.serving.version_policy import Load, Phase, Unload, VersionView, next_action

__all__ = ["Lease", "ModelManager", "ServableManager"]

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Lease:
    """A version that stays loaded while it is held."""

    model: str
    version: int
    servable: Servable


@dataclass(eq=False)
class _Version:
    number: int
    path: Path
    phase: Phase = Phase.NEW
    servable: Servable | None = None
    references: int = 0


class ModelManager:
    """The versions of one model, kept by one thread of its own."""

    def __init__(
        self,
        name: str,
        *,
        load: LoadServable,
        monitor: StateMonitor,
        load_slots: threading.Semaphore,
        max_load_retries: int,
        load_retry_seconds: float,
    ) -> None:
        self.name = name
        self._load = load
        self._monitor = monitor
        self._load_slots = load_slots
        self._max_load_retries = max_load_retries
        self._load_retry_seconds = load_retry_seconds
        self._versions: dict[int, _Version] = {}
        self._wanted: dict[int, Path] = {}
        self._serving: dict[int, _Version] = {}
        self._stopping = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name=f"model-{name}", daemon=True)
        self._thread.start()

    def want(self, versions: Mapping[int, Path]) -> None:
        """Set the versions that should be served, with their folders; returns at once."""
        with self._changed:
            self._wanted = dict(versions)
            self._changed.notify_all()

    def stop(self) -> None:
        """Unload everything and end the thread once no request holds a version."""
        with self._changed:
            self._wanted = {}
            self._stopping = True
            self._changed.notify_all()

    def join(self, timeout_seconds: float) -> bool:
        """Wait for the thread to end; True when it did."""
        self._thread.join(timeout_seconds)
        return not self._thread.is_alive()

    def available(self) -> tuple[int, ...]:
        """Return the versions that answer now, ascending."""
        with self._changed:
            return tuple(sorted(self._serving))

    @contextmanager
    def lease(self, version: int | None) -> Iterator[Lease]:
        """Hold a version, the highest one available without a number.

        Raises:
            ServingError: NOT_FOUND when it is not available.
        """
        entry, servable = self._acquire(version)
        try:
            yield Lease(self.name, entry.number, servable)
        finally:
            self._release(entry)

    def _acquire(self, version: int | None) -> tuple[_Version, Servable]:
        with self._changed:
            number = max(self._serving, default=None) if version is None else version
            entry = self._serving.get(number) if number is not None else None
            if entry is None or entry.servable is None:
                raise not_found(self.name, version)
            entry.references += 1
            return entry, entry.servable

    def _release(self, entry: _Version) -> None:
        with self._changed:
            entry.references -= 1
            if entry.references == 0 and entry.phase is Phase.UNLOADING:
                self._changed.notify_all()

    def _work(self) -> None:
        while True:
            with self._changed:
                step = self._next_step()
                while step is None:
                    if self._stopping and not self._versions:
                        return
                    self._changed.wait()
                    step = self._next_step()
            step()

    def _next_step(self) -> Callable[[], None] | None:
        self._admit_and_forget()
        for entry in self._versions.values():
            if entry.phase is Phase.UNLOADING and entry.references == 0:
                return partial(self._finish, entry)
        views = [VersionView(v.number, v.phase, v.number in self._wanted) for v in self._versions.values()]
        match next_action(views):
            case Load(version):
                return partial(self._load_version, self._versions[version])
            case Unload(version):
                return partial(self._retire, self._versions[version])
        return None

    def _admit_and_forget(self) -> None:
        for number, path in self._wanted.items():
            if number not in self._versions:
                self._versions[number] = _Version(number, path)
                self._monitor.publish(self.name, number, states.START)
        for number in [n for n, v in self._versions.items() if n not in self._wanted]:
            phase = self._versions[number].phase
            if phase is Phase.NEW:
                self._monitor.publish(self.name, number, states.END)
            # A failed version is tried afresh only after it was unwanted in between.
            if phase in (Phase.NEW, Phase.FAILED):
                del self._versions[number]

    def _load_version(self, entry: _Version) -> None:
        entry.phase = Phase.LOADING
        self._monitor.publish(self.name, entry.number, states.LOADING)
        _log.info("model_loading", model=self.name, version=entry.number, path=str(entry.path))
        try:
            servable = self._load_with_retries(entry)
        except ServingError as error:
            self._fail(entry, error)
            return
        with self._changed:
            entry.servable = servable
            entry.phase = Phase.READY
            self._serving[entry.number] = entry
        # Reachable first, AVAILABLE after: whoever reads the state can call it.
        self._monitor.publish(self.name, entry.number, states.AVAILABLE)
        _log.info("model_available", model=self.name, version=entry.number)

    def _load_with_retries(self, entry: _Version) -> Servable:
        attempt = 0
        while True:
            try:
                with self._load_slots:
                    return self._load(self.name, entry.number, entry.path)
            except ServingError as error:
                failure = error
            except Exception as error:
                _log.exception("model_load_crashed", model=self.name, version=entry.number)
                failure = ServingError(Code.INTERNAL, f"{type(error).__name__}: {error}")
            attempt += 1
            if attempt > self._max_load_retries or not self._wait_for_retry(entry.number):
                raise failure
            _log.warning("model_load_retry", model=self.name, version=entry.number, attempt=attempt)

    def _wait_for_retry(self, number: int) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: number not in self._wanted, self._load_retry_seconds)
            return number in self._wanted

    def _fail(self, entry: _Version, error: ServingError) -> None:
        with self._changed:
            entry.phase = Phase.FAILED
        _log.error(
            "model_load_failed",
            model=self.name,
            version=entry.number,
            code=error.code.name,
            reason=error.message,
        )
        self._monitor.publish(self.name, entry.number, states.END, code=error.code, message=error.message)

    def _retire(self, entry: _Version) -> None:
        # UNLOADING is published before the version is unreachable, so no reader of the state gets a dead one.
        self._monitor.publish(self.name, entry.number, states.UNLOADING)
        with self._changed:
            del self._serving[entry.number]
            entry.phase = Phase.UNLOADING

    def _finish(self, entry: _Version) -> None:
        if entry.servable is not None:
            entry.servable.close()
            entry.servable = None
        with self._changed:
            del self._versions[entry.number]
        self._monitor.publish(self.name, entry.number, states.END)
        _log.info("model_unloaded", model=self.name, version=entry.number)


def not_found(model: str, version: int | None) -> ServingError:
    """Return the error for a model or version that is not available."""
    wanted = f"Latest({model})" if version is None else f"Specific({model}, {version})"
    return ServingError(Code.NOT_FOUND, f"Servable not found for request: {wanted}")


class ServableManager:
    """All models of the server."""

    def __init__(
        self,
        load: LoadServable,
        monitor: StateMonitor,
        *,
        max_load_retries: int,
        load_retry_seconds: float,
        load_threads: int,
    ) -> None:
        self._load = load
        self._monitor = monitor
        self._max_load_retries = max_load_retries
        self._load_retry_seconds = load_retry_seconds
        self._load_slots = threading.Semaphore(max(1, load_threads))
        self._models: dict[str, ModelManager] = {}
        self._lock = threading.Lock()

    def want(self, model: str, versions: Mapping[int, Path]) -> None:
        """Set the versions that a model should serve; the model is added if it is new."""
        with self._lock:
            manager = self._models.get(model)
            if manager is None:
                manager = self._models[model] = ModelManager(
                    model,
                    load=self._load,
                    monitor=self._monitor,
                    load_slots=self._load_slots,
                    max_load_retries=self._max_load_retries,
                    load_retry_seconds=self._load_retry_seconds,
                )
            manager.want(versions)

    def remove(self, model: str) -> None:
        """Unload a model and all its versions."""
        # The manager stays: should the model come back, one thread orders the events of both lives.
        with self._lock:
            manager = self._models.get(model)
        if manager is not None:
            manager.want({})

    def lease(self, model: str, version: int | None) -> AbstractContextManager[Lease]:
        """Hold a version for one request; see ``ModelManager.lease``."""
        with self._lock:
            manager = self._models.get(model)
        if manager is None:
            raise not_found(model, version)
        return manager.lease(version)

    def available(self, model: str) -> tuple[int, ...]:
        """Return the versions of a model that answer now, ascending."""
        with self._lock:
            manager = self._models.get(model)
        return manager.available() if manager else ()

    def stop(self, timeout_seconds: float) -> None:
        """Unload all models, waiting for requests that still hold one."""
        with self._lock:
            managers = list(self._models.values())
            self._models = {}
        for manager in managers:
            manager.stop()
        for manager in managers:
            manager.join(timeout_seconds)
