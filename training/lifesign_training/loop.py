"""The training loop: one epoch, a look at the development split, a checkpoint."""

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from lifesign.errors import ContractError
from lifesign_training.batches import EpochBatches, class_weights
from lifesign_training.checkpoint import CheckpointFolder
from lifesign_training.diagnosis import live_diagnosis, warnings_of_epoch
from lifesign_training.distribute import Distribute
from lifesign_training.hardware import distribution, precision
from lifesign_training.history import EpochRecord, best_epoch, is_stalled
from lifesign_training.multi_worker import Workers
from lifesign_training.optimizers import compile_for
from lifesign_training.pixels import DecodedSplit
from lifesign_training.progress import TrainingProgress
from lifesign_training.quality import measure
from lifesign_training.recipe import Recipe

__all__ = ["ModelBuilder", "TrainingLoop", "predict_logits"]

_PREDICT_BATCH = 64
# Checkers take the type of this argument from its default in Keras, "auto".
_QUIET: Any = 0

ModelBuilder = Callable[[Path | None], keras.Model]
"""Builds the network that is trained, from a weights file, or anew where there is none."""


def predict_logits(model: keras.Model, images: NDArray[Any]) -> NDArray[np.float32]:
    """Return logits ``(n, classes)`` of images uint8 ``(n, height, width, 3)``, or of features ``(n, d)``."""
    return np.asarray(model.predict(images, batch_size=_PREDICT_BATCH, verbose=_QUIET), dtype=np.float32)


def _seed_dropout(model: keras.Model, *, seed: int, epoch: int) -> None:
    # Keras does not save the state of seed generators, so a resumed epoch would drop other units.
    for layer in model.layers:
        generator = getattr(layer, "seed_generator", None)
        if generator is not None:
            generator.state.assign(np.array([seed, epoch], dtype=np.uint32))


class _BatchReporter(keras.callbacks.Callback):  # type: ignore[misc]
    """Calls ``report`` with the number of finished batches of an epoch."""

    def __init__(self, report: Callable[[int], None]) -> None:
        super().__init__()
        self._report = report

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        self._report(0)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        self._report(batch + 1)


class TrainingLoop:
    """Trains a recipe's network; ``run`` starts, or goes on after the last checkpoint."""

    def __init__(
        self,
        recipe: Recipe,
        train: DecodedSplit,
        dev: DecodedSplit,
        *,
        class_names: tuple[str, ...],
        checkpoints: CheckpointFolder,
        progress: TrainingProgress,
        build: ModelBuilder,
        weights: Path | None = None,
        distribute: Distribute = Distribute.AUTO,
        workers: Workers | None = None,
    ) -> None:
        self._recipe = recipe
        self._train = train
        self._dev = dev
        self._class_names = class_names
        self._checkpoints = checkpoints
        self._progress = progress
        self._build = build
        self._weights = weights
        self._distribute = distribute
        self._workers = workers
        self._labels = train.labels(class_names)
        self._class_weights = class_weights(self._labels, len(class_names), recipe.training.class_weights)

    def run(self) -> tuple[keras.Model, tuple[EpochRecord, ...], int]:
        """Train to the last epoch, or until it stops early; return the best model, all records, the best one.

        The model is in float32.

        Raises:
            ContractError: the loss is no longer a number.
            StorageError: a checkpoint cannot be written.
        """
        config = self._recipe.training
        keras.utils.set_random_seed(config.seed)
        if config.deterministic:
            tf.config.experimental.enable_op_determinism()
        strategy = self._workers.strategy if self._workers else distribution(self._distribute)
        with strategy.scope(), precision(mixed=config.mixed_precision):
            model, history = self._start()
            live = live_diagnosis(self._class_counts(), [asdict(record) for record in history])
            for epoch in range(len(history) + 1, config.epochs + 1):
                if self._is_stalled(history):
                    break
                record = self._epoch(model, epoch)
                history = (*history, record)
                self._checkpoints.save(model, history, best_epoch(history, self._recipe.select_by))
                self._progress.on_epoch(record, config.epochs)
                for line in warnings_of_epoch(live, asdict(record)):
                    self._progress.on_message(line)
        return self._best_model(), history, best_epoch(history, self._recipe.select_by)

    def _class_counts(self) -> dict[str, dict[str, int]]:
        def counted(labels: NDArray[np.int64]) -> dict[str, int]:
            return {name: int((labels == index).sum()) for index, name in enumerate(self._class_names)}

        return {"train": counted(self._labels), "validation": counted(self._dev.labels(self._class_names))}

    def _is_stalled(self, history: tuple[EpochRecord, ...]) -> bool:
        """Whether early stopping ends the training here; a resumed one comes to the same end."""
        rule, select_by = self._recipe.training.early_stopping, self._recipe.select_by
        if rule is None or not is_stalled(
            history, select_by, patience=rule.patience, min_delta=rule.min_delta
        ):
            return False
        best = best_epoch(history, select_by)
        self._progress.on_message(
            f"stopped early after epoch {len(history)}: dev {select_by} was not better for {rule.patience} "
            f"epochs; epoch {best} is kept"
        )
        return True

    def _start(self) -> tuple[keras.Model, tuple[EpochRecord, ...]]:
        stand = self._checkpoints.restore()
        if stand is not None:
            self._progress.on_message(f"resuming after epoch {stand.history[-1].epoch}")
            resumed: Any = keras.models.load_model(stand.last_model)
            return resumed, stand.history
        config = self._recipe.training
        model = self._build(self._weights)
        compile_for(model, config, steps=config.epochs * -(-len(self._labels) // config.batch_size))
        return model, ()

    def _epoch(self, model: keras.Model, epoch: int) -> EpochRecord:
        config = self._recipe.training
        batches = EpochBatches(
            self._train.images,
            self._labels,
            weights=self._class_weights,
            batch_size=config.batch_size,
            augmentation=self._recipe.augmentation,
            seed=config.seed,
            epoch=epoch,
        )
        _seed_dropout(model, seed=config.seed, epoch=epoch)
        started = time.monotonic()
        fitted = self._fit(model, batches, epoch)
        train_loss = fitted["loss"]
        if not np.isfinite(train_loss):
            raise ContractError(
                f"the training loss of epoch {epoch} is {train_loss}; lower training.learning_rate "
                f"({config.learning_rate:g}) or look at the images"
            )
        predict = self._workers.predict if self._workers else predict_logits
        dev = measure(self._dev, predict(model, self._dev.images), self._class_names)
        return EpochRecord(
            epoch=epoch,
            train_loss=train_loss,
            train_accuracy=fitted["accuracy"],
            dev_loss=dev["loss"] or 0.0,
            dev_accuracy=dev["accuracy"] or 0.0,
            dev_auc=dev.get("auc"),
            learning_rate=float(np.asarray(keras.ops.convert_to_numpy(model.optimizer.learning_rate))),
            seconds=time.monotonic() - started,
            train_mse=fitted["mse"],
            dev_mse=dev["mse"],
            dev_balanced_accuracy=dev["balanced_accuracy"],
            dev_eer=dev.get("eer"),
        )

    def _fit(self, model: keras.Model, batches: EpochBatches, epoch: int) -> dict[str, float]:
        if self._workers:
            return self._workers.epoch(model, batches)
        fitted = model.fit(batches, verbose=_QUIET, shuffle=False, callbacks=[self._batch_reporter(epoch)])
        return {name: float(values[-1]) for name, values in fitted.history.items()}

    def _batch_reporter(self, epoch: int) -> keras.callbacks.Callback:
        total, size = len(self._labels), self._recipe.training.batch_size

        def report(batches: int) -> None:
            self._progress.on_batch(epoch, self._recipe.training.epochs, min(total, batches * size), total)

        return _BatchReporter(report)

    def _best_model(self) -> keras.Model:
        stand = self._checkpoints.restore()
        if stand is None:
            raise AssertionError("a checkpoint follows every epoch")
        best: Any = keras.models.load_model(stand.best_model, compile=False)
        # Built anew, without the half-precision layers of a mixed training: servers compute in float32.
        model = self._build(None)
        model.set_weights(best.get_weights())
        return model
