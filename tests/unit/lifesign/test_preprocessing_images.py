import io
import os
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms
from pydantic import ValidationError

from lifesign.errors import ImageError
from lifesign.preprocessing import ImageLimits, PreprocessingSpec, decode_image, prepare_image, read_image


def _encoded(image: Image.Image, file_format: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def _noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("file_format", ["PNG", "BMP", "TIFF"])
def test_lossless_files_of_the_right_size_pass_unchanged(file_format):
    pixels = _noise(20, 30)
    decoded = decode_image(_encoded(Image.fromarray(pixels), file_format))
    assert (decoded.width, decoded.height, decoded.format) == (30, 20, file_format)
    prepared = prepare_image(decoded, PreprocessingSpec(height=20, width=30))
    np.testing.assert_array_equal(prepared, pixels)


@pytest.mark.parametrize("resample", ["bilinear", "lanczos"])
def test_resizing_gives_the_wanted_shape_and_keeps_a_flat_colour(resample):
    decoded = decode_image(_encoded(Image.new("RGB", (300, 200), (10, 200, 90))))
    spec = PreprocessingSpec(height=64, width=48, resample=resample)
    prepared = prepare_image(decoded, spec)
    assert (prepared.shape, prepared.dtype) == ((64, 48, 3), np.uint8)
    assert (prepared == (10, 200, 90)).all()


def test_center_crop_takes_the_largest_middle_square():
    pixels = np.zeros((10, 30, 3), np.uint8)
    pixels[:, 10:20] = 255
    decoded = decode_image(_encoded(Image.fromarray(pixels)))
    spec = PreprocessingSpec(height=10, width=10, crop="center")
    assert (prepare_image(decoded, spec) == 255).all()


@pytest.mark.parametrize(
    ("changes", "fingerprint"),
    [
        ({}, "exif>srgb>resize112x96-bilinear-aa"),
        ({"crop": "center"}, "exif>srgb>center-crop>resize112x96-bilinear-aa"),
        ({"resample": "lanczos"}, "exif>srgb>resize112x96-lanczos-aa"),
    ],
)
def test_fingerprint_follows_every_choice(changes, fingerprint):
    assert PreprocessingSpec(height=112, width=96, **changes).fingerprint == fingerprint


def test_impossible_sizes_are_refused():
    with pytest.raises(ValidationError, match="height"):
        PreprocessingSpec(height=0, width=10)


def test_srgb_profile_is_left_alone_and_garbage_is_ignored():
    image = Image.fromarray(_noise(8, 8))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile in (srgb, b"not a profile"):
        decoded = decode_image(_encoded(image, icc_profile=profile))
        np.testing.assert_array_equal(np.asarray(decoded.image), _noise(8, 8))
        assert "icc" not in decoded.notes


def test_limits_are_judged_before_pixels():
    data = _encoded(Image.new("RGB", (100, 100)))
    with pytest.raises(ImageError, match="10,000 pixels, at most 9,999") as caught:
        decode_image(data, ImageLimits(max_pixels=9_999))
    assert caught.value.reason == "too_many_pixels"
    with pytest.raises(ImageError, match="at most 10 are accepted") as caught:
        decode_image(data, ImageLimits(max_bytes=10))
    assert caught.value.reason == "too_large"
    assert decode_image(data, ImageLimits(max_pixels=10_000)).width == 100


def test_reading_says_which_file(tmp_path):
    path = tmp_path / "a.png"
    with pytest.raises(ImageError, match=r"a\.png: no such file"):
        read_image(path)
    path.write_bytes(b"123")
    assert read_image(path) == b"123"
    with pytest.raises(ImageError, match=r"a\.png: 3 bytes, at most 2"):
        read_image(path, ImageLimits(max_bytes=2))


def test_a_named_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ImageError, match=r"pipe\.png: expected a file"):
        read_image(tmp_path / "pipe.png")


@pytest.mark.parametrize("scale", [1.0, 255.0, 65535.0], ids=["0 to 1", "0 to 255", "0 to 65535"])
def test_floats_of_any_usual_range_become_the_same_grey(scale):
    ramp = np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16)
    decoded = decode_image(_encoded(Image.fromarray(ramp * np.float32(scale)), "TIFF"))
    assert "16bit" in decoded.notes
    np.testing.assert_array_equal(np.asarray(decoded.image)[..., 0], np.arange(256).reshape(16, 16))


def test_a_bomb_is_refused_with_the_limit_that_counts_here():
    header = _encoded(Image.new("1", (8, 8)))
    width = (60000).to_bytes(4, "big")
    chunk = b"IHDR" + width + width + header[24:29]
    bomb = header[:12] + chunk + zlib.crc32(chunk).to_bytes(4, "big") + header[33:]
    with pytest.raises(ImageError, match=r"50,000,000 pixels") as caught:
        decode_image(bomb)
    assert caught.value.reason == "too_many_pixels"
