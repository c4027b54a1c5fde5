"""How a run was carried out, out of ``performance.json``: latency, throughput, sessions, waiting.

These facts differ from run to run and are therefore not part of the report document.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["SessionRow", "execution_facts", "latency_rows", "session_rows"]

_LATENCY, _SESSIONS = "request_latency_seconds", "sessions"
_NAMES = {"p50": "median", "p95": "95 %", "p99": "99 %", "max": "slowest"}


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One process of a run; ``pauses`` counts its waits before it asked again, by gRPC status."""

    samples: str
    seconds: str
    images_per_second: str
    pauses: str


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
    """Return the facts that are neither latency nor sessions as lines: a name and its value."""
    return _facts(
        {name: value for name, value in performance.items() if name not in (_LATENCY, _SESSIONS)}, ""
    )


def session_rows(performance: Mapping[str, Any]) -> list[SessionRow]:
    """Return what each process did: more than one where a run was interrupted and continued."""
    found = performance.get(_SESSIONS)
    sessions = [one for one in found if isinstance(one, Mapping)] if isinstance(found, list | tuple) else []
    return [
        SessionRow(
            samples=_known(one.get("samples")),
            seconds=_known(one.get("seconds")),
            images_per_second=_known(one.get("images_per_second")),
            pauses=_pauses(one.get("pauses")),
        )
        for one in sessions
    ]


def _known(value: Any) -> str:
    return "–" if value is None else _fact(value)


def _pauses(counts: Any) -> str:
    if not isinstance(counts, Mapping):
        return "not counted"
    return ", ".join(f"{code} {_fact(count)}" for code, count in counts.items()) or "never"


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
