import io

import numpy as np
import pytest
from PIL import Image

from lifesign.errors import InputError
from lifesign.evaluation.metrics.image_statistics import (
    IMAGE_STATISTICS,
    batch_image_statistics,
    image_statistics,
)
from lifesign.evaluation.metrics.typology_angle import NO_SKIN, typology_angles


def _scene(seed=0, size=112):
    rows, columns = np.mgrid[0:size, 0:size]
    base = 120 + 60 * np.sin(rows / 9) + 40 * np.cos(columns / 13)
    noise = np.random.default_rng(seed).normal(0, 3, (size, size, 3))
    return np.clip(base[..., None] + np.array([10, 0, -10]) + noise, 0, 255).astype(np.uint8)


def _jpeg(image, quality):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def test_one_image_equals_its_row_in_any_batch():
    images = np.stack([_scene(seed) for seed in range(9)])
    rows = batch_image_statistics(images)
    assert rows.shape == (9, len(IMAGE_STATISTICS))
    assert rows.dtype == np.float32
    for image, row in zip(images, rows, strict=True):
        assert list(image_statistics(image).values()) == [float(value) for value in row]


def test_flat_grey_image_has_brightness_and_nothing_else():
    values = image_statistics(np.full((32, 32, 3), 51, np.uint8))
    assert values["brightness"] == pytest.approx(0.2)
    assert values["typology_angle"] == NO_SKIN
    assert all(values[name] == 0 for name in set(IMAGE_STATISTICS) - {"brightness", "typology_angle"})


def test_pure_colours_reach_the_ends_of_the_colour_axes():
    red = np.zeros((16, 16, 3), np.uint8)
    red[..., 0] = 255
    values = image_statistics(red)
    assert values["saturation"] == 1
    assert values["red_green"] == 1
    assert values["blue_yellow"] == pytest.approx(-0.5)


@pytest.mark.parametrize(
    ("feature", "change"),
    [
        ("brightness", lambda image: np.clip(image.astype(int) + 40, 0, 255).astype(np.uint8)),
        ("contrast", lambda image: np.clip((image.astype(int) - 128) * 2 + 128, 0, 255).astype(np.uint8)),
        (
            "sharpness",
            lambda image: (image & 0xFE) + 20 * (np.indices(image.shape).sum(0) % 2).astype(np.uint8),
        ),
        (
            "noise",
            lambda image: np.clip(image + np.random.default_rng(1).normal(0, 9, image.shape), 0, 255).astype(
                np.uint8
            ),
        ),
        ("blockiness", lambda image: _jpeg(image, 8)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_statistic_rises_with_what_it_names(feature, change):
    image = _scene()
    assert image_statistics(change(image))[feature] > image_statistics(image)[feature] * 1.1 + 0.005


def test_noise_estimate_recovers_the_noise_that_was_added():
    grey = np.clip(128 + np.random.default_rng(3).normal(0, 8, (200, 200)), 0, 255).astype(np.uint8)
    values = image_statistics(np.repeat(grey[..., None], 3, axis=2))
    assert values["noise"] * 255 == pytest.approx(8, rel=0.05)


@pytest.mark.parametrize("shape", [(1, 1), (2, 5), (3, 3), (8, 9), (9, 8)])
def test_tiny_images_give_finite_numbers(shape):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3)).astype(np.uint8)
    assert all(np.isfinite(list(image_statistics(image).values())))


def test_no_images_give_no_rows():
    assert batch_image_statistics(np.zeros((0, 8, 8, 3), np.uint8)).shape == (0, len(IMAGE_STATISTICS))


@pytest.mark.parametrize("images", [np.zeros((2, 8, 8), np.uint8), np.zeros((1, 8, 8, 3), np.float32)])
def test_wrong_arrays_are_refused_with_expected_and_got(images):
    with pytest.raises(InputError, match="expected images as uint8"):
        batch_image_statistics(images)


def test_tone_is_that_of_the_middle_and_not_of_the_background():
    image = np.full((112, 112, 3), (30, 60, 200), np.uint8)
    image[40:85, 36:76] = (0xA0, 0x7E, 0x56)  # Monk 6: L* 55.143, b* 26.740
    expected = np.degrees(np.arctan(5.143 / 26.740))
    assert typology_angles(image[np.newaxis]) == pytest.approx([expected], abs=0.05)


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (1, 200)])
def test_tone_of_a_tiny_image_is_that_of_some_pixel(shape):
    image = np.full((*shape, 3), (0xF6, 0xED, 0xE4), np.uint8)
    assert 80 < typology_angles(image[np.newaxis])[0] < 90
