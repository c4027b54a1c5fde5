"""One function over many paths, in threads."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

__all__ = ["map_paths"]

_PATHS_PER_TASK = 64

Value = TypeVar("Value")


def map_paths(
    pool: ThreadPoolExecutor, function: Callable[[str], Value], paths: Sequence[str]
) -> list[Value]:
    """Return ``function`` of each path, in their order; the first failure is raised."""
    # A task per path would cost more than most of them do, in time and in memory.
    parts = [paths[start : start + _PATHS_PER_TASK] for start in range(0, len(paths), _PATHS_PER_TASK)]
    return [one for part in pool.map(lambda part: [function(path) for path in part], parts) for one in part]
