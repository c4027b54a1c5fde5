from dataclasses import replace

import numpy as np
import pytest

from lifesign_training.synth.camera import DEVICES, draw_shot, photograph, sensor_side, through_jpeg

SIZE = 64


def scene(device, value=0.3):
    side = sensor_side(device, SIZE) * 2
    return np.full((side, side, 3), value, np.float32)


def shot_of(device, **changes):
    shot = draw_shot(device, np.random.default_rng(1))
    return replace(shot, motion=(0, 0), jpeg_quality=95, **changes)


@pytest.mark.parametrize("name", sorted(DEVICES))
def test_every_device_gives_bytes_of_the_output_size(name):
    device = DEVICES[name]

    picture = photograph(scene(device), shot_of(device), SIZE)

    assert picture.shape == (SIZE, SIZE, 3)
    assert picture.dtype == np.uint8
    assert 70 < picture.mean() < 200


def test_auto_exposure_evens_out_the_light_level():
    device = DEVICES["phone_a"]
    shot = shot_of(device)

    dark, bright = (photograph(scene(device, value), shot, SIZE).mean() for value in (0.05, 0.5))

    assert bright - dark < 80  # a factor of ten in light, without exposure control more than 150


def test_less_light_means_more_noise():
    device = DEVICES["webcam_c"]

    day, night = (photograph(scene(device), shot_of(device, light=light), SIZE).std() for light in (1.0, 0.1))

    assert night > 1.5 * day


def test_a_wider_blur_softens_an_edge():
    device = DEVICES["phone_a"]
    radiance = scene(device)
    radiance[:, : radiance.shape[1] // 2] = 0.05

    sharp, soft = (
        np.abs(np.diff(photograph(radiance, shot_of(device, blur=blur), SIZE).astype(int), axis=1)).max()
        for blur in (0.5, 4.0)
    )

    assert sharp > 1.5 * soft


def test_a_fine_pattern_aliases_into_a_coarse_one():
    """Moiré is what the sensor makes of structure just beyond its pixels: nothing is painted on."""
    device = replace(DEVICES["webcam_c"], vignette=0.0)
    side = sensor_side(device, SIZE) * 3
    wave = 0.3 + 0.25 * np.cos(2 * np.pi * np.arange(side) / 3 / 1.08)
    radiance = np.broadcast_to(wave[None, :, None], (side, side, 3)).astype(np.float32)

    picture = photograph(radiance, shot_of(device, blur=0.5), SIZE).astype(float).mean(axis=(0, 2))
    spectrum = np.abs(np.fft.rfft(picture - picture.mean()))

    assert 3 <= int(np.argmax(spectrum)) <= 8  # 1/1.08 cycles per px folds to about 0.07


def test_lower_quality_loses_more():
    pixels = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)

    good, bad = (np.abs(through_jpeg(pixels, q).astype(int) - pixels).mean() for q in (95, 20))

    assert bad > 1.2 * good
