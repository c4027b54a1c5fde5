"""Every strange image file has a defined outcome, and none stops the others."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from lifesign.datasets.sources import FileSource
from lifesign.evaluation.replay.decoding import decode_batch
from lifesign.preprocessing import ImageLimits, PreprocessingSpec

SPEC = PreprocessingSpec(height=8, width=12)


def _pixels() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (8, 12, 3), dtype=np.uint8)


def _encoded(image: Image.Image, file_format: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _png_bomb(width: int, height: int) -> bytes:
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + _chunk(b"IDAT", zlib.compress(bytes(1000))) + _chunk(b"IEND", b"")


def _png() -> bytes:
    return _encoded(Image.fromarray(_pixels()), "PNG")


REFUSED = {
    "zero bytes": (b"", "empty"),
    "text": (b"this is not an image, however long it is", "not_an_image"),
    "pixel bomb": (_png_bomb(60000, 60000), "too_many_pixels"),
    "smaller bomb": (_png_bomb(10000, 8000), "too_many_pixels"),
    "truncated png": (_png()[: len(_png()) // 2], "truncated"),
    "truncated jpeg": (_encoded(Image.new("RGB", (64, 64), "red"), "JPEG")[:-40], "truncated"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not_an_image"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3", "not_an_image"),
}


def test_refused_files_have_a_reason_and_spare_the_others(tmp_path):
    for name, (data, _) in REFUSED.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "good").write_bytes(_png())
    (tmp_path / "folder").mkdir()
    names = [*REFUSED, "absent", "folder", "good"]

    batch = decode_batch(FileSource(str(tmp_path)), names, SPEC)

    reasons = {names[place]: refusal.reason for place, refusal in batch.refusals.items()}
    assert reasons == {
        **{name: reason for name, (_, reason) in REFUSED.items()},
        "absent": "missing",
        "folder": "missing",
    }
    assert batch.kept.tolist() == [names.index("good")]
    np.testing.assert_array_equal(batch.images, _pixels()[None])
    assert not any(str(tmp_path) in refusal.detail for refusal in batch.refusals.values())


def test_too_many_bytes_are_refused_unread(tmp_path):
    (tmp_path / "big").write_bytes(_png())
    batch = decode_batch(FileSource(str(tmp_path)), ["big"], SPEC, ImageLimits(max_bytes=10))
    assert batch.refusals[0].reason == "too_large"
    assert batch.images.shape == (0, 8, 12, 3)
    assert batch.statistics.shape == (0, 10)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_undone_exactly(tmp_path, orientation):
    upright = Image.fromarray(_pixels())
    undo = {
        2: [Image.Transpose.FLIP_LEFT_RIGHT],
        3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.TRANSPOSE],
        6: [Image.Transpose.ROTATE_90],
        7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_270],
    }
    stored = upright
    for step in undo.get(orientation, []):
        stored = stored.transpose(step)
    exif = Image.Exif()
    exif[0x0112] = orientation
    (tmp_path / "a.png").write_bytes(_encoded(stored, "PNG", exif=exif))

    batch = decode_batch(FileSource(str(tmp_path)), ["a.png"], SPEC)

    np.testing.assert_array_equal(batch.images[0], _pixels())
    assert batch.sizes.tolist() == [[12, 8]]
    assert batch.notes[0] == ("" if orientation == 1 else "rotated")


def _cmyk() -> tuple[bytes, np.ndarray]:
    image = Image.new("CMYK", (12, 8), (0, 255, 255, 0))
    return _encoded(image, "TIFF"), np.full((8, 12, 3), (255, 0, 0), np.uint8)


def _sixteen_bit() -> tuple[bytes, np.ndarray]:
    values = np.linspace(0, 65535, 96).reshape(8, 12).astype(np.uint16)
    expected = np.rint(values / 257.0).astype(np.uint8)
    return _encoded(Image.fromarray(values), "PNG"), np.repeat(expected[..., None], 3, axis=2)


def _animated() -> tuple[bytes, np.ndarray]:
    frames = [Image.new("RGB", (12, 8), colour) for colour in ((255, 0, 0), (0, 0, 255))]
    data = _encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    return data, np.full((8, 12, 3), (255, 0, 0), np.uint8)


def _alpha() -> tuple[bytes, np.ndarray]:
    pixels = np.full((8, 12, 4), (200, 100, 50, 255), np.uint8)
    pixels[:, :6, 3] = 0
    expected = pixels[..., :3].copy()
    expected[:, :6] = 0
    return _encoded(Image.fromarray(pixels), "PNG"), expected


def _palette() -> tuple[bytes, np.ndarray]:
    image = Image.new("P", (12, 8), 1)
    image.putpalette([0, 0, 0, 10, 200, 30])
    return _encoded(image, "PNG"), np.full((8, 12, 3), (10, 200, 30), np.uint8)


def _gray() -> tuple[bytes, np.ndarray]:
    values = np.arange(96, dtype=np.uint8).reshape(8, 12)
    return _encoded(Image.fromarray(values), "PNG"), np.repeat(values[..., None], 3, axis=2)


@pytest.mark.parametrize(
    ("make", "note"),
    [
        (_cmyk, "cmyk"),
        (_sixteen_bit, "16bit"),
        (_animated, "animated"),
        (_alpha, "alpha"),
        (_palette, "palette"),
        (_gray, "grayscale"),
    ],
)
def test_converted_images_have_the_right_pixels_and_a_note(tmp_path, make, note):
    data, expected = make()
    (tmp_path / "image").write_bytes(data)
    batch = decode_batch(FileSource(str(tmp_path)), ["image"], SPEC)
    assert note in batch.notes[0].split(",")
    np.testing.assert_array_equal(batch.images[0], expected)


def test_damaged_bytes_never_raise(tmp_path):
    rng = np.random.default_rng(5)
    sources = [
        _png(),
        _encoded(Image.fromarray(_pixels()), "JPEG"),
        _encoded(Image.fromarray(_pixels()), "WEBP"),
        _encoded(Image.fromarray(_pixels()), "TIFF"),
        _animated()[0],
    ]
    names = []
    for index in range(300):
        data = bytearray(sources[index % len(sources)])
        for place in rng.integers(0, len(data), 4):
            data[place] = rng.integers(0, 256)
        (tmp_path / str(index)).write_bytes(bytes(data))
        names.append(str(index))
    batch = decode_batch(FileSource(str(tmp_path)), names, SPEC)
    assert len(batch.kept) + len(batch.refusals) == len(names)
    assert batch.images.shape == (len(batch.kept), 8, 12, 3)
