"""The memory that Arrow, NumPy and Python have let go of: kept by their allocators, or given back."""

import pyarrow as pa

__all__ = ["release_memory", "use_system_allocator"]


def use_system_allocator() -> None:
    """Let Arrow allocate with malloc: its own allocator keeps some 30 MB more of a large set for later.

    It holds for the whole process, so that the entry point of a command is the place for it.
    """
    pa.set_memory_pool(pa.system_memory_pool())


def release_memory() -> None:
    """Give back to the system what was let go of; for the end of a phase that needed much."""
    pa.default_memory_pool().release_unused()
    # Of this pool it is malloc that is trimmed, whoever called it.
    pa.system_memory_pool().release_unused()
