"""Features that somebody computed: an ``.npz`` of ``x``, ``y`` and, where known, ``groups``, ``split``."""

import hashlib
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifesign.errors import DatasetError
from lifesign.labels import Split, split_name
from lifesign_training.pixels import DecodedSplit
from lifesign_training.samples import Sample, SampleSet

__all__ = ["FeatureTable", "is_feature_file", "read_feature_file", "split_features"]

_TAKEN = ("x", "y", "groups", "split", "class_names")


@dataclass(frozen=True)
class FeatureTable:
    """Samples named ``file.npz#row`` and their features, float32 ``(n, d)``, by row."""

    samples: SampleSet
    features: NDArray[np.float32]


def is_feature_file(data: str | Path) -> bool:
    """Whether the data is a file of features."""
    return Path(data).suffix == ".npz"


def read_feature_file(path: Path) -> FeatureTable:
    """Read ``x`` ``(n, …)`` and ``y`` ``(n,)``, and where given ``groups`` and ``split`` ``(n,)``.

    What belongs to a sample is flattened: ``(n, 7, 7, 512)`` is ``(n, 25088)``. Classes may be numbers;
    ``class_names`` then names them. Samples of one group (a person, a video) stay in one split. Pickled
    objects are refused: they could run code.

    Raises:
        DatasetError: not such a file, other shapes, a feature that is no number, fewer than two classes.
    """
    arrays = _arrays(path)
    features, y = _features(path, arrays["x"]), arrays["y"]
    for name in ("y", "groups", "split"):
        if name in arrays and arrays[name].shape != (len(features),):
            raise DatasetError(f"{path}: expected {name} of ({len(features)},), got {arrays[name].shape}")
    labels = _labels(path, y, arrays.get("class_names"))
    groups = [str(one) for one in arrays.get("groups", np.full(len(features), ""))]
    splits = (
        [_split(path, str(one)) for one in arrays["split"]] if "split" in arrays else [None] * len(labels)
    )
    samples = tuple(
        Sample(f"{path.name}#{row}", label, split, subject=group)
        for row, (label, split, group) in enumerate(zip(labels, splits, groups, strict=True))
    )
    classes = tuple(sorted(set(labels)))
    if len(classes) < 2:
        raise DatasetError(f"{path}: expected at least 2 classes in y, found {list(classes)}")
    return FeatureTable(SampleSet(root=str(path), class_names=classes, samples=samples), features)


def split_features(table: FeatureTable, members: Sequence[Sample]) -> DecodedSplit:
    """Return the features of some samples; the digest of a sample is that of its row."""
    rows = [int(sample.sample_id.rpartition("#")[2]) for sample in members]
    features = table.features[rows]
    digests = {
        sample.sample_id: hashlib.sha256(row.tobytes()).hexdigest()
        for sample, row in zip(members, features, strict=True)
    }
    return DecodedSplit(tuple(members), features, digests, ())


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as content:
            found = {name: content[name] for name in _TAKEN if name in content.files}
            names = sorted(content.files)
    except OSError as error:
        raise DatasetError(f"{path}: {error.strerror or error}") from error
    except (ValueError, zipfile.BadZipFile) as error:
        raise DatasetError(f"{path}: not an .npz of plain arrays: {error}") from error
    if missing := [name for name in ("x", "y") if name not in found]:
        raise DatasetError(f"{path}: expected arrays x and y, found no {missing[0]} among {names}")
    return found


def _features(path: Path, x: NDArray[Any]) -> NDArray[np.float32]:
    if x.ndim < 2 or not len(x) or not np.issubdtype(x.dtype, np.number):
        raise DatasetError(f"{path}: expected x of numbers (n, …), got {x.dtype} {x.shape}")
    features = np.ascontiguousarray(x.reshape(len(x), -1), dtype=np.float32)
    bad = np.flatnonzero(~np.isfinite(features).all(axis=1))
    if len(bad):
        raise DatasetError(f"{path}: {len(bad)} rows of x have values that are no numbers, such as {bad[0]}")
    return features


def _labels(path: Path, y: NDArray[Any], names: NDArray[Any] | None) -> list[str]:
    if names is None:
        # Numbers sort by value as words too.
        width = len(str(y.max())) if np.issubdtype(y.dtype, np.integer) and len(y) else 0
        return [str(one).zfill(width) for one in y]
    if not np.issubdtype(y.dtype, np.integer) or y.min() < 0 or y.max() >= len(names):
        raise DatasetError(f"{path}: with class_names, expected y of 0 to {len(names) - 1}, got {y.dtype}")
    return [str(names[one]) for one in y]


def _split(path: Path, word: str) -> Split:
    found = split_name(word)
    if found is None:
        raise DatasetError(f"{path}: unknown split {word!r}, expected train, dev or test")
    return found
