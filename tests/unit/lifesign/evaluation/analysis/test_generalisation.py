import numpy as np
import pytest

from lifesign.evaluation.analysis.generalisation import generalisation_document
from lifesign.evaluation.metrics.score_histogram import ScoreHistogram
from lifesign.model_card import OperatingPoint, RateEvidence
from lifesign.testing.report_documents import liveness_report

_NO_ERROR = RateEvidence(errors=0, total=40, value=0.0, lower=0.0, upper=0.07)


def _points(*species):
    evidence = dict.fromkeys(species, _NO_ERROR)
    return (OperatingPoint(id="eer", criterion="eer", threshold=0.5, apcer_by_species=evidence),)


def _pad():
    return liveness_report(species={"print": (1, 100), "mask": (30, 100), "resin": (10, 100)}).pad


def _histogram():
    """Scores .1, .2, … of nine bona fide and of each species, moved by 0, −.05 and .25."""
    scores = np.arange(1, 10) / 10
    names = ("bona_fide", "print", "mask", "resin")
    shifted = np.concatenate([scores, scores - 0.05, scores * 0.3, scores * 0.2 + 0.1])
    return ScoreHistogram.from_batch(names, np.repeat(np.arange(4), 9), shifted)


def test_unseen_species_are_told_apart():
    found = generalisation_document(_pad(), _points("print"), _histogram())
    assert (found.seen, found.unseen) == (("print",), ("mask", "resin"))
    assert (found.seen_apcer.errors, found.unseen_apcer.errors, found.unseen_apcer.total) == (1, 40, 200)
    assert "mask, resin" in found.sentence
    assert "20.0 % (40/200" in found.sentence


def test_unseen_species_are_judged_where_one_in_ten_users_is_rejected():
    found = generalisation_document(_pad(), _points("print"), _histogram())
    # Of nine users none may be rejected: the threshold is at most .1.
    assert found.unseen_worst_species == "resin"
    assert (found.unseen_worst_at_bpcer10.errors, found.unseen_worst_at_bpcer10.total) == (9, 9)
    assert found.unseen_mean_at_bpcer10 == pytest.approx((9 / 9 + 6 / 9) / 2)


def test_nothing_unseen_proves_nothing():
    found = generalisation_document(_pad(), _points("print", "mask", "resin"), _histogram())
    assert found.unseen == ()
    assert "nothing here says" in found.sentence
    assert found.unseen_worst_at_bpcer10 is None


def test_attacks_without_a_name_are_neither_seen_nor_new():
    pad = liveness_report(species={"print": (1, 100), "unspecified": (30, 100)}).pad
    found = generalisation_document(pad, _points("print"), _histogram())
    assert (found.seen, found.unseen) == (("print",), ())


@pytest.mark.parametrize(
    ("pad", "points"),
    [
        pytest.param(_pad(), _points(), id="points that name no species"),
        pytest.param(_pad(), (), id="no point"),
        pytest.param(_pad(), _points("unspecified", "print"), id="attacks without a name among them"),
        pytest.param(None, _points("print"), id="a classifier"),
        pytest.param(
            liveness_report(species={"unspecified": (1, 100)}).pad, _points("print"), id="no name here"
        ),
    ],
)
def test_without_names_of_species_nothing_is_told(pad, points):
    assert generalisation_document(pad, points, _histogram()) is None
