"""Every image of a data set, read and decoded once: digests, hashes, sizes, light, texture, conversions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lifesign.evaluation.audit.decoded_sample import DecodedSample, read_sample
from lifesign.evaluation.audit.fingerprints import HASH_SIDE, difference_hashes, hash_plane, perceptual_hashes
from lifesign.evaluation.audit.texture import TEXTURE_SIZE, texture_features
from lifesign.evaluation.metrics.image_statistics import IMAGE_STATISTICS, batch_image_statistics
from lifesign.executor import Executor, LocalExecutor

__all__ = ["COLOURS", "NUMBERS", "WORDS", "Measurements", "measure_images", "measure_pixels"]

_FILE_NUMBERS = ("width", "height", "bytes", "quality")
COLOURS: Final = ("red", "green", "blue", "border_red", "border_green", "border_blue", "border_spread")
"""Mean colour, how the outermost ring differs from it, and the spread of the ring's brightness; 0–1."""

_EXPOSURE = ("dark_end", "bright_end", "clipped")
NUMBERS: Final = (*_FILE_NUMBERS, *IMAGE_STATISTICS, *COLOURS, *_EXPOSURE)
"""Names of the columns of ``Measurements.numbers``; ``quality`` is of JPEG alone, exposure ends are
percentiles 1 and 99 of brightness, ``clipped`` the share of pixels at either end."""

WORDS: Final = ("container", "quantisation", "exif", "software", "camera", "conversions")
"""Names of what files say in words."""

_LOSSLESS = frozenset({"PNG", "BMP", "TIFF", "GIF", "none"})
_CHUNK = 32
_PLANE = 16
_LUMA = np.array([77, 150, 29], np.uint16)

Columns = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Measurements:
    """What was measured of ``n`` images; rows that could not be read are zero or ``nan``.

    ``problems`` has the reason or ``None``; digests are uint64 ``(n, 2)``, the first 128 bits of SHA-256,
    of the file and of the upright sRGB pixels with their size; ``difference`` and ``perceptual`` hashes
    uint64 ``(n,)`` of the face where its box is known, else of the whole image, with ``planes`` uint8
    ``(n, 16, 16)`` of the same region; ``numbers`` float32 ``(n, len(NUMBERS))``; ``texture`` float32;
    ``words`` per name of ``WORDS``. About 1 kB per image.
    """

    problems: tuple[str | None, ...]
    file_digests: NDArray[np.uint64]
    pixel_digests: NDArray[np.uint64]
    difference: NDArray[np.uint64]
    perceptual: NDArray[np.uint64]
    planes: NDArray[np.uint8]
    numbers: NDArray[np.float32]
    texture: NDArray[np.float32]
    words: dict[str, tuple[str, ...]]

    @property
    def readable(self) -> NDArray[np.bool_]:
        """Which rows were decoded, bool ``(n,)``."""
        return np.array([problem is None for problem in self.problems], dtype=np.bool_)

    def number(self, name: str) -> NDArray[np.float64]:
        """Return one column, float64 ``(n,)``, ``nan`` where unknown."""
        return self.numbers[:, NUMBERS.index(name)].astype(np.float64)

    def coded_bytes(self) -> NDArray[np.float64]:
        """Return file sizes, float64 ``(n,)``, all ``nan`` where every file is lossless.

        Then the size tells how busy the picture is, which may be the attack's own, not how it was saved.
        """
        sizes = self.number("bytes")
        formats = {word.split(" ")[0] for word in self.words["container"]}
        return np.full_like(sizes, np.nan) if formats <= _LOSSLESS else sizes


def measure_images(
    paths: Sequence[str],
    read: Callable[[str], bytes],
    *,
    boxes: NDArray[np.float64] | None = None,
    executor: Executor | None = None,
    on_images: Callable[[int], None] = lambda _count: None,
) -> Measurements:
    """Read and measure images several at a time; one that cannot be used never stops the others.

    ``read`` gives the encoded bytes of a path and is called from several threads; ``boxes`` are float64
    ``(n, 4)``. Memory holds the measurements and the images in work, never the set. ``on_images`` is told
    the size of each finished portion.

    Raises:
        StorageError: whatever ``read`` raises but an ``ImageError``: the store is away.
    """
    count = len(paths)
    columns = _empty(count)
    problems: list[str | None] = [None] * count
    words: dict[str, list[str]] = {name: ["none"] * count for name in WORDS}

    def work(start: int) -> tuple[int, list[DecodedSample | str], Columns]:
        rows = range(start, min(start + _CHUNK, count))
        found = [read_sample(paths[row], read, None if boxes is None else boxes[row]) for row in rows]
        return start, found, _columns([one for one in found if isinstance(one, DecodedSample)])

    for start, found, portion in (executor or LocalExecutor()).map(work, range(0, count, _CHUNK)):
        good = [start + place for place, one in enumerate(found) if isinstance(one, DecodedSample)]
        _place(columns, good, portion)
        for row, one in enumerate(found, start):
            if isinstance(one, DecodedSample):
                for name, word in _words(one).items():
                    words[name][row] = word
            else:
                problems[row] = one
        on_images(len(found))
    return Measurements(
        problems=tuple(problems), words={name: tuple(row) for name, row in words.items()}, **columns
    )


def measure_pixels(images: Sequence[NDArray[np.uint8]], file_digests: Sequence[str]) -> Measurements:
    """Measure what duplicates are found by, of images that are decoded already, with hex SHA-256 of files.

    Images are uint8 ``(height, width, 3)`` each. Pixel digests are left out: different files may become
    the same few pixels. All else is as for images of which nothing is known.
    """
    count = len(images)
    columns = _empty(count)
    for start in range(0, count, _CHUNK):
        rows = list(range(start, min(start + _CHUNK, count)))
        planes = np.stack([hash_plane(Image.fromarray(images[row])) for row in rows])
        digests = _digests([bytes.fromhex(file_digests[row]) for row in rows])
        _place(columns, rows, {"file_digests": digests, **_likeness(planes)})
    return Measurements(problems=(None,) * count, words=dict.fromkeys(WORDS, ("none",) * count), **columns)


def _empty(count: int) -> Columns:
    return {
        "file_digests": np.zeros((count, 2), np.uint64),
        "pixel_digests": np.zeros((count, 2), np.uint64),
        "difference": np.zeros(count, np.uint64),
        "perceptual": np.zeros(count, np.uint64),
        "planes": np.zeros((count, _PLANE, _PLANE), np.uint8),
        "numbers": np.full((count, len(NUMBERS)), np.nan, np.float32),
        "texture": np.zeros((count, TEXTURE_SIZE), np.float32),
    }


def _place(columns: Columns, rows: list[int], portion: Columns) -> None:
    for name, values in portion.items():
        columns[name][rows] = values


def _words(sample: DecodedSample) -> dict[str, str]:
    words = {"conversions": ",".join(sample.notes) or "none"}
    header = sample.header
    if header is not None:
        words |= {
            "container": header.container,
            "quantisation": header.quantisation,
            "exif": "present" if header.exif else "none",
            "software": header.software,
            "camera": header.camera,
        }
    return words


def _columns(samples: list[DecodedSample]) -> Columns:
    if not samples:
        return {}
    planes, crops, lumas, thumbs = (
        np.stack([getattr(one, name) for one in samples]) for name in ("plane", "crop", "crop_luma", "thumb")
    )
    files = [
        (one.width, one.height, one.file_bytes, np.nan if one.header is None else one.header.quality)
        for one in samples
    ]
    numbers = (np.array(files), batch_image_statistics(crops), _colours(thumbs), _exposure(thumbs))
    return {
        "file_digests": _digests([one.file_digest for one in samples]),
        "pixel_digests": _digests([one.pixel_digest for one in samples]),
        **_likeness(planes),
        "numbers": np.concatenate(numbers, axis=1),
        "texture": texture_features(lumas, planes),
    }


def _likeness(planes: NDArray[np.uint8]) -> Columns:
    half = HASH_SIDE // _PLANE
    return {
        "difference": difference_hashes(planes),
        "perceptual": perceptual_hashes(planes),
        "planes": planes.reshape(-1, _PLANE, half, _PLANE, half).mean(axis=(2, 4)).round(),
    }


def _luma(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return ((images.astype(np.uint16) @ _LUMA) >> 8).astype(np.uint8)


def _digests(values: list[bytes]) -> NDArray[np.uint64]:
    return np.frombuffer(b"".join(one[:16] for one in values), dtype=">u8").reshape(-1, 2).astype(np.uint64)


def _colours(thumbs: NDArray[np.uint8]) -> NDArray[np.float64]:
    values = thumbs.astype(np.float64) / 255
    mean = values.mean(axis=(1, 2))
    ring = np.concatenate([values[:, 0], values[:, -1], values[:, 1:-1, 0], values[:, 1:-1, -1]], axis=1)
    spread = ring.mean(axis=2).std(axis=1)
    return np.concatenate([mean, ring.mean(axis=1) - mean, spread[:, np.newaxis]], axis=1)


def _exposure(thumbs: NDArray[np.uint8]) -> NDArray[np.float64]:
    luma = _luma(thumbs).reshape(len(thumbs), -1)
    ends = np.quantile(luma, (0.01, 0.99), axis=1).T / 255
    clipped = ((luma <= 2) | (luma >= 253)).mean(axis=1)
    return np.concatenate([ends, clipped[:, np.newaxis]], axis=1)
