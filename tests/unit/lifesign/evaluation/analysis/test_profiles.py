import pytest

from lifesign.evaluation.analysis.pad import pad_document
from lifesign.evaluation.analysis.profiles import profile_document
from lifesign.evaluation.metrics.pad import Outcome, PadCounts
from lifesign.evaluation.metrics.score_histogram import ScoreHistogram
from lifesign.evaluation.profiles.profile import Criterion, Profile, load_profile
from lifesign.evaluation.report.document import GateStatus
from lifesign.testing.reports import liveness_spec

PASS, FAIL, OPEN = GateStatus.PASS, GateStatus.FAIL, GateStatus.INSUFFICIENT


def _pad(bona_fide, **species):
    outcomes = {"bona_fide": Outcome(*bona_fide), **{name: Outcome(*row) for name, row in species.items()}}
    return pad_document(PadCounts(0.5, outcomes), ScoreHistogram.empty(), liveness_spec(threshold=0.5), None)


def _judge(metric, limit, pad, *, subjects=None, **options):
    profile = Profile(
        name="p", title="P", criteria=(Criterion(metric=metric, limit=limit, source="test", **options),)
    )
    return profile_document(profile, pad, subjects=subjects).rows[0]


@pytest.mark.parametrize(
    ("accepted", "rejected", "status"),
    [(0, 300, PASS), (0, 150, OPEN), (10, 90, FAIL), (2, 298, OPEN)],
)
def test_a_rate_is_judged_by_its_exact_interval(accepted, rejected, status):
    row = _judge("apcer", 0.01, _pad((90, 10), mask=(accepted, rejected)))
    assert row.status is status


def test_too_few_presentations_are_told_how_many_it_takes():
    row = _judge("apcer", 0.01, _pad((90, 10), mask=(0, 150)))
    assert "299 without an error would prove it" in row.sentence
    assert "0/150" in row.sentence


def test_the_worst_species_decides():
    row = _judge("apcer", 0.05, _pad((90, 10), mask=(0, 900), replay=(40, 60)))
    assert row.status is FAIL
    assert "APCER of replay is 40.0 % (40/100" in row.sentence


@pytest.mark.parametrize(("errors", "status"), [(0, PASS), (1, FAIL)])
def test_errors_are_counted_and_told_what_they_prove(errors, status):
    row = _judge("attack_errors", 0, _pad((90, 10), mask=(0, 150), replay=(errors, 150 - errors)))
    assert (row.status, row.value) == (status, errors)
    if status is PASS:
        assert "at most 2.0 %, not that it is 0" in row.sentence
    else:
        assert "1 of replay" in row.sentence


@pytest.mark.parametrize(("policy", "status"), [("excluded", PASS), ("as_reject", PASS), ("as_accept", FAIL)])
def test_missing_answers_count_as_the_criterion_says(policy, status):
    row = _judge("apcer", 0.05, _pad((90, 10), mask=(0, 300, 100)), no_response=policy)
    assert row.status is status


@pytest.mark.parametrize(
    ("metric", "limit", "species", "bona_fide", "status"),
    [
        ("iapar", 0.07, (0, 150), (90, 10), PASS),
        ("iapar", 0.07, (60, 90), (90, 10), OPEN),
        ("frr", 0.05, (0, 150), (60, 40), FAIL),
        ("frr", 0.05, (0, 150), (1000, 0), OPEN),
    ],
)
def test_a_rate_of_the_full_system_is_only_bounded(metric, limit, species, bona_fide, status):
    row = _judge(metric, limit, _pad(bona_fide, mask=species))
    assert row.status is status
    if status is OPEN:
        assert "needs a face matcher" in row.sentence


@pytest.mark.parametrize(
    ("metric", "limit", "status"),
    [
        ("species", 2, PASS),
        ("species", 3, OPEN),
        ("presentations_per_species", 100, PASS),
        ("presentations_per_species", 101, OPEN),
        ("bona_fide_presentations", 101, OPEN),
        ("subjects", 10, OPEN),
        ("bpcer", 0.5, PASS),
        ("apnrr", 0.2, PASS),
        ("bpnrr", 0.001, OPEN),
    ],
)
def test_every_kind_of_criterion_is_judged(metric, limit, status):
    assert _judge(metric, limit, _pad((90, 10), mask=(0, 150), replay=(0, 100))).status is status


def test_no_attack_proves_nothing():
    for metric, limit in (("apcer", 0.5), ("attack_errors", 0), ("iapar", 0.5), ("species", 1)):
        assert _judge(metric, limit, _pad((90, 10))).status is OPEN


def test_a_perfect_set_of_the_asked_size_passes_ibeta_1():
    species = {f"kind{one}": (0, 150) for one in range(6)}
    document = profile_document(load_profile("ibeta-1"), _pad((200, 5), **species), subjects=10)
    assert document.status is PASS
    assert "5 of 5 criteria" in document.sentence
    assert any(row.conflict for row in document.rows)
    assert {row.name for row in document.rows if row.is_share} == {"bpcer"}


def test_one_accepted_attack_fails_ibeta_1_and_the_sentence_says_which():
    species = {f"kind{one}": (int(one == 3), 149) for one in range(6)}
    document = profile_document(load_profile("ibeta-1"), _pad((200, 5), **species), subjects=10)
    assert document.status is FAIL
    assert "1 of 895 attacks were accepted (1 of kind3)" in document.sentence
