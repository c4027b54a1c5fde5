"""Logs of a few epochs that are not at their end, and sets of which only some are at a guess."""

import pytest

from lifesign.evaluation.diagnosis.engine import diagnose
from lifesign.evaluation.diagnosis.finding import Severity
from lifesign.evaluation.diagnosis.inputs.case import evidence_of_inputs


def _found(inputs):
    return {one.code.value: one for one in diagnose(evidence_of_inputs(inputs, identifier="unfinished"))}


def _losses(trained, held):
    return {"history": {"loss": trained, "val_loss": held}}


FALLING = [6.08, 5.61, 5.42, 5.28, 5.20, 5.14, 5.08]


@pytest.mark.parametrize(
    ("inputs", "is_found"),
    [
        (_losses([13.37, 13.08, 12.89], [13.92, 14.59, 13.67]), True),
        (_losses([13.37, 13.58, 12.89], [13.92, 14.59, 13.67]), False),
        (_losses([13.37, 13.08, 12.89], [13.92, 13.67, 14.59]), False),
        (_losses(FALLING, [5.70, 5.54, 5.34, 5.30, 5.16, 5.135, 5.163]), True),
        (_losses(FALLING, [5.70, 5.54, 5.34, 5.30, 5.16, 5.135, 5.400]), False),
    ],
    ids=[
        "best at the end",
        "training bounces",
        "validation has turned",
        "a last one as good",
        "a last one worse",
    ],
)
def test_both_losses_that_fall_are_not_at_their_end(inputs, is_found):
    assert ("still_improving" in _found(inputs)) == is_found


def _shares(**sets):
    return {
        "evaluations": [
            {"split": name, "n": 400, "metrics": {"accuracy": share}} for name, share in sets.items()
        ],
        "n_classes": 2,
    }


@pytest.mark.parametrize(
    ("inputs", "severity"),
    [
        (_shares(validation=0.51, test=0.49), Severity.WARNING),
        (_shares(validation=0.91, test=0.49), Severity.INFO),
        (_shares(validation=0.51, test=0.2), Severity.INFO),
        (_shares(train=0.95, test=0.49), Severity.INFO),
    ],
    ids=["all at a guess", "one far above", "one far below", "learned by heart"],
)
def test_a_guess_on_one_set_alone_is_no_chance_level(inputs, severity):
    assert _found(inputs)["chance_level"].severity is severity


@pytest.mark.parametrize(
    ("held", "is_found"),
    [([0.7054, 0.7005, 0.6917, 0.6953, 0.6895], True), ([0.7054, 0.69, 0.68, 0.67, 0.66], False)],
    ids=["validation at ln 2", "validation learns"],
)
def test_a_loss_a_little_below_a_guess_is_one_where_validation_is_at_it(held, is_found):
    losses = _losses([0.6862, 0.6849, 0.6810, 0.6761, 0.6740], held)
    assert ("chance_level" in _found(losses | {"n_classes": 2})) == is_found


def _rows(first, planned, losses):
    return {
        "console_log": "\n".join(
            f"Epoch {n}/{planned}\n30/30 [=====] - 2s 83ms/step - loss: {loss} - val_loss: {loss}"
            for n, loss in enumerate(losses, first)
        )
    }


@pytest.mark.parametrize(
    ("inputs", "first"),
    [
        (_rows(1, 1000, [6.4, 5.1, 3.9, 3.1, 2.5]), "no_problem"),
        (_rows(1, 5, [6.4, 5.1, 3.9, 3.1, 2.5]), "still_improving"),
        (_rows(24, 51, [18.2, 17.8, 17.3, 16.9, 16.4]), "still_improving"),
        (_rows(1, 8, [18.2, 14.8, 12.3, 11.9, 11.7, 11.6]), "no_problem"),
    ],
    ids=["the first of a thousand", "all of five", "a slow fall", "hardly any fall left"],
)
def test_the_first_epochs_of_a_longer_run_are_as_they_should_be(inputs, first):
    assert next(iter(_found(inputs))) == first


@pytest.mark.parametrize(
    ("right", "is_found"),
    [([0.73, 0.85, 0.91, 0.95, 0.97, *[0.99] * 5], False), ([0.73, 0.6, 0.55, 0.5, 0.5, *[0.5] * 5], True)],
    ids=["done", "dead"],
)
def test_a_loss_that_freezes_at_its_best_is_done_and_not_dead(right, is_found):
    loss = [0.48, 0.30, 0.19, 0.12, 0.09, *[0.066] * 5]
    inputs = {"history": {"loss": loss, "accuracy": right}, "n_classes": 2}
    assert ("not_learning" in _found(inputs)) == is_found
