"""What each epoch measured, and its files."""

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from lifesign_training.storage import write_text

__all__ = ["EpochRecord", "best_epoch", "read_history", "write_history"]


@dataclass(frozen=True)
class EpochRecord:
    """One epoch, counted from 1. Losses are cross-entropies in nats, accuracies and AUC 0–1, more is better.

    The training loss is weighted, smoothed and averaged while the weights move; the development loss is
    plain and comes after the epoch. ``dev_auc`` is ``None`` unless the task is liveness.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    dev_loss: float
    dev_accuracy: float
    dev_auc: float | None
    learning_rate: float
    seconds: float


def best_epoch(history: Sequence[EpochRecord], select_by: str) -> int:
    """Return the epoch that is kept: greatest ``dev_auc`` or ``dev_accuracy``, ties to the smaller loss."""

    def rank(record: EpochRecord) -> tuple[float, float]:
        if select_by == "loss":
            return (-record.dev_loss, 0.0)
        value = record.dev_auc if select_by == "auc" else record.dev_accuracy
        return (-1.0 if value is None else value, -record.dev_loss)

    return max(history, key=rank).epoch


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
