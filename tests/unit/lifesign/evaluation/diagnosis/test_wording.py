"""What is said of curves: numbers as printed, and nothing twice."""

import numpy as np
import pytest

from lifesign.evaluation.diagnosis.curves import Curves
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.wording import reading


@pytest.mark.parametrize(
    ("val_accuracy", "expected"),
    [
        ([0.6, 0.75, 0.7], "Validation accuracy ends at 70.0% (best 75.0% at epoch 2)."),
        ([0.6, 0.8, 0.8], "Validation accuracy ends at 80.0%."),
        ([0.6, 0.80004, 0.79998], "Validation accuracy ends at 80.0%."),
        ([0.6, 0.7, 0.8], "Validation accuracy ends at 80.0%."),
    ],
)
def test_the_best_accuracy_is_told_where_it_is_another_than_the_last(
    val_accuracy: list[float], expected: str
) -> None:
    curves = Curves({"val_accuracy": np.array(val_accuracy)})

    assert expected in reading(Evidence(id="run", curves=curves))
