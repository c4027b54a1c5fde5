"""The optimiser, the loss and the training metrics of a recipe."""

from typing import Any

import keras

from lifesign_training.recipe import TrainingConfig

__all__ = ["compile_for", "make_loss", "make_optimizer", "probability_mse"]

# Checkers take the type of this argument from its default in Keras, "auto".
_NO_JIT: Any = False


def compile_for(model: keras.Model, config: TrainingConfig, *, steps: int) -> None:
    """Compile a network that ends in logits for a training of ``steps`` batches."""
    model.compile(
        optimizer=make_optimizer(config, steps=steps),
        loss=make_loss(config),
        metrics=[
            keras.metrics.CategoricalAccuracy(name="accuracy"),
            keras.metrics.MeanMetricWrapper(probability_mse, name="mse"),
        ],
        jit_compile=_NO_JIT,
    )


def make_optimizer(config: TrainingConfig, *, steps: int) -> keras.optimizers.Optimizer:
    """Return the optimiser, with decoupled weight decay where it is not 0, and its rate over ``steps``."""
    rate = _learning_rate(config, steps)
    decay = config.weight_decay or None
    if config.optimizer == "sgd":
        return keras.optimizers.SGD(rate, momentum=config.momentum, weight_decay=decay)
    if config.optimizer == "rmsprop":
        return keras.optimizers.RMSprop(rate, momentum=config.momentum, weight_decay=decay)
    if config.weight_decay:
        return keras.optimizers.AdamW(rate, weight_decay=config.weight_decay)
    return keras.optimizers.Adam(rate)


def make_loss(config: TrainingConfig) -> keras.losses.Loss:
    """Return the loss on logits: cross-entropy, or focal, mean of −(1 − p)^γ · ln p of the true class.

    Focal loss is Lin et al., 2017, without their α: class weights are the recipe's own setting.
    """
    if config.loss == "focal":
        return keras.losses.CategoricalFocalCrossentropy(
            alpha=1.0, gamma=config.focal_gamma, from_logits=True, label_smoothing=config.label_smoothing
        )
    return keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=config.label_smoothing)


@keras.saving.register_keras_serializable(package="lifesign")  # type: ignore[untyped-decorator]
def probability_mse(one_hot: Any, logits: Any) -> Any:
    """Return the squared error of each sample, ``(n,)``: mean over classes of (softmax − one-hot)²."""
    return keras.ops.mean(keras.ops.square(keras.ops.softmax(logits) - one_hot), axis=-1)


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
