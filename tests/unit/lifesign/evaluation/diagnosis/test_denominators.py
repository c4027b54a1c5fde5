"""How many samples a few printed accuracies are of."""

import numpy as np
import pytest

from lifesign.evaluation.diagnosis.statistics import denominator


@pytest.mark.parametrize(
    ("shares", "n"),
    [
        ([0.9600, 0.9733], 75),
        ([7 / 19, 9 / 19, 12 / 19], 19),
        ([0.1, 0.3, 0.7], 10),
        # The numerators may well have a factor in common.
        ([0.3333], None),
        ([0.5, 0.25], None),
        # Nothing at 0 or 1 tells a size.
        ([0.0, 1.0, 1.0], None),
        ([0.8131, 0.8467, 0.8512], None),
    ],
    ids=["two of 75", "three of 19", "three of 10", "a third", "two of 4", "ends", "many"],
)
def test_the_size_of_a_small_set_is_read_off_its_accuracies(shares, n):
    assert denominator(np.round(np.array(shares), 4), decimals=4) == n
