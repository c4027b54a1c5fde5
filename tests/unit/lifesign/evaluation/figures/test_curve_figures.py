"""Figures of trainings: the curves are those given, and the turn is where the diagnosis found it."""

import numpy as np
import pytest

from lifesign.errors import InputError
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.inputs.case import history_curves
from lifesign.evaluation.diagnosis.inputs.run_folders import training_curves
from lifesign.evaluation.figures.curves import metrics_of, runs_figure, training_figure
from lifesign.evaluation.figures.look import fitted, spread


def _overfitted(epochs=20, turn=6):
    """Return a history whose validation loss is least at ``turn``."""
    steps = np.arange(1, epochs + 1)
    return {
        "loss": (2.5 * np.exp(-steps / 8)).tolist(),
        "accuracy": (1 - 0.7 * np.exp(-steps / 8)).tolist(),
        "mse": (0.01 * np.exp(-steps / 8)).tolist(),
        "val_loss": (1.5 + 0.02 * (steps - turn) ** 2 * np.where(steps > turn, 0.5, 1)).tolist(),
        "val_accuracy": np.minimum(0.3 + 0.05 * steps, 0.6).tolist(),
        "val_mse": (0.006 + 0.0001 * np.abs(steps - turn)).tolist(),
        "lr": [0.001] * epochs,
    }


def _drawn(axes):
    return {line.get_label(): line.get_ydata() for line in axes.lines}


def test_curves_are_those_of_the_history_and_learning_rates_are_none():
    history = _overfitted()
    figure = training_figure(Evidence(curves=history_curves(history)))
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["Loss", "Accuracy", "Mean squared error"]
    for axes, name in zip(figure.axes, ("loss", "accuracy", "mse"), strict=True):
        assert _drawn(axes)["training"].tolist() == history[name]
        assert _drawn(axes)["validation"].tolist() == history[f"val_{name}"]


@pytest.mark.parametrize("turn", [4, 6, 9])
def test_the_turn_of_the_diagnosis_is_marked_in_every_panel(turn, texts_of):
    figure = training_figure(Evidence(curves=history_curves(_overfitted(turn=turn))))
    assert f"turns at epoch {turn} of 20" in figure.title
    assert texts_of(figure).count(f"turn: {turn}") == 3
    for axes in figure.axes:
        assert [turn, turn] in [list(line.get_xdata()) for line in axes.lines]


def test_a_healthy_training_tells_its_best_epoch_and_marks_no_turn(texts_of):
    steps = np.arange(1, 11)
    loss = 1 / steps
    figure = training_figure(
        Evidence(curves=history_curves({"loss": loss.tolist(), "val_loss": (loss + 0.01).tolist()})), kept=10
    )
    assert figure.title == "Best validation loss 0.11 at epoch 10 of 10"
    assert not [text for text in texts_of(figure) if text.startswith("turn")]
    assert [text for text in texts_of(figure) if text in ("kept: 10", "end: 10")]


def test_our_own_history_shows_the_mean_squared_error():
    record = {"train_loss": 1.0, "dev_loss": 1.1, "train_mse": 0.02, "dev_mse": 0.03, "learning_rate": 0.1}
    curves = training_curves([{"epoch": epoch, **record} for epoch in (1, 2)])
    assert metrics_of(curves) == ["loss", "mean_squared_error"]


def test_trainings_are_overlaid_with_the_best_named(texts_outside):
    runs = {"cnn": history_curves(_overfitted(turn=6)), "dense": history_curves(_overfitted(10, 5))}
    figure = runs_figure(runs)
    assert figure.title == "Of 2 trainings cnn has the best validation loss: 1.5"
    for axes in figure.axes:
        assert {"cnn", "dense"} <= set(_drawn(axes))
    assert texts_outside(figure) == []
    with pytest.raises(InputError, match="a metric that all of the runs have"):
        runs_figure({"a": history_curves({"loss": [1, 2]}), "b": history_curves({"auc": [1, 2]})})


@pytest.mark.parametrize("epochs", [1, 2, 30, 300])
def test_nothing_is_cut_off_at_any_length(epochs, texts_outside):
    assert texts_outside(training_figure(Evidence(curves=history_curves(_overfitted(epochs, 1))))) == []


def test_names_at_the_ends_of_curves_keep_apart():
    figure = training_figure(
        Evidence(curves=history_curves({"loss": [1, 0.5, 0.2], "val_loss": [1, 0.5, 0.2]}))
    )
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    training, validation = (
        next(text for text in figure.axes[0].texts if text.get_text() == word).get_window_extent(renderer)
        for word in ("training", "validation")
    )
    assert not training.overlaps(validation)


def test_without_an_epoch_there_is_no_figure():
    with pytest.raises(InputError, match="an epoch with figures"):
        training_figure(Evidence(id="x"))


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [([0.5], [0.5]), ([0.5, 0.5], [0.5, 0.6]), ([1.0, 1.0], [0.9, 1.0]), ([0.3, 0.1], [0.3, 0.1])],
)
def test_places_are_spread(wanted, expected):
    assert spread(wanted, 0.1, 0, 1) == pytest.approx(expected)


def test_long_titles_are_broken_and_dollars_are_no_mathematics():
    lines = fitted("a title of $many$ words " * 5, 2.0, size=12)
    assert len(lines) > 3
    assert " ".join(lines).split() == ("a title of $many$ words " * 5).split()


@pytest.mark.parametrize(("low", "high"), [(0.08, 0.1), (0.31, 0.44), (0.3, 0.99), (0.55, 0.97)])
def test_whole_per_cents_on_the_axis_are_where_they_say(low, high):
    values = np.linspace(low, high, 6).tolist()
    figure = training_figure(Evidence(curves=history_curves({"accuracy": values, "val_accuracy": values})))
    (axes,) = figure.axes
    figure.canvas.draw()
    for place, label in zip(axes.get_yticks(), axes.get_yticklabels(), strict=True):
        assert float(label.get_text().removesuffix(" %")) == pytest.approx(100 * place, abs=1e-6)
