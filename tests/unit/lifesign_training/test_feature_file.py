"""Features from an .npz: what is read, how it is parted, what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lifesign.errors import ConfigurationError, DatasetError
from lifesign.labels import Split
from lifesign_training.feature_file import read_feature_file
from lifesign_training.prepared import prepare_data
from lifesign_training.progress import SilentProgress
from lifesign_training.recipe import load_recipe

RANDOM = np.random.default_rng(6)
X = RANDOM.normal(size=(60, 2, 3)).astype(np.float64)
Y = np.repeat([0, 1, 2], 20)  # class by class, as such files often are


def write(folder: Path, **arrays: Any) -> Path:
    np.savez(folder / "features.npz", **arrays)
    return folder / "features.npz"


def test_features_are_flattened_and_classes_named(tmp_path: Path) -> None:
    table = read_feature_file(write(tmp_path, x=X, y=Y, class_names=np.array(["cat", "dog", "bird"])))

    assert table.features.shape == (60, 6)
    assert table.features.dtype == np.float32
    assert table.samples.class_names == ("bird", "cat", "dog")
    assert table.samples.samples[20].label == "dog"
    assert table.samples.samples[20].sample_id == "features.npz#20"


def test_a_file_sorted_by_class_is_parted_stratified_and_by_group(tmp_path: Path) -> None:
    groups = np.arange(60) // 2
    path = write(tmp_path, x=X, y=Y, groups=groups)

    prepared = prepare_data(load_recipe("features-head"), path, SilentProgress(), allow_findings=False)

    train, dev = prepared.splits[Split.TRAIN], prepared.splits[Split.DEV]
    assert len(train.samples) + len(dev.samples) == 60
    assert 14 <= len(dev.samples) <= 22
    assert np.bincount(dev.labels(prepared.class_names)).min() >= 4
    assert not {one.subject for one in train.samples} & {one.subject for one in dev.samples}
    row = int(dev.samples[3].sample_id.rpartition("#")[2])
    assert dev.images[3] == pytest.approx(X[row].reshape(-1), rel=1e-6)


def test_given_splits_are_kept(tmp_path: Path) -> None:
    words = np.array((["train"] * 14 + ["val"] * 3 + ["test"] * 3) * 3)

    prepared = prepare_data(
        load_recipe("features-head"), write(tmp_path, x=X, y=Y, split=words), SilentProgress(),
        allow_findings=False,
    )  # fmt: skip

    assert {split: len(part.samples) for split, part in prepared.splits.items()} == {
        Split.TRAIN: 42, Split.DEV: 9, Split.TEST: 9,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"x": X}, "found no y among"),
        ({"x": X, "y": Y[:10]}, r"expected y of \(60,\), got \(10,\)"),
        ({"x": X[:, 0, 0], "y": Y}, r"expected x of numbers \(n, …\)"),
        ({"x": np.where(X[7, 0, 0] == X, np.nan, X), "y": Y}, "1 rows of x .* such as 7"),
        ({"x": X, "y": Y * 0}, "at least 2 classes"),
        ({"x": X, "y": Y, "class_names": np.array(["a", "b"])}, "expected y of 0 to 1"),
        ({"x": X, "y": Y, "split": np.array(["somewhere"] * 60)}, "unknown split 'somewhere'"),
        ({"x": X, "y": np.array([{"a": 1}] * 60)}, "not an .npz of plain arrays"),
    ],
    ids=["no-y", "short-y", "flat-x", "nan", "one-class", "names", "split", "pickled"],
)
def test_what_cannot_be_used_is_said(tmp_path: Path, arrays: dict[str, Any], says: str) -> None:
    with pytest.raises(DatasetError, match=says):
        read_feature_file(write(tmp_path, **arrays))


def test_a_recipe_of_images_refuses_features(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="takes images; use features-head"):
        prepare_data(
            load_recipe("dense-28"), write(tmp_path, x=X, y=Y), SilentProgress(), allow_findings=False
        )
