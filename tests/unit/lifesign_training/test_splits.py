import pytest

from lifesign.errors import DatasetError
from lifesign.labels import LIVENESS_CLASSES, Split
from lifesign_training.samples import Sample, SampleSet
from lifesign_training.splits import audit_lines, carve_dev


def sample(number: int, label: str, split: Split | None, *, subject: str = "", species: str = "") -> Sample:
    return Sample(f"{number:04d}.png", label, split, species=species, subject=subject)


def block_ordered(counts: dict[str, int], *, per_subject: int = 0) -> SampleSet:
    """Samples class by class, as folders list them: the order that a tail split would ruin."""
    samples = []
    for label, count in counts.items():
        for index in range(count):
            subject = f"{label}-{index // per_subject}" if per_subject else ""
            samples.append(sample(len(samples), label, None, subject=subject))
    return SampleSet("x", tuple(counts), tuple(samples))


def test_a_carved_dev_split_keeps_the_share_of_every_class() -> None:
    data = carve_dev(block_ordered({"a": 2135, "b": 1472, "c": 760}), fraction=0.3, seed=1)

    for label, total in {"a": 2135, "b": 1472, "c": 760}.items():
        held_out = sum(item.label == label for item in data.of(Split.DEV))
        assert held_out / total == pytest.approx(1 / 3, abs=0.02)
    assert len(data.of(Split.TRAIN)) + len(data.of(Split.DEV)) == 4367


@pytest.mark.parametrize("seed", range(3))
def test_a_carved_dev_split_shares_no_subject(seed: int) -> None:
    data = carve_dev(block_ordered({"a": 60, "b": 90}, per_subject=6), fraction=0.2, seed=seed)

    train = {item.subject for item in data.of(Split.TRAIN)}
    dev = {item.subject for item in data.of(Split.DEV)}
    assert train
    assert dev
    assert not train & dev


def test_an_existing_dev_split_is_left_alone() -> None:
    rows = (sample(1, "a", Split.TRAIN), sample(2, "b", Split.TRAIN), sample(3, "a", Split.DEV))
    data = SampleSet("x", ("a", "b"), rows)

    assert carve_dev(data, fraction=0.2, seed=1).samples == rows


def test_rare_species_do_not_stop_the_carving() -> None:
    rows = [sample(i, "attack", None, species="common") for i in range(40)]
    rows += [sample(40, "attack", None, species="rare")]
    rows += [sample(41 + i, "bona_fide", None) for i in range(40)]

    data = carve_dev(SampleSet("x", LIVENESS_CLASSES, tuple(rows)), fraction=0.2, seed=1)

    assert {item.label for item in data.of(Split.DEV)} == set(LIVENESS_CLASSES)


@pytest.mark.parametrize(
    ("counts", "per_subject", "says"),
    [({"a": 1, "b": 10}, 0, "single image"), ({"a": 8, "b": 8}, 8, "no image of")],
    ids=["one image", "one subject"],
)
def test_what_cannot_be_parted_is_refused(counts: dict[str, int], per_subject: int, says: str) -> None:
    with pytest.raises(DatasetError, match=says):
        carve_dev(block_ordered(counts, per_subject=per_subject), fraction=0.2, seed=1)


def test_the_audit_counts_splits_classes_species_and_subjects() -> None:
    rows = (
        sample(1, "attack", Split.TRAIN, subject="p", species="print"),
        sample(2, "attack", Split.TRAIN, subject="p", species="mask"),
        sample(3, "bona_fide", Split.TRAIN, subject="q"),
        sample(4, "bona_fide", Split.DEV),
    )

    lines = audit_lines(SampleSet("x", LIVENESS_CLASSES, rows))

    assert lines == (
        "train: 3 images, 2 subjects: attack 2 (mask 1, print 1), bona_fide 1",
        "dev: 1 images, subjects not known, leakage cannot be checked: attack 0, bona_fide 1",
    )
