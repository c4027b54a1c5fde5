import numpy as np
import pytest

from lifesign_training.synth.colour import MONK_TONES, decode_srgb, encode_srgb, luma, tone_albedo


def test_every_byte_survives_decoding_and_encoding():
    pixels = np.arange(256, dtype=np.uint8)

    again = np.rint(encode_srgb(decode_srgb(pixels)) * 255)

    assert np.array_equal(again, pixels)


@pytest.mark.parametrize(
    ("linear", "encoded"), [(0.0, 0.0), (0.0031308, 0.04045), (0.2140411, 0.5), (1.0, 1.0), (7.0, 1.0)]
)
def test_encoding_follows_the_standard_and_clips(linear, encoded):
    assert encode_srgb(np.array([linear], np.float32))[0] == pytest.approx(encoded, abs=6e-4)


def test_white_has_luminance_one():
    assert luma(np.ones((2, 2, 3), np.float32)) == pytest.approx(np.ones((2, 2)))


def test_tones_run_from_light_to_dark():
    brightness = [float(luma(tone_albedo(tone)[None, None, :])[0, 0]) for tone in MONK_TONES]

    assert len(brightness) == 10
    assert brightness[0] > 0.6
    assert brightness[-1] < 0.03
    assert brightness[2:] == sorted(brightness[2:], reverse=True)
