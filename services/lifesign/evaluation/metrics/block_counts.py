"""Counts of coded samples, a block at a time: what all at once would widen to 8 bytes each."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["blocks", "counts_by_code"]

_BLOCK = 65_536


def blocks(samples: int, width: int) -> Iterator[slice]:
    """Yield parts of so many samples to count into tables of ``width``, the tables never most of the work.

    NumPy widens codes to 8 bytes to index or count with them: for all samples at once that is much memory.
    """
    step = max(_BLOCK, width)
    for start in range(0, samples, step):
        yield slice(start, start + step)


def counts_by_code(
    codes: NDArray[np.signedinteger[Any]], inside: NDArray[np.bool_], *, width: int
) -> NDArray[np.int64]:
    """Return how many samples ``(n,)`` where ``inside`` holds have each code, int64 ``(width,)``."""
    counts = np.zeros(width, dtype=np.int64)
    for part in blocks(len(codes), width):
        counts += np.bincount(codes[part][inside[part]], minlength=width)
    return counts
