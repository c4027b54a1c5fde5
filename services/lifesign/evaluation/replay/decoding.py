"""A batch of image files as the model sees them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lifesign.datasets.sources import ImageSource
from lifesign.errors import ImageError, ImageProblem, LifesignError
from lifesign.evaluation.metrics.image_statistics import batch_image_statistics
from lifesign.preprocessing import ImageLimits, PreprocessingSpec, decode_image, prepare_image

__all__ = ["DecodedBatch", "Refusal", "decode_batch"]


@dataclass(frozen=True)
class Refusal:
    """Why a sample has no score: ``reason`` from a short list, ``detail`` for people."""

    reason: str
    detail: str


@dataclass(frozen=True)
class DecodedBatch:
    """What became of ``n`` files, of which ``m`` are images.

    ``images`` uint8 ``(m, height, width, 3)``; ``kept`` int64 ``(m,)``, their places among the ``n``;
    ``statistics`` float32 ``(m, 10)`` of the prepared images; ``sizes`` int32 ``(m, 2)``, width and height of
    the upright originals, and ``notes`` ``(m,)`` their conversions; ``refusals`` the others, by place.
    ``files`` are the bytes of the ``m`` images, objects ``(m,)``, where a model wants those.
    """

    images: NDArray[np.uint8]
    kept: NDArray[np.int64]
    statistics: NDArray[np.float32]
    sizes: NDArray[np.int32]
    notes: Sequence[str]
    refusals: Mapping[int, Refusal]
    files: NDArray[Any] | None = None

    @classmethod
    def joined(cls, batches: Sequence["DecodedBatch"], starts: Sequence[int]) -> Self:
        """Return several batches as one, each with its first file at the place of its start."""
        moved = list(zip(starts, batches, strict=True))
        return cls(
            images=np.concatenate([batch.images for batch in batches]),
            kept=np.concatenate([start + batch.kept for start, batch in moved]),
            statistics=np.concatenate([batch.statistics for batch in batches]),
            sizes=np.concatenate([batch.sizes for batch in batches]),
            notes=[note for batch in batches for note in batch.notes],
            refusals={start + at: why for start, batch in moved for at, why in batch.refusals.items()},
        )

    def without_images(self) -> "DecodedBatch":
        """Return what is told of the images when they themselves are no longer needed."""
        return replace(self, images=self.images[:0].copy(), files=None)

    @property
    def sent(self) -> NDArray[Any]:
        """What the model is asked about: the prepared images, or the files where it wants those."""
        return self.images if self.files is None else self.files


def decode_batch(
    source: ImageSource,
    paths: Sequence[str],
    spec: PreprocessingSpec,
    limits: ImageLimits = ImageLimits(),
    *,
    keeps_files: bool = False,
) -> DecodedBatch:
    """Read and prepare images; one that cannot be used is refused, and never stops the others.

    Raises:
        LifesignError: the store that holds them cannot be asked; nothing is known of any sample then.
    """
    images = np.empty((len(paths), spec.height, spec.width, 3), np.uint8)
    # Copied as bytes: an array would let go of the interpreter, and wait until another thread gives it back.
    pixels, size = images.data.cast("B"), spec.height * spec.width * 3
    kept: list[int] = []
    sizes: list[tuple[int, int]] = []
    notes: list[str] = []
    refusals: dict[int, Refusal] = {}
    files: list[bytes] = []
    for place, path in enumerate(paths):
        try:
            content = source.read(path, limits)
            decoded = decode_image(content, limits)
            start = len(kept) * size
            pixels[start : start + size] = prepare_image(decoded, spec).data.cast("B")
        except ImageError as error:
            refusals[place] = Refusal(str(error.reason), str(error))
        except LifesignError:
            raise
        except Exception as error:
            # A decoder can fail on a hostile file in ways nobody listed; that costs one sample, not the run.
            refusals[place] = Refusal(str(ImageProblem.NOT_AN_IMAGE), f"{type(error).__name__}: {error}")
        else:
            kept.append(place)
            sizes.append(decoded.image.size)
            notes.append(",".join(decoded.notes))
            if keeps_files:
                files.append(content)
    images = images[: len(kept)]
    return DecodedBatch(
        images,
        np.array(kept, np.int64),
        batch_image_statistics(images),
        np.array(sizes, np.int32).reshape(-1, 2),
        notes,
        refusals,
        _objects(files) if keeps_files else None,
    )


def _objects(files: Sequence[bytes]) -> NDArray[Any]:
    array = np.empty(len(files), np.object_)
    array[:] = files
    return array
