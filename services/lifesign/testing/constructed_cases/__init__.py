"""Trainings and evaluations constructed to have one known fault each; sizes, classes, noise are random.

Every generator takes a random generator and returns the ``inputs`` of a diagnosis case. They follow the
definitions of the codes, not the rules that look for them.
"""

from collections.abc import Callable

from lifesign.evaluation.diagnosis.finding import Code
from lifesign.testing.constructed_cases.curves import Inputs, Random
from lifesign.testing.constructed_cases.data_faults import (
    empty_validation,
    generator_exhausted,
    metric_task_mismatch,
    preprocess_mismatch,
    suspected_leakage,
    unshuffled_validation_split,
    validation_test_mismatch,
    validation_too_small,
    wrong_loss_activation_pair,
)
from lifesign.testing.constructed_cases.matrices import (
    accuracy_paradox,
    chance_level,
    class_imbalance,
    decision_threshold,
    generator_order_mismatch,
    healthy_matrix,
    inconsistent_inputs,
    label_encoding_mismatch,
    missing_class_in_evaluation,
    prediction_collapse,
    weak_class,
)
from lifesign.testing.constructed_cases.trainings import (
    healthy,
    learning_rate_too_high,
    learning_rate_too_low,
    loss_divergence,
    loss_not_comparable,
    miscalibration,
    nan_loss,
    not_learning,
    overfitting,
    saturated_outputs,
    still_improving,
    train_inference_mode_mismatch,
    underfitting,
    unstable_validation,
)

__all__ = ["CONSTRUCTED", "Inputs"]

CONSTRUCTED: dict[Code, tuple[Callable[[Random], Inputs], ...]] = {
    Code.NO_PROBLEM: (healthy, healthy_matrix),
    **{
        Code(maker.__name__): (maker,)
        for maker in (
            overfitting,
            underfitting,
            still_improving,
            not_learning,
            chance_level,
            prediction_collapse,
            unshuffled_validation_split,
            class_imbalance,
            accuracy_paradox,
            weak_class,
            missing_class_in_evaluation,
            validation_test_mismatch,
            generator_order_mismatch,
            wrong_loss_activation_pair,
            metric_task_mismatch,
            label_encoding_mismatch,
            learning_rate_too_high,
            learning_rate_too_low,
            loss_divergence,
            nan_loss,
            train_inference_mode_mismatch,
            suspected_leakage,
            miscalibration,
            decision_threshold,
            validation_too_small,
            unstable_validation,
            preprocess_mismatch,
            saturated_outputs,
            empty_validation,
            generator_exhausted,
            loss_not_comparable,
            inconsistent_inputs,
        )
    },
}
