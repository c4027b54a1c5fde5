"""Optimisers, losses and training metrics against their formulas."""

import keras
import numpy as np
import pytest

from lifesign_training.optimizers import make_loss, make_optimizer, probability_mse
from lifesign_training.quality import softmax
from lifesign_training.recipe import TrainingConfig

RANDOM = np.random.default_rng(4)
LOGITS = RANDOM.normal(0, 2, (50, 3)).astype(np.float32)
ONE_HOT = np.eye(3, dtype=np.float32)[RANDOM.integers(0, 3, 50)]


@pytest.mark.parametrize(
    ("settings", "kind", "momentum"),
    [
        ({"optimizer": "adam"}, keras.optimizers.Adam, None),
        ({"optimizer": "adam", "weight_decay": 0.1}, keras.optimizers.AdamW, None),
        ({"optimizer": "sgd", "momentum": 0.9}, keras.optimizers.SGD, 0.9),
        ({"optimizer": "rmsprop"}, keras.optimizers.RMSprop, 0.0),
    ],
)
def test_the_optimiser_is_the_recipes(settings: dict, kind: type, momentum: float | None) -> None:
    config = TrainingConfig(learning_rate=0.02, schedule="constant", **settings)

    optimizer = make_optimizer(config, steps=10)

    assert type(optimizer) is kind
    assert float(optimizer.learning_rate) == pytest.approx(0.02)
    assert getattr(optimizer, "momentum", None) == momentum
    assert optimizer.weight_decay == (settings.get("weight_decay") or None)


@pytest.mark.parametrize("gamma", [0.0, 1.0, 2.0])
def test_focal_loss_follows_its_formula_and_is_cross_entropy_at_0(gamma: float) -> None:
    loss = make_loss(TrainingConfig(loss="focal", focal_gamma=gamma))

    right = (softmax(LOGITS) * ONE_HOT).sum(axis=1)

    assert float(loss(ONE_HOT, LOGITS)) == pytest.approx(
        float(np.mean(-((1 - right) ** gamma) * np.log(right))), rel=1e-4
    )


def test_the_squared_error_is_of_probabilities() -> None:
    found = np.asarray(probability_mse(ONE_HOT, LOGITS))

    assert found == pytest.approx(((softmax(LOGITS) - ONE_HOT) ** 2).mean(axis=1), rel=1e-4)
