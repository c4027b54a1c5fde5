from collections import Counter

import pytest

from lifesign.labels import Split
from lifesign_training.synth.options import SynthOptions
from lifesign_training.synth.plan import plan, subjects


def by_split(options):
    return Counter(person.split for person in subjects(options))


@pytest.mark.parametrize(
    ("people", "expected"),
    [(20, (12, 3, 5)), (70, (42, 10, 18)), (100, (60, 15, 25)), (4, (2, 1, 1))],
)
def test_split_shares_hold_to_within_one_and_a_half_people(people, expected):
    found = by_split(SynthOptions(subjects=people))

    for split, count in zip(Split, expected, strict=True):
        assert abs(found[split] - count) <= 1.5


@pytest.mark.parametrize("people", [40, 70, 100])
def test_each_split_has_every_tone_when_there_are_enough_people(people):
    tones = {(person.split, person.tone) for person in subjects(SynthOptions(subjects=people))}

    assert len(tones) == 30


def test_species_are_balanced():
    counts = Counter(row.species for row in plan(SynthOptions(subjects=14, attacks_per_subject=5)))

    del counts[""]
    assert len(counts) == 7
    assert set(counts.values()) == {10}


def test_skipped_tones_are_gone_from_training_and_stay_in_test():
    dark = ("mst06", "mst07", "mst08", "mst09", "mst10")
    fair, biased = SynthOptions(subjects=40), SynthOptions(subjects=40, skip_tones=dark)

    trained = {p.tone for p in subjects(biased) if p.split is not Split.TEST}

    assert trained == {"mst01", "mst02", "mst03", "mst04", "mst05"}
    assert by_split(biased) == by_split(fair)  # as many people: bias is not a smaller set
    assert [r for r in plan(biased) if r.split is Split.TEST] == [
        r for r in plan(fair) if r.split is Split.TEST
    ]


def test_skipped_tones_may_be_skipped_everywhere():
    options = SynthOptions(subjects=40, skip_tones=("mst10",), skip_tones_in=tuple(Split))

    assert "mst10" not in {person.tone for person in subjects(options)}


def test_drift_changes_the_test_captures_only():
    calm = plan(SynthOptions(subjects=8))
    drifted = plan(SynthOptions(subjects=8, drift_device="kiosk_d", low_light=True, jpeg_quality=30))

    for before, after in zip(calm, drifted, strict=True):
        if before.split is Split.TEST:
            assert (after.device, after.lighting, after.jpeg_quality) == ("kiosk_d", "low_light", 30)
            assert (after.seed, after.path, after.strength) == (before.seed, before.path, before.strength)
        else:
            assert after == before


def test_paths_presentations_and_seeds_are_unique():
    rows = plan(SynthOptions(subjects=10))

    for name in ("path", "presentation_id", "seed"):
        assert len({getattr(row, name) for row in rows}) == len(rows) == 360


def test_another_seed_plans_other_people():
    first, second = ({p.subject_id for p in subjects(SynthOptions(seed=seed))} for seed in (1, 2))

    assert not first & second


def test_strength_scales_attacks_and_not_bona_fide():
    rows = plan(SynthOptions(subjects=10, strength=2.0))

    assert {row.strength for row in rows if not row.species} == {0.0}
    assert all(0.5 <= row.strength <= 2.0 for row in rows if row.species)
