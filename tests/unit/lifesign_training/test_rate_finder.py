"""The learning-rate finder: a known curve, a real ramp, its figure."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest

from lifesign.errors import ContractError
from lifesign_training.feature_head import head_network
from lifesign_training.pixels import DecodedSplit
from lifesign_training.rate_figure import write_rate_search
from lifesign_training.rate_finder import find_rate, suggest_rate
from lifesign_training.recipe import Recipe, load_recipe
from lifesign_training.samples import Sample

CLASSES = ("a", "b")


@pytest.mark.parametrize("centre", [1e-4, 1e-2])
def test_the_steepest_fall_of_a_known_curve_is_found(centre: float) -> None:
    rates = np.geomspace(1e-6, 1, 121)
    decades = np.log10(rates / centre)
    losses = 1 / (1 + np.exp(4 * decades)) + np.where(decades > 1.5, (decades - 1.5) ** 2, 0)

    assert suggest_rate(rates, losses) == pytest.approx(centre, rel=0.15)


@pytest.mark.parametrize("slope", [0.0, 1.0])
def test_a_loss_that_never_falls_suggests_nothing(slope: float) -> None:
    assert suggest_rate(np.geomspace(1e-6, 1, 50), 1 + slope * np.arange(50)) is None


def data() -> DecodedSplit:
    random = np.random.default_rng(2)
    labels = np.arange(64) % 2
    features = (random.normal(size=(64, 8)) + 2 * labels[:, None]).astype(np.float32)
    samples = tuple(Sample(str(row), CLASSES[label], None) for row, label in enumerate(labels))
    return DecodedSplit(samples, features, {}, ())


def recipe(*settings: str) -> Recipe:
    return load_recipe("features-head", ["training.optimizer=sgd", "training.batch_size=16", *settings])


def test_a_ramp_suggests_a_rate_that_trains(tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    used = recipe()
    model = head_network(used.model, 8, 2)  # type: ignore[arg-type]

    search = find_rate(model, used, data(), CLASSES, lowest=1e-5, highest=100.0, steps=80)
    write_rate_search(search, tmp_path, title="ramp")

    assert search.suggestion is not None
    assert 1e-4 < search.suggestion < 3
    assert len(search.rates) == len(search.losses) == len(search.smoothed)
    assert np.diff(np.log(search.rates)) == pytest.approx(np.log(1e7) / 79)
    assert json.loads((tmp_path / "learning_rate.json").read_text())["suggestion"] == search.suggestion
    assert (tmp_path / "learning_rate.png").stat().st_size > 5_000
    assert (tmp_path / "learning_rate.svg").read_text().lstrip().startswith("<?xml")


def test_pictures_that_are_no_numbers_are_told() -> None:
    used, broken = recipe(), data()
    broken.images[:] = np.inf

    with pytest.raises(ContractError, match="the loss was no number after 0 steps"):
        find_rate(head_network(used.model, 8, 2), used, broken, CLASSES, steps=20)  # type: ignore[arg-type]
