"""A batch of image files as the model sees them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifesign.datasets.sources import ImageSource
from lifesign.errors import ImageError, ImageProblem, LifesignError
from lifesign.evaluation.metrics.image_statistics import IMAGE_STATISTICS, batch_image_statistics
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
    ``statistics`` float32 ``(m, 9)`` of the prepared images; ``sizes`` (width, height) of the upright
    originals and ``notes`` their conversions, by place; ``refusals`` the others, by place. ``files`` are the
    bytes of the ``m`` images, objects ``(m,)``, where a model wants those.
    """

    images: NDArray[np.uint8]
    kept: NDArray[np.int64]
    statistics: NDArray[np.float32]
    sizes: dict[int, tuple[int, int]]
    notes: dict[int, str]
    refusals: dict[int, Refusal]
    files: NDArray[Any] | None = None

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
    images: dict[int, NDArray[np.uint8]] = {}
    sizes: dict[int, tuple[int, int]] = {}
    notes: dict[int, str] = {}
    refusals: dict[int, Refusal] = {}
    files: list[bytes] = []
    for place, path in enumerate(paths):
        try:
            content = source.read(path, limits)
            decoded = decode_image(content, limits)
            images[place] = prepare_image(decoded, spec)
            if keeps_files:
                files.append(content)
            sizes[place] = (decoded.width, decoded.height)
            notes[place] = ",".join(decoded.notes)
        except ImageError as error:
            refusals[place] = Refusal(str(error.reason), str(error))
        except LifesignError:
            raise
        except Exception as error:
            # A decoder can fail on a hostile file in ways nobody listed; that costs one sample, not the run.
            refusals[place] = Refusal(str(ImageProblem.NOT_AN_IMAGE), f"{type(error).__name__}: {error}")
    if images:
        stacked = np.stack(list(images.values()))
        statistics = batch_image_statistics(stacked)
    else:
        stacked = np.empty((0, spec.height, spec.width, 3), np.uint8)
        statistics = np.empty((0, len(IMAGE_STATISTICS)), np.float32)
    kept = np.array(list(images), np.int64)
    return DecodedBatch(
        stacked, kept, statistics, sizes, notes, refusals, _objects(files) if keeps_files else None
    )


def _objects(files: Sequence[bytes]) -> NDArray[Any]:
    array = np.empty(len(files), np.object_)
    array[:] = files
    return array
