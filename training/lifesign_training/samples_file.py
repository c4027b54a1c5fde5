"""What the list of a run's samples tells of its splits."""

import csv
from pathlib import Path

import numpy as np

from lifesign.datasets.digest import images_digest
from lifesign.evaluation.audit.trained_on import file_fingerprint

__all__ = ["split_digest"]


def split_digest(samples: Path, split: str, class_names: tuple[str, ...]) -> str:
    """Return ``images_digest`` of one split of ``samples.csv``; empty without the file, as in older runs.

    Raises:
        ValueError: a label that is not among the classes.
        KeyError: a column is missing.
    """
    if not samples.is_file():
        return ""
    with samples.open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["split"] == split]
    images = np.array([file_fingerprint(row["sha256"]) for row in rows], np.uint64)
    labels = np.array([class_names.index(row["label"]) for row in rows], np.int64)
    return images_digest(images, labels, class_names)
