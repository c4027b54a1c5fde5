import numpy as np
import pytest

from lifesign.evaluation.imported_predictions.criteria import choose_operating_point, normal_criterion
from lifesign.evaluation.metrics.score_histogram import ScoreHistogram


def _histogram():
    rng = np.random.default_rng(0)
    species = np.repeat([0, 1, 2], 300)
    margin = rng.normal(0, 1, 900) + np.array([1.2, -1.2, -0.8])[species]
    return ScoreHistogram.from_batch(("bona_fide", "print", "replay"), species, 1 / (1 + np.exp(-margin)))


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("EER", "eer"),
        (" bpcer <= 0.05 ", "bpcer<=0.05"),
        ("apcer_max<=0", "apcer_max<=0"),
        ("Min_Cost( 50, 1, 0.01 )", "min_cost(50,1,0.01)"),
    ],
)
def test_criteria_are_written_in_one_way(text, word):
    assert normal_criterion(text) == word


@pytest.mark.parametrize(
    "text",
    [
        "acer",
        "bpcer<=5",
        "bpcer<=nan",
        "min_cost(1,1)",
        "min_cost(0,0,0.1)",
        "min_cost(1,1,2)",
        "min_cost(a,1,0)",
    ],
)
def test_other_criteria_are_refused(text):
    with pytest.raises(ValueError, match=r"expected eer, apcer_max<=SHARE"):
        normal_criterion(text)


def test_dear_attacks_choose_a_higher_threshold_and_say_what_it_achieves():
    cheap, dear = (
        choose_operating_point(f"min_cost({cost},1,0.1)", _histogram(), dataset_digest="d")
        for cost in (1, 100)
    )
    assert cheap.threshold < dear.threshold
    assert dear.criterion == "min_cost(100,1,0.1)"
    assert dear.apcer_max.value < cheap.apcer_max.value
    assert dear.bpcer.value > cheap.bpcer.value
