"""How fast a run was: never part of the report, which must not differ from run to run."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lifesign.evaluation.replay.predictions import read_predictions
from lifesign.evaluation.replay.run_folder import RunRecord

__all__ = ["PERFORMANCE_FILE", "Session", "measured_performance", "read_performance"]

PERFORMANCE_FILE = "performance.json"
"""The file in the folder of a report that has the timings."""
_QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}


@dataclass(frozen=True)
class Session:
    """What one process replayed: ``samples`` in ``seconds`` of wall time.

    ``pauses`` counts by gRPC status how often it waited before it asked the server again; ``None`` where that
    is not known.
    """

    samples: int
    seconds: float
    pauses: Mapping[str, int] | None = None


def measured_performance(run_dir: Path, record: RunRecord, session: Session | None) -> dict[str, Any]:
    """Return the timings of all sessions of a run, the last one ``session``, as JSON values.

    Latencies of requests are in seconds; without any they are ``None``, as is the rate without a session.
    """
    sessions = _earlier_sessions(run_dir)
    if session is not None and session.samples:
        sessions.append(_timed(session))
    return {
        "started_at": record.started_at,
        "images_per_second": sessions[-1]["images_per_second"] if sessions else None,
        "sessions": sessions,
        "request_latency_seconds": _latencies(run_dir),
    }


def read_performance(run_dir: Path) -> dict[str, Any] | None:
    """Return the timings that were written; ``None`` where none can be read."""
    try:
        found = json.loads((run_dir / PERFORMANCE_FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _earlier_sessions(run_dir: Path) -> list[dict[str, Any]]:
    found = (read_performance(run_dir) or {}).get("sessions")
    return list(found) if isinstance(found, list) else []


def _timed(session: Session) -> dict[str, Any]:
    rate = session.samples / session.seconds if session.seconds > 0 else None
    pauses = {} if session.pauses is None else {"pauses": dict(session.pauses)}
    return {
        "samples": session.samples,
        "seconds": session.seconds,
        "images_per_second": rate,
        **pauses,
    }


def _latencies(run_dir: Path) -> dict[str, float | None]:
    tables = read_predictions(run_dir, ["latency_seconds"])
    seconds = np.concatenate([np.zeros(0, np.float32), *map(_seconds, tables)])
    return {name: float(np.quantile(seconds, q)) if len(seconds) else None for name, q in _QUANTILES.items()}


def _seconds(table: pa.Table) -> NDArray[np.float32]:
    found: NDArray[np.float32] = table["latency_seconds"].drop_null().to_numpy()
    return found
