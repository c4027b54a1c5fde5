import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve

from lifesign.errors import ContractError
from lifesign_training.operating_points import (
    CRITERIA,
    LivenessScores,
    area_under_curve,
    choose_operating_points,
    equal_error_rate,
    rate_evidence,
    require_polarity,
)

score = st.floats(0, 1, width=32).map(np.float32)
scores = st.lists(score, min_size=1, max_size=40).map(lambda values: np.array(values, np.float32))


def apart(bona_fide: list[float], **attacks: list[float]) -> LivenessScores:
    return LivenessScores(
        np.array(bona_fide, np.float32), {key: np.array(value, np.float32) for key, value in attacks.items()}
    )


@settings(deadline=None)
@given(scores, scores, scores)
def test_auc_is_that_of_scikit_learn(bona_fide: np.ndarray, first: np.ndarray, second: np.ndarray) -> None:
    both = np.concatenate([bona_fide, first, second])
    truth = np.r_[np.ones(len(bona_fide)), np.zeros(len(first) + len(second))]

    value = area_under_curve(LivenessScores(bona_fide, {"one": first, "two": second}))

    assert value == pytest.approx(roc_auc_score(truth, both), abs=1e-12)


@settings(deadline=None)
@given(scores, scores, scores)
def test_the_equal_error_rate_is_where_scikit_learns_curve_crosses(
    bona_fide: np.ndarray, first: np.ndarray, second: np.ndarray
) -> None:
    both = np.concatenate([bona_fide, first, second])
    truth = np.r_[np.ones(len(bona_fide)), np.zeros(len(first) + len(second))]
    accepted, hits, _ = roc_curve(truth, both, drop_intermediate=False)
    gaps = np.abs(accepted - (1 - hits))

    value = equal_error_rate(LivenessScores(bona_fide, {"one": first, "two": second}))

    nearest = (accepted + 1 - hits)[np.isclose(gaps, gaps.min())] / 2
    assert np.isclose(nearest, value, atol=1e-9).any()


def test_the_equal_error_rate_without_a_class_is_not_a_number() -> None:
    assert np.isnan(equal_error_rate(apart([], one=[0.5])))


@settings(deadline=None)
@given(scores, scores, scores)
def test_points_keep_their_limits_and_no_neighbour_is_better(
    bona_fide: np.ndarray, first: np.ndarray, second: np.ndarray
) -> None:
    found = LivenessScores(bona_fide, {"one": first, "two": second})
    if area_under_curve(found) < 0.5:
        return
    every = np.concatenate([[0.0], bona_fide, first, second, [np.nextafter(1.0, 2.0)]]).astype(np.float64)
    apcer_max = np.max([[(values >= t).mean() for t in every] for values in (first, second)], axis=0)
    bpcer = np.array([(bona_fide < t).mean() for t in every])
    for point in choose_operating_points(found, dataset_digest="d"):
        # Decisions compare in float64: NumPy would round the threshold to the scores' float32.
        threshold = np.float64(point.threshold)
        got_apcer = max((values >= threshold).mean() for values in (first, second))
        got_bpcer = (bona_fide < threshold).mean()
        assert point.apcer_max is not None
        assert point.bpcer is not None
        assert point.apcer_max.value == pytest.approx(got_apcer)
        assert point.bpcer.value == pytest.approx(got_bpcer)
        if point.id.startswith("apcer_max<="):
            limit = float(point.id.split("=")[1])
            assert got_apcer <= limit
            assert got_bpcer <= bpcer[apcer_max <= limit].min() + 1e-12
        if point.id == "bpcer<=0.05":
            assert got_bpcer <= 0.05
            assert got_apcer <= apcer_max[(bpcer <= 0.05) & (every <= 1)].min() + 1e-12


def test_the_evidence_is_counted_as_the_gateway_decides_between_neighbouring_floats() -> None:
    low = np.float32(0.5)
    while np.float32((float(low) + float(np.nextafter(low, np.float32(1)))) / 2) != low:
        low = np.nextafter(low, np.float32(1))
    high = np.nextafter(low, np.float32(1))

    point = choose_operating_points(apart([high], print=[low]), dataset_digest="")[0]

    # As float32 the threshold between the two would be the attack's own score.
    assert float(low) < point.threshold < float(high)
    assert point.apcer_max is not None
    assert (point.apcer_max.errors, point.apcer_max.total) == (0, 1)


@pytest.mark.parametrize(("attacks", "kept"), [(20, 0.05), (10, 0.10)])
def test_one_attack_that_is_just_allowed_is_allowed(attacks: int, kept: float) -> None:
    points = choose_operating_points(apart([0.5], print=[*[0.0] * (attacks - 1), 0.5]), dataset_digest="")

    point = next(point for point in points if point.id == f"apcer_max<={kept:.2f}")
    assert point.apcer_max is not None
    assert point.bpcer is not None
    assert (point.apcer_max.errors, point.bpcer.errors) == (1, 0)


def test_separable_scores_give_error_free_points_between_the_classes() -> None:
    points = choose_operating_points(apart([0.8, 0.9], print=[0.1, 0.2], mask=[0.3]), dataset_digest="abc")

    assert tuple(point.id for point in points) == CRITERIA
    eer = points[0]
    assert 0.3 < eer.threshold < 0.8
    assert eer.dataset_digest == "abc"
    assert eer.bpcer is not None
    assert (eer.bpcer.errors, eer.bpcer.total) == (0, 2)
    assert set(eer.apcer_by_species) == {"print", "mask"}


def test_the_worst_species_decides() -> None:
    easy = [0.01 * index for index in range(20)]
    point = choose_operating_points(apart([0.9] * 20, easy=easy, hard=[0.95, 0.1]), dataset_digest="")[1]

    assert point.id == "apcer_max<=0.05"
    assert point.threshold > 0.95
    assert point.bpcer is not None
    assert point.bpcer.value == 1.0


def test_a_limit_that_no_threshold_keeps_gives_no_point() -> None:
    points = choose_operating_points(apart([1.0, 1.0], replay=[1.0, 0.0]), dataset_digest="")

    assert [point.id for point in points] == ["eer", "bpcer<=0.05"]


def test_inverted_polarity_is_an_error() -> None:
    with pytest.raises(ContractError, match=r"polarity inverted: AUC on the dev split is 0\.000"):
        require_polarity(apart([0.1], print=[0.9]))


@pytest.mark.parametrize("found", [apart([], print=[0.1]), apart([0.1])], ids=["no bona fide", "no attacks"])
def test_a_missing_class_is_an_error(found: LivenessScores) -> None:
    with pytest.raises(ContractError, match="bona fide and attack"):
        choose_operating_points(found, dataset_digest="")


def test_evidence_without_cases_is_open() -> None:
    evidence = rate_evidence(0, 0)

    assert (evidence.value, evidence.lower, evidence.upper) == (None, 0.0, 1.0)


def test_evidence_carries_the_exact_interval() -> None:
    evidence = rate_evidence(0, 150)

    assert evidence.value == 0.0
    assert evidence.upper == pytest.approx(1 - 0.025 ** (1 / 150))
