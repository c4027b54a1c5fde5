"""The training loop: one epoch, a look at the development split, a checkpoint."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from lifesign.errors import ContractError
from lifesign_training.batches import EpochBatches, class_weights
from lifesign_training.checkpoint import CheckpointFolder
from lifesign_training.hardware import distribution, precision
from lifesign_training.history import EpochRecord, best_epoch
from lifesign_training.models import build_model
from lifesign_training.pixels import DecodedSplit
from lifesign_training.progress import TrainingProgress
from lifesign_training.quality import measure
from lifesign_training.recipe import Recipe, TrainingConfig

__all__ = ["TrainingLoop", "make_optimizer", "predict_logits"]

_PREDICT_BATCH = 64
# Checkers take the types of these arguments from the defaults of Keras, which are "auto".
_QUIET: Any = 0
_NO_JIT: Any = False


def predict_logits(model: keras.Model, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return logits ``(n, classes)`` of images uint8 ``(n, height, width, 3)``."""
    return np.asarray(model.predict(images, batch_size=_PREDICT_BATCH, verbose=_QUIET), dtype=np.float32)


def make_optimizer(config: TrainingConfig, *, steps: int) -> keras.optimizers.Optimizer:
    """Return Adam, with decoupled weight decay where it is not 0, and the recipe's rate over ``steps``."""
    rate = _learning_rate(config, steps)
    if config.weight_decay:
        return keras.optimizers.AdamW(rate, weight_decay=config.weight_decay)
    return keras.optimizers.Adam(rate)


def _learning_rate(config: TrainingConfig, steps: int) -> Any:
    """Return a number or a Keras schedule."""
    if config.schedule == "cosine":
        warmup = round(config.warmup_fraction * steps)
        return keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=config.learning_rate / 20 if warmup else config.learning_rate,
            decay_steps=max(1, steps - warmup),
            warmup_target=config.learning_rate if warmup else None,
            warmup_steps=warmup,
        )
    if config.schedule == "inverse_time":
        return keras.optimizers.schedules.InverseTimeDecay(
            config.learning_rate, decay_steps=1, decay_rate=config.decay
        )
    return config.learning_rate


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
        weights: Path | None = None,
    ) -> None:
        self._recipe = recipe
        self._train = train
        self._dev = dev
        self._class_names = class_names
        self._checkpoints = checkpoints
        self._progress = progress
        self._weights = weights
        self._labels = train.labels(class_names)
        classes = len(class_names)
        balanced = class_weights(self._labels, classes)
        self._class_weights = balanced if recipe.training.class_weights else np.ones(classes, np.float32)

    def run(self) -> tuple[keras.Model, tuple[EpochRecord, ...], int]:
        """Train to the last epoch; return the best epoch's model in float32, all records, and that epoch.

        Raises:
            ContractError: the loss is no longer a number.
            StorageError: a checkpoint cannot be written.
        """
        config = self._recipe.training
        keras.utils.set_random_seed(config.seed)
        if config.deterministic:
            tf.config.experimental.enable_op_determinism()
        with distribution().scope(), precision(mixed=config.mixed_precision):
            model, history = self._start()
            for epoch in range(len(history) + 1, config.epochs + 1):
                record = self._epoch(model, epoch)
                history = (*history, record)
                self._checkpoints.save(model, history, best_epoch(history, self._recipe.select_by))
                self._progress.on_epoch(record, config.epochs)
        return self._best_model(), history, best_epoch(history, self._recipe.select_by)

    def _start(self) -> tuple[keras.Model, tuple[EpochRecord, ...]]:
        stand = self._checkpoints.restore()
        if stand is not None:
            self._progress.on_message(f"resuming after epoch {stand.history[-1].epoch}")
            resumed: Any = keras.models.load_model(stand.last_model)
            return resumed, stand.history
        config = self._recipe.training
        model = build_model(self._recipe, classes=len(self._class_names), weights=self._weights)
        steps = config.epochs * -(-len(self._labels) // config.batch_size)
        model.compile(
            optimizer=make_optimizer(config, steps=steps),
            loss=keras.losses.CategoricalCrossentropy(
                from_logits=True, label_smoothing=config.label_smoothing
            ),
            metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
            jit_compile=_NO_JIT,
        )
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
        fitted = model.fit(batches, verbose=_QUIET, shuffle=False, callbacks=[self._batch_reporter(epoch)])
        train_loss = float(fitted.history["loss"][-1])
        if not np.isfinite(train_loss):
            raise ContractError(
                f"the training loss of epoch {epoch} is {train_loss}; lower training.learning_rate "
                f"({config.learning_rate:g}) or look at the images"
            )
        dev = measure(self._dev, predict_logits(model, self._dev.images), self._class_names)
        return EpochRecord(
            epoch=epoch,
            train_loss=train_loss,
            train_accuracy=float(fitted.history["accuracy"][-1]),
            dev_loss=dev["loss"] or 0.0,
            dev_accuracy=dev["accuracy"] or 0.0,
            dev_auc=dev.get("auc"),
            learning_rate=float(np.asarray(keras.ops.convert_to_numpy(model.optimizer.learning_rate))),
            seconds=time.monotonic() - started,
        )

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
        model = build_model(self._recipe, classes=len(self._class_names))
        model.set_weights(best.get_weights())
        return model
