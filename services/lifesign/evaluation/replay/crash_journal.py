"""What a server was asked about when it went away, kept in the run folder for the run that resumes."""

import contextlib
import json
import os
import secrets
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

__all__ = ["CrashJournal"]


class CrashJournal:
    """Counts how often a server went away over a batch, by the names of its images.

    Without it a server that nobody restarts by itself would be killed by the same image in every resumed run.
    Each worker appends to a file of its own below ``run_dir`` and reads those of all.
    """

    def __init__(self, run_dir: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._suspects = set[str]()
        self._alone = Counter[tuple[str, ...]]()
        self._path = None if run_dir is None else run_dir / f".crashes-{secrets.token_hex(8)}.jsonl"
        if run_dir is not None:
            for path in sorted(run_dir.glob(".crashes-*.jsonl")):
                self._read(path)

    def is_suspect(self, names: Sequence[str]) -> bool:
        """Whether one of these images was with the server when it went away."""
        return not self._suspects.isdisjoint(names)

    def crashes(self, names: Sequence[str]) -> int:
        """Return how often the server went away while it had exactly these images and no others."""
        return self._alone[tuple(names)]

    def note(self, names: Sequence[str], *, were_alone: bool) -> None:
        """Write down that the server went away while it had these images."""
        if not names:
            return
        with self._lock:
            is_news = were_alone or not self._suspects.issuperset(names)
            self._count(names, were_alone)
            if is_news and self._path is not None:
                # A journal that cannot be written costs a resumed run some crashes, no result.
                with contextlib.suppress(OSError), self._path.open("a") as file:
                    file.write(json.dumps({"images": list(names), "alone": were_alone}) + "\n")
                    file.flush()
                    os.fsync(file.fileno())

    def _read(self, path: Path) -> None:
        with contextlib.suppress(OSError):
            for line in path.read_text().splitlines():
                # The last line of a killed run may be cut.
                with contextlib.suppress(ValueError, KeyError, TypeError):
                    entry = json.loads(line)
                    self._count(entry["images"], entry["alone"])

    def _count(self, names: Sequence[str], were_alone: bool) -> None:
        self._suspects.update(names)
        if were_alone:
            self._alone[tuple(names)] += 1
