"""Laws of the dataset plan."""

from collections import Counter, defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from lifesign.labels import Split
from lifesign_training.synth.colour import MONK_TONES
from lifesign_training.synth.options import SPECIES, SynthOptions
from lifesign_training.synth.plan import assign_splits, plan

OPTIONS = st.builds(
    SynthOptions,
    subjects=st.integers(1, 40),
    bona_fide_per_subject=st.integers(1, 6),
    attacks_per_subject=st.integers(0, 9),
    seed=st.integers(0, 2**31 - 1),
    strength=st.floats(0.1, 3.0),
    species=st.lists(st.sampled_from(SPECIES), min_size=1, unique=True).map(tuple),
    skip_tones=st.lists(st.sampled_from(list(MONK_TONES)), max_size=9, unique=True).map(tuple),
)


@given(OPTIONS)
@settings(max_examples=40, deadline=None)
def test_nobody_is_in_two_splits(options):
    splits = defaultdict(set)
    for row in plan(options):
        splits[row.subject_id].add(row.split)
        splits[row.attacker_seed].add(row.split)

    assert all(len(found) == 1 for found in splits.values())


@given(OPTIONS)
@settings(max_examples=40, deadline=None)
def test_every_person_has_the_planned_number_of_images(options):
    counts = Counter((row.subject_id, row.label) for row in plan(options))

    assert {n for (_, label), n in counts.items() if label == "bona_fide"} == {options.bona_fide_per_subject}
    assert all(n == options.attacks_per_subject for (_, label), n in counts.items() if label == "attack")
    assert len({subject for subject, _ in counts}) == options.subjects


@given(OPTIONS)
@settings(max_examples=25, deadline=None)
def test_species_counts_differ_by_one_person_at_most(options):
    counts = Counter(row.species for row in plan(options) if row.species)

    if options.attacks_per_subject:
        most, least = max(counts.values()), min(counts[name] for name in options.species)
        assert most - least <= options.attacks_per_subject


@given(
    st.lists(st.sampled_from(list(MONK_TONES)), min_size=1, max_size=120),
    st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9)),
)
@settings(deadline=None)
def test_each_tone_follows_the_shares(tones, weights):
    shares = {split: weight / sum(weights) for split, weight in zip(Split, weights, strict=True)}

    found = assign_splits(tones, shares)

    per_tone = Counter(zip(tones, found, strict=True))
    for tone, count in Counter(tones).items():
        for split, share in shares.items():
            assert abs(per_tone[tone, split] - share * count) <= 3
