import numpy as np
import pytest

from lifesign_training.synth.fields import blur, frame_grid, sample, smooth_noise, soft_inside


def test_the_grid_is_centred_on_pixels():
    x, y = frame_grid(4)

    assert x[0].tolist() == [-0.75, -0.25, 0.25, 0.75]
    assert y[:, 0].tolist() == [-0.75, -0.25, 0.25, 0.75]


@pytest.mark.parametrize("cell", [1.0, 3.0, 12.0])
def test_noise_has_unit_spread_at_every_scale(cell):
    noise = smooth_noise(np.random.default_rng(3), 128, cell)

    assert noise.shape == (128, 128)
    assert noise.dtype == np.float32
    assert 0.7 < noise.std() < 1.3


def test_coarser_noise_is_smoother():
    rng = np.random.default_rng(3)

    steps = [np.abs(np.diff(smooth_noise(rng, 128, cell))).mean() for cell in (1, 4, 16)]

    assert steps[0] > 2 * steps[1] > 4 * steps[2]


def test_sampling_at_pixel_centres_returns_the_image():
    image = np.random.default_rng(0).random((9, 9, 3), dtype=np.float32)
    row, column = np.mgrid[0:8, 0:8].astype(np.float32)

    assert sample(image, column, row) == pytest.approx(image[:8, :8], abs=1e-6)


def test_sampling_between_pixels_is_bilinear():
    image = np.array([[0, 1], [2, 3]], np.float32)

    assert sample(image, np.array([[0.5]], np.float32), np.array([[0.25]], np.float32))[
        0, 0
    ] == pytest.approx(1.0)


def test_blur_keeps_the_mean_and_removes_contrast():
    image = np.random.default_rng(0).random((64, 64, 3), dtype=np.float32)

    smooth = blur(image, 2.0)

    assert smooth.mean() == pytest.approx(image.mean(), abs=0.01)
    assert smooth.std() < 0.3 * image.std()


def test_coverage_is_half_on_the_edge():
    assert soft_inside(np.array([-1.0, 0.0, 1.0], np.float32), 0.5).tolist() == [1.0, 0.5, 0.0]
