"""What is sent, number for number, against Keras' own preprocessing and Pillow's luma."""

import io

import numpy as np
import pytest
from PIL import Image

from lifesign.errors import ContractError
from lifesign.evaluation.contract.document import Encoding, Layout
from lifesign.evaluation.contract.pixels import SentInput, sent_tensor
from lifesign.evaluation.contract.scaling import Colour, Convention, Scaling, convention_scaling

IMAGES = np.random.default_rng(5).integers(0, 256, (3, 5, 7, 3), dtype=np.uint8)


def _sent(**options) -> SentInput:
    return SentInput(**{"name": "x", "dtype": "float32", **options})


def _named(name: str, colour: Colour = Colour.RGB) -> dict:
    return {"scaling": convention_scaling(Convention(name), colour), "scaling_name": name, "colour": colour}


@pytest.mark.parametrize("layout", list(Layout))
@pytest.mark.parametrize(
    ("name", "mode", "colour"),
    [("tf", "tf", Colour.RGB), ("torch", "torch", Colour.RGB), ("caffe", "caffe", Colour.BGR)],
)
def test_conventions_are_those_of_keras(name, mode, colour, layout):
    from keras.applications import imagenet_utils

    is_last = layout is Layout.NHWC
    native = IMAGES if is_last else IMAGES.transpose(0, 3, 1, 2)
    expected = imagenet_utils.preprocess_input(
        native.astype(np.float32), data_format="channels_last" if is_last else "channels_first", mode=mode
    )
    sent = sent_tensor(IMAGES, _sent(layout=layout, **_named(name, colour)))
    assert sent.dtype == np.float32
    assert sent.flags.c_contiguous
    np.testing.assert_allclose(sent, expected, atol=2e-5)


@pytest.mark.parametrize(("name", "mode"), [("torch", "torch"), ("caffe", "caffe")])
def test_means_follow_the_order_of_the_channels(name, mode):
    rgb = sent_tensor(IMAGES, _sent(**_named(name, Colour.RGB)))
    bgr = sent_tensor(IMAGES, _sent(**_named(name, Colour.BGR)))
    np.testing.assert_array_equal(rgb[..., ::-1], bgr)


def test_own_numbers_are_applied_in_the_order_that_is_documented():
    scaling = Scaling(scale=0.5, offset=3, mean=(1, 2, 3), std=(4, 5, 8))
    sent = sent_tensor(IMAGES, _sent(scaling=scaling))
    np.testing.assert_allclose(sent, (IMAGES * 0.5 + 3 - [1, 2, 3]) / [4, 5, 8], rtol=1e-6)
    assert scaling.described() == "x*0.5+3-mean(1,2,3)/std(4,5,8)"


def test_uint8_as_prepared_is_sent_without_a_copy():
    assert sent_tensor(IMAGES, _sent(dtype="uint8")) is IMAGES


@pytest.mark.parametrize("dtype", ["uint8", "int32", "float16", "float64"])
def test_other_types_and_layouts_keep_the_values(dtype):
    sent = sent_tensor(IMAGES, _sent(dtype=dtype, layout=Layout.NCHW, colour=Colour.BGR))
    assert sent.dtype == dtype
    np.testing.assert_array_equal(sent, IMAGES[..., ::-1].transpose(0, 3, 1, 2))


def test_half_precision_is_rounded_once():
    scaling = Scaling(scale=1 / 255, mean=0.5, std=0.2)
    sent = sent_tensor(IMAGES, _sent(dtype="float16", scaling=scaling))
    exact = (IMAGES / 255 - 0.5) / 0.2
    np.testing.assert_allclose(sent, exact, atol=np.abs(exact).max() * 2**-11)


@pytest.mark.parametrize("channels", [1, 3])
def test_gray_is_pillows_luma(channels):
    sent = sent_tensor(IMAGES, _sent(dtype="uint8", colour=Colour.GRAY, channels=channels))
    luma = np.stack([np.asarray(Image.fromarray(image).convert("L")) for image in IMAGES])
    np.testing.assert_array_equal(sent, np.repeat(luma[..., None], channels, axis=3))


@pytest.mark.parametrize(("encoding", "tolerance"), [(Encoding.PNG, 0), (Encoding.JPEG, 40)])
def test_pixels_can_be_sent_in_files(encoding, tolerance):
    smooth = np.repeat(np.repeat(IMAGES[:, :1, :1], 16, axis=1), 16, axis=2)
    files = sent_tensor(smooth, _sent(dtype="string", encoding=encoding))
    assert files.shape == (3,)
    decoded = [np.asarray(Image.open(io.BytesIO(one)).convert("RGB"), np.int32) for one in files]
    assert np.abs(np.stack(decoded) - smooth).max() <= tolerance


def test_files_are_sent_as_they_are():
    files = np.array([b"a", b"\0\xff"], np.object_)
    assert sent_tensor(files, _sent(dtype="string", encoding=Encoding.ORIGINAL)) is files


@pytest.mark.parametrize(
    ("images", "options", "message"),
    [
        (IMAGES.astype(np.float32), {}, "expected uint8 images"),
        (IMAGES[0], {}, "expected uint8 images"),
        (IMAGES, {"dtype": "string", "encoding": "original"}, "expected the bytes of files"),
    ],
)
def test_anything_else_is_refused(images, options, message):
    with pytest.raises(ContractError, match=message):
        sent_tensor(images, _sent(**options))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"dtype": "uint8"}, "rgb>uint8-NHWC"),
        (_named("tf"), "rgb>tf:x*0.00784314-1>float32-NHWC"),
        (
            {**_named("caffe", Colour.BGR), "layout": "NCHW"},
            "bgr>caffe:x-mean(103.939,116.779,123.68)>float32-NCHW",
        ),
        ({"dtype": "string", "encoding": "original"}, "file-bytes"),
        ({"dtype": "string", "encoding": "png"}, "png-bytes"),
    ],
)
def test_the_fingerprint_says_what_happens_to_pixels(options, expected):
    assert _sent(**options).fingerprint == expected
