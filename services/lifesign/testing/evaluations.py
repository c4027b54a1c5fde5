"""Evaluations of ``FakeModelServer``: small requests, and little patience."""

from pathlib import Path
from typing import Any

from lifesign.evaluation.config import EvaluationConfig, evaluation_config
from lifesign.labels import LIVENESS_CLASSES

__all__ = ["small_evaluation"]


def small_evaluation(data: Path, out: Path, target: str, /, **options: Any) -> EvaluationConfig:
    """Return an evaluation of the model ``liveness`` at ``target``: 8 images a request, 2 decode threads.

    ``options`` are fields of ``EvaluationConfig`` and replace what is usual, ``data`` too; it waits 30 s
    for a server.
    """
    defaults = {
        "model": "liveness",
        "class_names": LIVENESS_CLASSES,
        "batch_size": 8,
        "decode_threads": 2,
        "wait_server_seconds": 30,
    }
    return evaluation_config(**{**defaults, "data": data, "out": out, "target": target, **options})
