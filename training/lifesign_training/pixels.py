"""Decoded images, kept as one array of model inputs."""

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifesign.errors import DatasetError, ImageError
from lifesign.preprocessing import PreprocessingSpec, decode_image, prepare_image
from lifesign_training.samples import Sample, SampleSet

__all__ = ["DecodedSplit", "Unreadable", "decode_samples", "digest_of"]


@dataclass(frozen=True)
class Unreadable:
    """An image that could not be used, and why."""

    sample_id: str
    reason: str
    detail: str


@dataclass(frozen=True)
class DecodedSplit:
    """What a network takes, in the order of the samples; ``digests``: SHA-256 by id.

    ``images`` is uint8 ``(n, height, width, 3)``, or features, float32 ``(n, d)``.
    """

    samples: tuple[Sample, ...]
    images: NDArray[Any]
    digests: dict[str, str]
    unreadable: tuple[Unreadable, ...]

    def labels(self, class_names: tuple[str, ...]) -> NDArray[np.int64]:
        """Return the class index of each sample, ``(n,)``."""
        index = {name: position for position, name in enumerate(class_names)}
        return np.array([index[sample.label] for sample in self.samples], dtype=np.int64)


def decode_samples(
    data: SampleSet,
    samples: Sequence[Sample],
    spec: PreprocessingSpec,
    *,
    threads: int,
    cache: Path | None = None,
    on_decoded: Callable[[int], None] = lambda _count: None,
) -> DecodedSplit:
    """Decode in parallel threads; images that cannot be read are listed, never silently dropped.

    With ``cache`` the array is a file mapped into memory, for data sets larger than it.

    Raises:
        DatasetError: nothing at all could be read.
    """
    shape = (len(samples), spec.height, spec.width, 3)
    if cache is None:
        images: NDArray[np.uint8] = np.empty(shape, dtype=np.uint8)
    else:
        images = np.lib.format.open_memmap(cache, mode="w+", dtype=np.uint8, shape=shape)
    kept: list[Sample] = []
    digests: dict[str, str] = {}
    unreadable: list[Unreadable] = []

    def load(sample: Sample) -> tuple[NDArray[np.uint8], str] | ImageError:
        try:
            content = data.source.read(sample.path or sample.sample_id)
            return prepare_image(decode_image(content), spec), hashlib.sha256(content).hexdigest()
        except ImageError as error:
            return error

    with ThreadPoolExecutor(max_workers=threads, thread_name_prefix="decode") as pool:
        for sample, result in zip(samples, pool.map(load, samples), strict=True):
            if isinstance(result, ImageError):
                unreadable.append(Unreadable(sample.sample_id, result.reason.value, str(result)))
            else:
                images[len(kept)], digests[sample.sample_id] = result
                kept.append(sample)
            on_decoded(1)
    if not kept:
        first = unreadable[0].detail if unreadable else "there are none"
        raise DatasetError(f"none of the {len(samples)} images could be read; the first: {first}")
    return DecodedSplit(tuple(kept), images[: len(kept)], digests, tuple(unreadable))


def digest_of(splits: Sequence[DecodedSplit]) -> str:
    """Return the SHA-256 over the sorted sample ids, their labels, splits and file contents."""
    lines = sorted(
        f"{sample.sample_id}\0{sample.split}\0{sample.label}\0{part.digests[sample.sample_id]}\n"
        for part in splits
        for sample in part.samples
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()
