"""Image statistics against scipy's filters and entropy, one image at a time and edge by edge."""

import numpy as np
import pytest
from scipy.ndimage import correlate
from scipy.stats import entropy

from lifesign.evaluation.metrics.image_statistics import IMAGE_STATISTICS, batch_image_statistics

_LAPLACIAN = np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]])
_IMMERKAER = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]])


def _inner(luma, kernel):
    return correlate(luma, kernel, mode="constant")[1:-1, 1:-1]


def _blockiness(luma):
    down, across = np.abs(np.diff(luma, axis=0)), np.abs(np.diff(luma, axis=1))
    rows, columns = np.arange(len(down)) % 8 == 7, np.arange(across.shape[1]) % 8 == 7
    border = np.concatenate([down[rows].ravel(), across[:, columns].ravel()]).mean()
    inside = np.concatenate([down[~rows].ravel(), across[:, ~columns].ravel()]).mean()
    return (border - inside) / (border + inside)


def _expected(image):
    channels = image.astype(np.int64)
    red, green, blue = np.moveaxis(channels, 2, 0)
    luma = (77 * red + 150 * green + 29 * blue) >> 8
    largest, smallest = channels.max(axis=2), channels.min(axis=2)
    return {
        "brightness": luma.mean() / 255,
        "contrast": luma.std() / 255,
        "saturation": (largest - smallest).sum() / largest.sum(),
        "sharpness": _inner(luma, _LAPLACIAN).std() / 255,
        "noise": np.sqrt(np.pi / 2) / 6 * np.abs(_inner(luma, _IMMERKAER)).mean() / 255,
        "blockiness": _blockiness(luma),
        "red_green": (red - green).mean() / 255,
        "blue_yellow": (blue - (red + green) / 2).mean() / 255,
        "entropy": entropy(np.bincount(luma.ravel()), base=2),
    }


# Sizes on both sides of a block's border, and so many images that they are computed in several chunks.
@pytest.mark.parametrize(
    ("height", "width"), [(9, 9), (9, 40), (16, 17), (17, 16), (24, 25), (64, 64), (200, 190)]
)
@pytest.mark.parametrize("most", [256, 40], ids=["all levels", "dark"])
def test_statistics_are_those_of_plain_filters(height, width, most):
    # The brightest image next to the darkest: whatever reaches over an edge is seen.
    images = np.random.default_rng(7).integers(0, most, (24, height, width, 3), dtype=np.uint8)
    images[1::2] = 255 - images[1::2]
    found = batch_image_statistics(images)
    for image, row in zip(images, found, strict=True):
        values = dict(zip(IMAGE_STATISTICS, row.tolist(), strict=True))
        for name, expected in _expected(image).items():
            assert values[name] == pytest.approx(expected, rel=1e-5, abs=1e-7), name


def test_more_images_than_levels_of_a_chunk_keep_their_own_histograms():
    images = np.random.default_rng(3).integers(0, 256, (700, 3, 4, 3), dtype=np.uint8)
    one_by_one = np.concatenate([batch_image_statistics(image[np.newaxis]) for image in images])
    assert np.array_equal(batch_image_statistics(images), one_by_one)
