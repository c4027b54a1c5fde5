"""TensorBoard logs: the scalars of every epoch, in the folders and under the names of Keras' callback."""

from pathlib import Path
from typing import Any, Final

import tensorflow as tf

from lifesign_training.history import EpochRecord

__all__ = ["TensorBoardLog"]

_TRAIN: Final = {
    "epoch_loss": "train_loss",
    "epoch_accuracy": "train_accuracy",
    "epoch_mse": "train_mse",
    "epoch_learning_rate": "learning_rate",
}
_VALIDATION: Final = {
    "epoch_loss": "dev_loss",
    "epoch_accuracy": "dev_accuracy",
    "epoch_mse": "dev_mse",
    "epoch_balanced_accuracy": "dev_balanced_accuracy",
    "epoch_auc": "dev_auc",
    "epoch_eer": "dev_eer",
}


class TensorBoardLog:
    """Writes ``train`` and ``validation`` below ``folder``; a listener of a training that says nothing.

    Epoch 1 is step 0, as in Keras. Every epoch is flushed, so a killed training leaves what it has.
    """

    def __init__(self, folder: Path) -> None:
        self._writers: dict[str, Any] = {
            name: tf.summary.create_file_writer(str(folder / name)) for name in ("train", "validation")
        }

    def on_message(self, text: str) -> None:
        """Ignore a message."""

    def on_images(self, done: int, total: int) -> None:
        """Ignore a decoded image."""

    def on_batch(self, epoch: int, epochs: int, done: int, total: int) -> None:
        """Ignore a batch."""

    def on_epoch(self, record: EpochRecord, epochs: int) -> None:  # noqa: ARG002
        """Write what an epoch measured."""
        for folder, names in (("train", _TRAIN), ("validation", _VALIDATION)):
            with self._writers[folder].as_default():
                for tag, field in names.items():
                    if (value := getattr(record, field)) is not None:
                        tf.summary.scalar(tag, value, step=record.epoch - 1)
            self._writers[folder].flush()
