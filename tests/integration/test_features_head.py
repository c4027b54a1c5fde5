"""The reference system of unbalanced classes on features, with its rows class by class, trained rightly."""

import csv
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from lifesign.errors import ConfigurationError
from lifesign_training.export import export_version
from lifesign_training.fit import train
from lifesign_training.recipe import load_recipe
from lifesign_training.run_folder import TrainedRun

COUNTS = (427, 294, 152)  # a fifth of the published 2135, 1472 and 760


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TrainedRun:
    root = tmp_path_factory.mktemp("features")
    random = np.random.default_rng(5)
    y = np.repeat([0, 1, 2], COUNTS)
    x = np.maximum(0, random.normal(size=(len(y), 40)) + random.normal(size=(3, 40))[y])
    np.savez(root / "features.npz", x=x, y=y)
    return train(load_recipe("features-head", ["training.epochs=8"]), root / "features.npz", root / "run")


def test_every_class_is_in_both_splits_in_its_share(trained: TrainedRun) -> None:
    with (trained.directory / "samples.csv").open() as stream:
        counts = Counter((row["split"], row["label"]) for row in csv.DictReader(stream))

    for label, count in enumerate(COUNTS):
        assert counts["train", str(label)] + counts["dev", str(label)] == count
        assert counts["dev", str(label)] / count == pytest.approx(1 / 3, abs=0.02)


def test_the_rare_class_is_found_and_the_svm_stands_beside(trained: TrainedRun) -> None:
    baseline = json.loads((trained.directory / "baseline.json").read_text())["splits"]["dev"]
    metrics = trained.summary.metrics

    for method in ("network", "svm"):
        counts = np.array(baseline[method]["confusion"])
        assert (np.diag(counts) / counts.sum(axis=1)).min() > 0.8
    assert metrics["svm_dev_accuracy"] == baseline["svm"]["accuracy"] > 0.9
    assert metrics["dev_accuracy"] == pytest.approx(baseline["network"]["accuracy"])
    assert trained.summary.parameters == 40 * 256 + 256 + 256 * 3 + 3


def test_a_head_without_the_network_of_its_features_is_not_exported(
    trained: TrainedRun, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match=r"trained on features alone.* --weights FILE"):
        export_version(trained, tmp_path, "head", 1)

    assert not (tmp_path / "head").exists()


def test_features_of_another_length_than_the_networks_are_refused(
    trained: TrainedRun, tmp_path: Path
) -> None:
    recipe = load_recipe("features-head", ["preprocessing.height=32", "preprocessing.width=32"])

    with pytest.raises(ConfigurationError, match="have 40 numbers per image, but VGG16 gives 512"):
        train(
            recipe, trained.directory.parent / "features.npz", tmp_path / "run", random_weights=True
        )  # fmt: skip
