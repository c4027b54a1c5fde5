"""How a run was carried out, out of ``performance.json``: latency, throughput, sessions.

These facts differ from run to run and are therefore not part of the report document.
"""

import math
from collections.abc import Mapping
from typing import Any

__all__ = ["execution_facts", "latency_rows"]

_LATENCY = "request_latency_seconds"
_NAMES = {"p50": "median", "p95": "95 %", "p99": "99 %", "max": "slowest"}


def latency_rows(performance: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return latencies in milliseconds, with what part of the requests they cover."""
    found = performance.get(_LATENCY)
    if not isinstance(found, Mapping):
        return []
    return [
        (_NAMES.get(name, str(name)), f"{1000 * value:.1f} ms")
        for name, value in found.items()
        if isinstance(value, int | float) and math.isfinite(value)
    ]


def execution_facts(performance: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return all other facts as lines: ``sessions 1: seconds`` and its value."""
    return _facts({name: value for name, value in performance.items() if name != _LATENCY}, "")


def _facts(values: Mapping[str, Any], prefix: str) -> list[tuple[str, str]]:
    facts: list[tuple[str, str]] = []
    for key, value in values.items():
        name = f"{prefix}{key.replace('_', ' ')}"
        if isinstance(value, Mapping):
            facts += _facts(value, f"{name}: ")
        elif isinstance(value, list | tuple):
            facts += _facts({str(number): part for number, part in enumerate(value, 1)}, f"{name} ")
        elif value is not None:
            facts.append((name, _fact(value)))
    return facts


def _fact(value: Any) -> str:
    if isinstance(value, float):
        return "n/a" if math.isnan(value) else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
