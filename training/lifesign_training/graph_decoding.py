"""Images decoded by the exported graph itself, for the signature ``encoded``."""

from typing import Any, Final

import tensorflow as tf

from lifesign.preprocessing import ImageLimits, PreprocessingSpec

__all__ = ["decode_in_graph"]

# How a file of each kind starts, and where its header has two words of 32 bits: width and height.
_PNG_START: Final = b"\x89PNG\r\n\x1a\n"
_PNG_SIZE_AT: Final = 16
_BMP_START: Final = b"BM"
_BMP_SIZE_AT: Final = 18
_SIZE_BYTES: Final = 8


def decode_in_graph(encoded: Any, spec: PreprocessingSpec) -> Any:
    """Return the model's input, uint8 ``(n, height, width, 3)``, of ``n`` files: JPEG, PNG or BMP.

    Another format, and more pixels than ``ImageLimits`` accepts, are an invalid argument. The header is
    judged before any pixel is decoded, so a decompression bomb costs nothing. EXIF
    orientation and colour profiles are not applied here.
    """
    pixels = tf.TensorSpec((spec.height, spec.width, 3), tf.uint8)
    return tf.map_fn(lambda content: _decode(content, spec), encoded, fn_output_signature=pixels)


def _decode(content: Any, spec: PreprocessingSpec) -> Any:
    # In a graph only these make the decoder wait for the judgement.
    with tf.control_dependencies([_accepted(content)]):
        content = tf.identity(content)
    image = tf.io.decode_image(content, channels=3, expand_animations=False)
    image.set_shape((None, None, 3))
    if spec.crop == "center":
        height, width = tf.shape(image)[0], tf.shape(image)[1]
        side = tf.minimum(height, width)
        image = tf.image.crop_to_bounding_box(image, (height - side) // 2, (width - side) // 2, side, side)
    method = tf.image.ResizeMethod.LANCZOS3 if spec.resample == "lanczos" else tf.image.ResizeMethod.BILINEAR
    resized = tf.image.resize(image, (spec.height, spec.width), method=method, antialias=True)
    return tf.cast(tf.clip_by_value(tf.round(resized), 0, 255), tf.uint8)


def _accepted(content: Any) -> Any:
    """Return an op that fails for bytes that should not be decoded."""
    most = ImageLimits().max_pixels
    height, width = tf.unstack(tf.cast(_size(content), tf.int64), num=2)
    pixels = height * width
    return tf.debugging.Assert(
        (height > 0) & (width > 0) & (pixels <= most),
        [f"expected JPEG, PNG or BMP of at most {most} pixels, got (height, width)", height, width],
    )


def _size(content: Any) -> Any:
    """Return height and width by the header, int32 ``(2,)``; zeros for a file of another kind."""
    return tf.case(
        [
            (tf.io.is_jpeg(content), lambda: tf.io.extract_jpeg_shape(content)[:2]),
            (_starts(content, _PNG_START, _PNG_SIZE_AT), lambda: _big_endian_size(content)),
            (_starts(content, _BMP_START, _BMP_SIZE_AT), lambda: _little_endian_size(content)),
        ],
        default=lambda: tf.zeros(2, tf.int32),
        exclusive=True,
    )


def _starts(content: Any, start: bytes, size_at: int) -> Any:
    """Return whether a file starts so, and is long enough to say its size."""
    has_size = tf.strings.length(content) >= size_at + _SIZE_BYTES
    return (tf.strings.substr(content, 0, len(start)) == start) & has_size


def _big_endian_size(content: Any) -> Any:
    header = tf.strings.substr(content, _PNG_SIZE_AT, _SIZE_BYTES)
    return tf.reverse(tf.io.decode_raw(header, tf.int32, little_endian=False), [0])


def _little_endian_size(content: Any) -> Any:
    header = tf.strings.substr(content, _BMP_SIZE_AT, _SIZE_BYTES)
    # A height below zero says that the rows go from top to bottom.
    return tf.abs(tf.reverse(tf.io.decode_raw(header, tf.int32), [0]))
