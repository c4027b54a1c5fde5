"""Several trainings side by side: their histories and what each came to."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lifesign.errors import ConfigurationError
from lifesign.evaluation.diagnosis.inputs.epoch_rows import canonical_metric
from lifesign_training.checkpoint import CheckpointFolder
from lifesign_training.history import EpochRecord, best_epoch, read_history
from lifesign_training.run_folder import TrainedRun

__all__ = ["CURVES", "ComparedRun", "comparison_rows", "read_runs"]

CURVES: Final = ("accuracy", "loss", "mse")
"""What is overlaid: each as ``train_…`` and ``dev_…``."""

# What a diagnosis calls them; ``val_`` before it is the development split.
_METRICS: Final = {"accuracy": "accuracy", "loss": "loss", "mse": "mean_squared_error"}


@dataclass(frozen=True)
class ComparedRun:
    """A run under a short name; curves by name such as ``dev_loss``, one value per epoch or ``None``."""

    name: str
    path: str
    curves: Mapping[str, tuple[float | None, ...]]
    best_epoch: int
    parameters: int | None = None
    seconds: float | None = None
    metrics: Mapping[str, float | None] | None = None

    @property
    def epochs(self) -> int:
        """How many epochs were trained."""
        return len(self.curves["dev_loss"])


def read_runs(paths: Sequence[Path]) -> tuple[ComparedRun, ...]:
    """Read run folders, finished or not, and histories of Keras saved as JSON.

    Raises:
        ConfigurationError: fewer than one, or a path that holds neither.
    """
    if not paths:
        raise ConfigurationError("expected a run folder or a Keras history (.json), got none")
    names = _short_names(paths)
    return tuple(
        _run_folder(path, name) if path.is_dir() else _keras_history(path, name)
        for path, name in zip(paths, names, strict=True)
    )


def comparison_rows(runs: Sequence[ComparedRun]) -> list[dict[str, Any]]:
    """Return one row per run: the kept epoch, its metrics, the test's accuracy, parameters and seconds."""
    return [
        {
            "run": run.name,
            "epochs": run.epochs,
            "best_epoch": run.best_epoch,
            **{f"dev_{name}": run.curves[f"dev_{name}"][run.best_epoch - 1] for name in CURVES},
            "train_accuracy": run.curves["train_accuracy"][run.best_epoch - 1],
            "test_accuracy": (run.metrics or {}).get("test_accuracy"),
            "parameters": run.parameters,
            "seconds": None if run.seconds is None else round(run.seconds, 1),
        }
        for run in runs
    ]


def _run_folder(path: Path, name: str) -> ComparedRun:
    stand = CheckpointFolder(path / "checkpoints").restore()
    history = read_history(path) or (stand.history if stand else ())
    if not history:
        raise ConfigurationError(f"{path} is no training run with a finished epoch: it has no history.json")
    summary = TrainedRun.load(path).summary if TrainedRun.is_finished(path) else None
    return ComparedRun(
        name=name,
        path=str(path),
        curves={
            f"{split}_{curve}": tuple(getattr(record, f"{split}_{curve}") for record in history)
            for split in ("train", "dev")
            for curve in CURVES
        },
        best_epoch=summary.best_epoch if summary else best_epoch(history, _select_by(path)),
        parameters=summary.parameters if summary else None,
        seconds=summary.seconds if summary else sum(record.seconds for record in history),
        metrics=summary.metrics if summary else None,
    )


def _select_by(path: Path) -> str:
    document = json.loads((path / "config.json").read_text("utf-8"))
    return str(document["recipe"]["select_by"])


def _keras_history(path: Path, name: str) -> ComparedRun:
    try:
        document = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigurationError(
            f"{path}: expected a run folder or a Keras history (JSON): {reason}"
        ) from error
    columns = _columns(document)
    curves = {
        f"{split}_{curve}": columns.get(f"{prefix}{metric}", ())
        for split, prefix in (("train", ""), ("dev", "val_"))
        for curve, metric in _METRICS.items()
    }
    losses = curves["dev_loss"]
    if not losses or any(len(values) not in (0, len(losses)) for values in curves.values()):
        raise ConfigurationError(f"{path}: expected lists of one length, loss and val_loss among them")
    filled = {key: values or (None,) * len(losses) for key, values in curves.items()}
    return ComparedRun(name, str(path), filled, _best(filled))


def _columns(document: Any) -> dict[str, tuple[float | None, ...]]:
    """Return the values of each metric by its common name; the first of several of one name."""
    columns: dict[str, tuple[float | None, ...]] = {}
    for name, values in document.items() if isinstance(document, dict) else ():
        if isinstance(values, list) and all(isinstance(one, int | float) for one in values):
            columns.setdefault(canonical_metric(name), tuple(map(float, values)))
    return columns


def _best(curves: Mapping[str, tuple[float | None, ...]]) -> int:
    records = [
        EpochRecord(row + 1, 0.0, 0.0, loss or 0.0, accuracy or 0.0, None, 0.0, 0.0)
        for row, (loss, accuracy) in enumerate(zip(curves["dev_loss"], curves["dev_accuracy"], strict=True))
    ]
    return best_epoch(records, "accuracy" if None not in curves["dev_accuracy"] else "loss")


def _short_names(paths: Sequence[Path]) -> list[str]:
    """Return the last parts of the paths, as many of them as tell all apart."""
    parts = [path.resolve().with_suffix("").parts for path in paths]
    for count in range(1, max(map(len, parts)) + 1):
        names = ["/".join(one[-count:]) for one in parts]
        if len(set(names)) == len(names):
            return names
    return [f"{'/'.join(one[-1:])} ({number})" for number, one in enumerate(parts, start=1)]
