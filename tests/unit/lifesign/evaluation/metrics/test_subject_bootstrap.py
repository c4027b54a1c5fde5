import numpy as np
import pytest

from lifesign.errors import InputError
from lifesign.evaluation.metrics import block_counts, subject_areas, subject_bootstrap
from lifesign.evaluation.metrics.intervals import clopper_pearson
from lifesign.evaluation.metrics.score_histogram import ScoreHistogram, eer
from lifesign.evaluation.metrics.subject_bootstrap import subject_intervals

SPECIES = ("print", "replay")


def _samples(people, each, *, likeness, shift=1.5, seed=0):
    """Margins of bona fide (-1) and two species; ``likeness`` is the share of variance between people."""
    rng = np.random.default_rng(seed)
    subject = np.repeat(np.arange(people), 3 * each)
    species = np.tile(np.repeat([-1, 0, 1], each), people)
    own = rng.normal(0, 1, (people, 3))[subject, species]
    noise = rng.normal(0, 1, len(subject))
    margin = np.where(species < 0, shift, -shift) + np.sqrt(likeness) * own + np.sqrt(1 - likeness) * noise
    return 1 / (1 + np.exp(-margin)), species, [f"p{one}" for one in subject]


def _intervals(scores, species, subjects, **options):
    found = subject_intervals(scores, species, SPECIES, subjects, threshold=0.5, **options)
    return {one.name: one for one in found}


def test_every_number_lies_within_its_limits():
    found = _intervals(*_samples(30, 5, likeness=0.3))
    assert list(found) == ["BPCER", "APCER of print", "APCER of replay", "APCER max", "HTER", "EER", "AUC"]
    for one in found.values():
        assert 0 <= one.interval.lower <= one.value <= one.interval.upper <= 1
        assert one.interval.method == "subject_bootstrap"


@pytest.mark.parametrize("digits", [1, 2, 6])
@pytest.mark.parametrize(("people", "each"), [(200, 1), (7, 3), (1, 40)])
def test_the_eer_is_that_of_the_histogram(people, each, digits):
    for seed in range(6):
        scores, species, subjects = _samples(people, each, likeness=0.0, shift=0.6, seed=seed)
        scores = scores.round(digits)
        groups = ["bona_fide", *SPECIES]
        histogram = ScoreHistogram.from_batch(groups, species + 1, scores.astype(np.float32))

        told = _intervals(scores.astype(np.float32), species, subjects)["EER"]

        point = eer(histogram, ["bona_fide"], list(SPECIES))
        assert told.value == pytest.approx(point.half_total_error, abs=1e-12)


def test_worst_species_has_the_largest_rate():
    found = _intervals(*_samples(30, 5, likeness=0.3))
    assert found["APCER max"].value == max(found[f"APCER of {name}"].value for name in SPECIES)


def test_alike_images_of_few_people_prove_less_than_as_many_people():
    alike = _intervals(*_samples(20, 30, likeness=0.8, shift=1.0))
    apart = _intervals(*_samples(600, 1, likeness=0.0, shift=1.0))
    for name in alike:
        assert alike[name].interval.half_width > 2 * apart[name].interval.half_width


def test_no_error_among_copies_proves_as_little_as_one_image_of_each():
    scores, species, subjects = _samples(20, 1, likeness=0.0, shift=8.0)
    copied = _intervals(np.tile(scores, 20), np.tile(species, 20), subjects * 20)
    assert copied["BPCER"].value == 0
    assert copied["BPCER"].interval.upper >= clopper_pearson(0, 20).upper


def test_perfect_order_is_not_proof_of_perfection():
    found = _intervals(*_samples(20, 5, likeness=0.0, shift=8.0))
    assert found["AUC"].value == 1
    assert found["AUC"].interval.lower < 0.99
    assert found["EER"].interval.upper > 0.01


def test_one_subject_proves_nothing():
    scores, species, _ = _samples(1, 20, likeness=0.0)
    for one in _intervals(scores, species, ["anna"] * 60).values():
        assert one.interval.half_width > 0.4


def test_same_seed_gives_the_same_limits():
    samples = _samples(10, 4, likeness=0.3)
    assert _intervals(*samples, seed=3) == _intervals(*samples, seed=3) != _intervals(*samples, seed=4)


def test_a_class_that_is_missing_has_no_row():
    scores, species, subjects = _samples(10, 4, likeness=0.3)
    keep = species == 0
    found = _intervals(scores[keep], species[keep], np.array(subjects)[keep])
    assert list(found) == ["APCER of print", "APCER max"]
    assert _intervals(np.zeros(0), np.zeros(0, dtype=np.int64), []) == {}


def test_different_lengths_are_refused():
    with pytest.raises(InputError, match=r"\(2,\), \(2,\) and \(1,\)"):
        subject_intervals(np.zeros(2), np.zeros(2, dtype=np.int64), SPECIES, ["anna"], threshold=0.5)


@pytest.mark.parametrize(
    ("dtype", "decimals"),
    [(np.float64, 16), (np.float32, 8), (np.float32, 1)],
    ids=["double", "single", "ties"],
)
def test_counting_in_blocks_changes_no_bit(monkeypatch, dtype, decimals):
    scores, species, subjects = _samples(13, 7, likeness=0.4)
    scores = np.round(scores, decimals).astype(dtype)
    at_once = _intervals(scores, species, subjects)

    for module in (block_counts, subject_areas, subject_bootstrap):
        monkeypatch.setattr(module, "blocks", _sevens)

    assert _intervals(scores, species, subjects) == at_once


def _sevens(samples, width):
    return (slice(start, start + 7) for start in range(0, samples, 7))
