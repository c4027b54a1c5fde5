import io

import pytest
from PIL import Image

from lifesign.errors import ImageError
from lifesign.gateway.pictures import judge_quality, take_picture
from lifesign.preprocessing import ImageLimits, PreprocessingSpec

SPEC = PreprocessingSpec(height=64, width=64)


def encoded(size, mode="RGB", file_format="PNG"):
    buffer = io.BytesIO()
    Image.new(mode, size).save(buffer, file_format)
    return buffer.getvalue()


def quality(size, *, mode="RGB", spec=SPEC, min_side=32):
    picture = take_picture(encoded(size, mode), ImageLimits(), spec, 0.0)
    return judge_quality(picture.decoded, spec, min_side=min_side)


@pytest.mark.parametrize(
    ("size", "mode", "verdict", "codes"),
    [
        ((64, 64), "RGB", "ok", []),
        ((64, 63), "RGB", "warn", ["IMAGE_ENLARGED"]),
        ((32, 200), "RGB", "warn", ["IMAGE_ENLARGED"]),
        ((31, 200), "RGB", "reject", ["IMAGE_TOO_SMALL"]),
        ((64, 64), "L", "warn", ["GRAYSCALE"]),
        ((64, 64), "RGBA", "warn", ["TRANSPARENCY"]),
    ],
)
def test_quality_follows_size_and_conversions(size, mode, verdict, codes):
    found = quality(size, mode=mode)
    assert found.verdict == verdict
    assert [item.code for item in found.warnings] == codes


def test_a_centre_crop_is_judged_by_what_the_model_sees():
    spec = PreprocessingSpec(height=64, width=64, crop="center")
    assert quality((400, 63), spec=spec).warnings[0].value == 63


def test_a_picture_has_the_model_s_size():
    picture = take_picture(encoded((90, 70)), ImageLimits(), SPEC, 0.0)
    assert picture.pixels.shape == (64, 64, 3)
    assert picture.queue_seconds > 0


def test_bytes_beyond_the_limit_are_refused():
    with pytest.raises(ImageError):
        take_picture(encoded((90, 70)), ImageLimits(max_bytes=10), SPEC, 0.0)
