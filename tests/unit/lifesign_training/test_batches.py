import numpy as np
import pytest

from lifesign_training.batches import EpochBatches, augment, class_weights
from lifesign_training.recipe import AugmentationConfig

IMAGES = np.random.default_rng(0).integers(0, 256, (10, 12, 12, 3), dtype=np.uint8)
LABELS = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 2])


def epoch_of(number: int, *, seed: int = 7) -> EpochBatches:
    return EpochBatches(
        IMAGES,
        LABELS,
        weights=class_weights(LABELS, 3),
        batch_size=4,
        augmentation=AugmentationConfig(flip=True, crop=8, shift=2),
        seed=seed,
        epoch=number,
    )


def test_class_weights_make_classes_equal_and_average_one_per_sample() -> None:
    weights = class_weights(LABELS, 3)

    assert weights * np.bincount(LABELS) == pytest.approx([10 / 3] * 3)
    assert weights[LABELS].mean() == pytest.approx(1.0)


def test_class_weights_of_inverse_frequency_are_the_published_ones() -> None:
    labels = np.repeat([0, 1, 2], [2135, 1472, 760])

    assert class_weights(labels, 3, "inverse_frequency") == pytest.approx([2.045, 2.967, 5.746], abs=5e-4)
    assert class_weights(labels, 3, False).tolist() == [1, 1, 1]


def test_features_pass_where_nothing_is_augmented() -> None:
    features = np.ones((4, 7), np.float32)

    assert augment(features, AugmentationConfig(), np.random.default_rng(1)) is features


def test_a_class_without_samples_weighs_nothing() -> None:
    assert class_weights(np.array([0, 0]), 2).tolist() == [0.5, 0.0]


def test_an_epoch_holds_every_sample_once() -> None:
    batches = epoch_of(1)

    labels = np.concatenate([batches[index][1].argmax(axis=1) for index in range(len(batches))])

    assert len(batches) == 3
    assert sorted(labels) == sorted(LABELS)


def test_an_epoch_is_a_function_of_seed_and_number() -> None:
    first, again, other = epoch_of(1), epoch_of(1), epoch_of(2)

    for index in range(len(first)):
        for one, two in zip(first[index], again[index], strict=True):
            assert np.array_equal(one, two)
    assert not np.array_equal(first[0][0], other[0][0])


def test_a_crop_is_a_window_of_the_image() -> None:
    cropped = augment(IMAGES[:1], AugmentationConfig(crop=8), np.random.default_rng(3))[0]

    windows = [IMAGES[0, top : top + 8, left : left + 8] for top in range(5) for left in range(5)]
    assert any(np.array_equal(cropped, window) for window in windows)


def test_flips_mirror_some_images_and_leave_the_source_alone() -> None:
    before = IMAGES.copy()

    flipped = augment(IMAGES, AugmentationConfig(flip=True), np.random.default_rng(1))

    same = [np.array_equal(new, old) for new, old in zip(flipped, IMAGES, strict=True)]
    mirrored = [np.array_equal(new, old[:, ::-1]) for new, old in zip(flipped, IMAGES, strict=True)]
    assert all(one or two for one, two in zip(same, mirrored, strict=True))
    assert any(same)
    assert any(mirrored)
    assert np.array_equal(before, IMAGES)
