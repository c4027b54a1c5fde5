import numpy as np

from lifesign.evaluation.metrics.multiplicity import benjamini_hochberg, holm


def test_missing_tests_stay_missing_and_do_not_count():
    p_values = np.array([0.01, np.nan, 0.04])
    assert benjamini_hochberg(p_values)[[0, 2]].tolist() == [0.02, 0.04]
    assert np.isnan(holm(p_values)[1])


def test_no_tests_at_all():
    assert benjamini_hochberg(np.array([])).tolist() == []
