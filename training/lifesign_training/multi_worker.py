"""Training over several processes, each with its own part of every batch.

Keras 3 cannot fit under TensorFlow's strategy for many workers, so the step is our own: gradients of
the parts are summed over the workers, and every worker holds the same weights after it.
"""

import json
import os
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from lifesign.errors import ConfigurationError
from lifesign_training.batches import EpochBatches
from lifesign_training.optimizers import probability_mse

__all__ = ["Workers", "is_chief", "workers_from_environment"]

_PREDICT_BATCH = 64


class Workers:
    """The processes that train together; ``index`` counts from 0, which is the chief."""

    def __init__(self, index: int, count: int) -> None:
        self.index = index
        self.count = count
        self.strategy: Any = tf.distribute.MultiWorkerMirroredStrategy()
        self._step: Any = None

    def epoch(self, model: keras.Model, batches: EpochBatches) -> dict[str, float]:
        """Train one epoch on this worker's rows of each batch; return loss, accuracy and mse of all rows.

        Batch normalisation sees the rows of one worker at a time. A last batch of fewer rows than
        workers is left out.
        """
        self._step = self._step or self._compiled(model)
        sums = np.zeros(4)
        for number in range(len(batches)):
            rows = batches[number]
            total = len(rows[0])
            if total >= self.count:
                own = [tf.constant(values[self.index :: self.count]) for values in rows]
                sums += [float(one) for one in self._step(*own, tf.constant(float(total)))]
        loss, right, error, rows_seen = sums
        return {"loss": loss / rows_seen, "accuracy": right / rows_seen, "mse": error / rows_seen}

    def predict(self, model: keras.Model, images: NDArray[Any]) -> NDArray[np.float32]:
        """Return logits ``(n, classes)`` of all images; every worker computes the same."""
        parts = [
            np.asarray(model(tf.constant(images[start : start + _PREDICT_BATCH]), training=False))
            for start in range(0, len(images), _PREDICT_BATCH)
        ]
        return np.concatenate(parts).astype(np.float32)

    def _compiled(self, model: keras.Model) -> Any:
        optimizer: Any = model.optimizer
        loss_of: Any = model.loss.__class__.from_config(model.loss.get_config() | {"reduction": "none"})
        if not optimizer.built:
            with self.strategy.scope():
                optimizer.build(model.trainable_variables)

        def part(images: Any, labels: Any, weights: Any, total: Any) -> tuple[Any, ...]:
            with tf.GradientTape() as tape:
                logits = model(images, training=True)
                loss = tf.reduce_sum(loss_of(labels, logits) * weights)
                mean = (loss / total) + (tf.add_n(model.losses) / self.count if model.losses else 0.0)
            gradients = tape.gradient(mean, model.trainable_variables)
            # Keras sums gradients over the replicas.
            optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
            right = tf.reduce_sum(tf.cast(tf.argmax(logits, 1) == tf.argmax(labels, 1), tf.float32))
            error = tf.reduce_sum(probability_mse(labels, logits))
            return loss, right, error, tf.cast(tf.shape(labels)[0], tf.float32)

        def step(*rows: Any) -> list[Any]:
            sums = self.strategy.run(part, args=rows)
            return [self.strategy.reduce("SUM", one, axis=None) for one in sums]

        return tf.function(step, reduce_retracing=True)


def workers_from_environment() -> Workers:
    """Return the workers of ``TF_CONFIG``; before any other use of TensorFlow, and waits for the others.

    Raises:
        ConfigurationError: the variable is missing or says no workers.
    """
    index, count = _task(os.environ.get("TF_CONFIG", ""))
    return Workers(index, count)


def is_chief() -> bool:
    """Whether this process is worker 0 of ``TF_CONFIG``, the one that writes the run."""
    return _task(os.environ.get("TF_CONFIG", ""))[0] == 0


def _task(text: str) -> tuple[int, int]:
    try:
        document = json.loads(text)
        workers, index = document["cluster"]["worker"], document["task"]["index"]
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            '--distribute multi-worker expects TF_CONFIG, such as {"cluster": {"worker": ["a:2222", '
            f'"b:2222"]}}, "task": {{"type": "worker", "index": 0}}}}; got {text[:200]!r}'
        ) from error
    # With a chief beside them two processes would be number 0 and take the same rows.
    if list(document["cluster"]) != ["worker"]:
        raise ConfigurationError(
            f"TF_CONFIG: expected a cluster of workers only, got {', '.join(document['cluster'])}; "
            "name the chief as the first worker"
        )
    if not isinstance(index, int) or not 0 <= index < len(workers):
        raise ConfigurationError(
            f"TF_CONFIG: expected a task index of 0 to {len(workers) - 1}, got {index!r}"
        )
    return index, len(workers)
