"""What each epoch measured, and its files."""

import csv
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from lifesign_training.storage import write_text

__all__ = ["EpochRecord", "best_epoch", "is_stalled", "read_history", "write_history"]


@dataclass(frozen=True)
class EpochRecord:
    """One epoch, counted from 1. Losses are cross-entropies in nats, accuracies and AUC 0–1, more is better.

    The training loss is weighted, smoothed and averaged while the weights move; the development loss is
    plain and comes after the epoch. ``dev_auc`` and ``dev_eer`` (0–1, less is better) are ``None`` unless the
    task is liveness. The mean squared error is over samples and classes, of probabilities against one-hot
    labels, as Keras computes it; older histories lack what has a default.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    dev_loss: float
    dev_accuracy: float
    dev_auc: float | None
    learning_rate: float
    seconds: float
    train_mse: float | None = None
    dev_mse: float | None = None
    dev_balanced_accuracy: float | None = None
    dev_eer: float | None = None


def best_epoch(history: Sequence[EpochRecord], select_by: str) -> int:
    """Return the epoch that is kept: the best by that metric, ties to the smaller loss, then the earlier."""
    return max(history, key=lambda record: (_goodness(record, select_by), -record.dev_loss)).epoch


def _goodness(record: EpochRecord, select_by: str) -> float:
    """Return the metric that decides, more is better; errors and losses are negated, unmeasured is −∞."""
    value = getattr(record, f"dev_{select_by}")
    if value is None or math.isnan(value):
        return -math.inf
    return -float(value) if select_by in ("loss", "mse", "eer") else float(value)


def is_stalled(history: Sequence[EpochRecord], select_by: str, *, patience: int, min_delta: float) -> bool:
    """Whether the last ``patience`` epochs were all not better, by over ``min_delta``, than the best."""
    best, since = -math.inf, 0
    for record in history:
        value = _goodness(record, select_by)
        best, since = (value, 0) if value > best + min_delta or best == -math.inf else (best, since + 1)
    return since >= patience


def write_history(folder: Path, history: Sequence[EpochRecord]) -> None:
    """Write ``history.json`` (a list of records) and ``history.csv``."""
    write_text(folder / "history.json", json.dumps([asdict(record) for record in history], indent=1) + "\n")
    names = [item.name for item in fields(EpochRecord)]
    with (folder / "history.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, names)
        writer.writeheader()
        writer.writerows(asdict(record) for record in history)


def read_history(folder: Path) -> tuple[EpochRecord, ...]:
    """Read ``history.json``; empty where there is none."""
    path = folder / "history.json"
    if not path.exists():
        return ()
    return tuple(EpochRecord(**record) for record in json.loads(path.read_text("utf-8")))
