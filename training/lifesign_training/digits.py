"""Scikit-learn's bundled handwritten digits as image folders, for trying a general classifier offline."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lifesign.errors import ConflictError
from lifesign_training.storage import storage_errors

__all__ = ["write_digits"]

_SCALE = 4


def write_digits(out: Path, *, seed: int = 20261) -> dict[str, int]:
    """Write ``out/{train,dev,test}/{0…9}/*.png`` (60, 20 and 20 %, stratified) and return the counts.

    The 1,797 pictures of 8 × 8 pixels become grey PNG of 32 × 32.

    Raises:
        ConflictError: the folder is not empty.
        StorageError: the disk refused.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    if out.is_dir() and any(out.iterdir()):
        raise ConflictError(f"{out} is not empty; give a new folder")
    digits: Any = load_digits()
    rows = np.arange(len(digits.target))
    train, rest = train_test_split(rows, test_size=0.4, stratify=digits.target, random_state=seed)
    dev, test = train_test_split(rest, test_size=0.5, stratify=digits.target[rest], random_state=seed)
    splits = {"train": train, "dev": dev, "test": test}
    with storage_errors(str(out)):
        for split, members in splits.items():
            for row in members:
                folder = out / split / str(digits.target[row])
                folder.mkdir(parents=True, exist_ok=True)
                pixels = np.rint(digits.images[row] * (255 / 16)).astype(np.uint8)
                picture = Image.fromarray(pixels).resize((8 * _SCALE, 8 * _SCALE), Image.Resampling.BICUBIC)
                picture.save(folder / f"{row:04d}.png")
    return {split: len(members) for split, members in splits.items()}
