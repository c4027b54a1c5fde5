"""TensorFlow Serving's instruments under their own names, and their text exposition.

The names start with a colon and counters have no ``_total``, which common client libraries do not
allow: dashboards made for TensorFlow Serving read these exactly as they are.
"""

import threading
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

__all__ = ["LATENCY_BUCKETS", "Counter", "Histogram", "Instruments", "Text", "render"]

LATENCY_BUCKETS: Final = tuple(10 * 1.8**exponent for exponent in range(33))
"""Upper bounds in microseconds: 10 µs growing by 1.8, up to about 45 minutes."""

_SIZE_BUCKETS: Final = tuple(float(2**exponent) for exponent in range(17))


@dataclass(frozen=True)
class Text:
    """One instrument's kind and its sample lines, without the name's ``# TYPE`` line."""

    name: str
    kind: str
    lines: tuple[str, ...]


@dataclass(eq=False)
class Counter:
    """A count that only grows; label values come in the order of ``labels``."""

    name: str
    labels: tuple[str, ...] = ()
    _values: dict[tuple[str, ...], int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, *values: str, amount: int = 1) -> None:
        """Add to the count of these label values."""
        with self._lock:
            self._values[values] = self._values.get(values, 0) + amount

    def value(self, *values: str) -> int:
        """Return the count of these label values, 0 before the first."""
        with self._lock:
            return self._values.get(values, 0)

    def total(self) -> int:
        """Return the sum over all label values."""
        with self._lock:
            return sum(self._values.values())

    def text(self) -> Text:
        """Return the exposition of this instrument."""
        with self._lock:
            samples = sorted(self._values.items())
        lines = tuple(f"{self.name}{_braces(self.labels, values)} {count}" for values, count in samples)
        return Text(self.name, "counter", lines)


@dataclass(eq=False)
class Histogram:
    """Counts of observations per bucket; ``bounds`` are upper limits, +Inf is implied."""

    name: str
    labels: tuple[str, ...] = ()
    bounds: Sequence[float] = LATENCY_BUCKETS
    _cells: dict[tuple[str, ...], list[int]] = field(default_factory=dict)
    _sums: dict[tuple[str, ...], float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def observe(self, value: float, *values: str) -> None:
        """Count one observation under these label values."""
        index = bisect_left(self.bounds, value)
        with self._lock:
            cells = self._cells.setdefault(values, [0] * (len(self.bounds) + 1))
            cells[index] += 1
            self._sums[values] = self._sums.get(values, 0.0) + value

    def count(self, *values: str) -> int:
        """Return how many observations these label values have."""
        with self._lock:
            return sum(self._cells.get(values, ()))

    def text(self) -> Text:
        """Return the exposition of this instrument, with cumulative buckets."""
        with self._lock:
            samples = [
                (values, list(cells), self._sums[values]) for values, cells in sorted(self._cells.items())
            ]
        lines: list[str] = []
        for values, cells, total in samples:
            running = 0
            for bound, cell in zip([*(f"{b:g}" for b in self.bounds), "+Inf"], cells, strict=True):
                running += cell
                labels = _braces((*self.labels, "le"), (*values, bound))
                lines.append(f"{self.name}_bucket{labels} {running}")
            labels = _braces(self.labels, values)
            lines.append(f"{self.name}_sum{labels} {total:g}")
            lines.append(f"{self.name}_count{labels} {running}")
        return Text(self.name, "histogram", tuple(lines))


def _braces(names: Sequence[str], values: Sequence[str]) -> str:
    pairs = (f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True))
    return "{" + ",".join(pairs) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


_SERVING: Final = ":tensorflow:serving:"


@dataclass(frozen=True)
class Instruments:
    """Everything that one server counts; latencies are microseconds."""

    request_count: Counter = field(
        default_factory=lambda: Counter(f"{_SERVING}request_count", ("model_name", "status"))
    )
    request_latency: Histogram = field(
        default_factory=lambda: Histogram(f"{_SERVING}request_latency", ("model_name", "API", "entrypoint"))
    )
    runtime_latency: Histogram = field(
        default_factory=lambda: Histogram(f"{_SERVING}runtime_latency", ("model_name", "API", "runtime"))
    )
    model_warmup_latency: Histogram = field(
        default_factory=lambda: Histogram(f"{_SERVING}model_warmup_latency", ("model_path", "status"))
    )
    model_warmup_records_read: Counter = field(
        default_factory=lambda: Counter(f"{_SERVING}model_warmup_records_read", ("model_path", "status"))
    )
    queuing_latency: Histogram = field(
        default_factory=lambda: Histogram(
            f"{_SERVING}batching_session:queuing_latency", ("thread_pool_name",)
        )
    )
    wrapped_run_count: Counter = field(
        default_factory=lambda: Counter(f"{_SERVING}batching_session:wrapped_run_count")
    )
    padding_size: Histogram = field(
        default_factory=lambda: Histogram(
            f"{_SERVING}batching_session:padding_size", ("execution_batch_size",), _SIZE_BUCKETS
        )
    )
    input_batch_size: Histogram = field(
        default_factory=lambda: Histogram(f"{_SERVING}batching_session:input_batch_size", (), _SIZE_BUCKETS)
    )
    processed_batch_size: Histogram = field(
        default_factory=lambda: Histogram(
            f"{_SERVING}batching_session:processed_batch_size", (), _SIZE_BUCKETS
        )
    )
    load_attempt_count: Counter = field(
        default_factory=lambda: Counter(
            ":tensorflow:cc:saved_model:load_attempt_count", ("model_path", "status")
        )
    )
    load_latency: Counter = field(
        default_factory=lambda: Counter(":tensorflow:cc:saved_model:load_latency", ("model_path",))
    )
    graph_runs: Counter = field(default_factory=lambda: Counter(":tensorflow:core:graph_runs"))

    def all(self) -> tuple[Counter | Histogram, ...]:
        """Return every instrument, in the order of their declaration."""
        return tuple(getattr(self, name) for name in self.__dataclass_fields__)


def render(instruments: Instruments) -> str:
    """Return the page that Prometheus scrapes."""
    page: list[str] = []
    for instrument in instruments.all():
        text = instrument.text()
        page.append(f"# TYPE {text.name} {text.kind}")
        page.extend(text.lines)
    return "\n".join(page) + "\n"
