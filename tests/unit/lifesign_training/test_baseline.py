"""What the card of a run tells of its SVM, out of the files of the run."""

import csv
import hashlib
import json

import numpy as np
import pytest

from lifesign.datasets.dataset import load_dataset
from lifesign.errors import ConfigurationError
from lifesign.labels import Split
from lifesign_training.baseline import BASELINE_FILE, read_baselines
from lifesign_training.run_folder import SAMPLES_FILE

_NAMES = ("cat", "dog")


def _write(run, confusion, names=_NAMES):
    found = {
        "svm": {"confusion": confusion},
        "network": {"confusion": np.eye(len(names), dtype=int).tolist()},
    }
    (run / BASELINE_FILE).write_text(json.dumps({"class_names": names, "splits": {"test": found}}))


def test_the_figures_are_those_of_the_matrix(tmp_path):
    _write(tmp_path, [[8, 2], [1, 3]])

    [method] = read_baselines(tmp_path)

    assert (method.name, method.split, method.images_digest) == ("linear SVM", "test", "")
    assert (method.result.samples, method.result.errors) == (14, 3)
    assert method.result.recalls == {"cat": 0.8, "dog": 0.75}
    assert method.result.balanced_accuracy == pytest.approx(0.775)
    assert method.result.confusion == ((8, 2), (1, 3))
    assert method.network is not None
    assert method.network.errors == 0


def test_a_class_without_samples_has_no_recall_and_large_matrices_are_left_out(tmp_path):
    names = tuple(f"class_{index}" for index in range(21))
    counts = np.eye(21, dtype=int)
    counts[3, 3] = 0
    _write(tmp_path, counts.tolist(), names)

    [method] = read_baselines(tmp_path)

    assert "class_3" not in method.result.recalls
    assert method.result.balanced_accuracy == 1
    assert method.result.confusion == ()


def test_its_split_is_known_again_by_an_evaluation_of_the_same_images(tmp_path):
    """As the training lists them, under other names and in another order than the evaluation does."""
    _write(tmp_path, [[1, 0], [0, 2]])
    rows = []
    for split, label, content in (
        ("test", "dog", b"a"),
        ("test", "cat", b"b"),
        ("test", "dog", b"c"),
        ("train", "cat", b"d"),
    ):
        path = tmp_path / "data" / split / label / f"{content.hex()}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        rows.append((f"elsewhere/{content.hex()}", split, label, hashlib.sha256(content).hexdigest()))
    with (tmp_path / SAMPLES_FILE).open("w", newline="") as stream:
        csv.writer(stream).writerows([("path", "split", "label", "sha256"), *rows])

    [method] = read_baselines(tmp_path)
    test = load_dataset(tmp_path / "data", class_names=_NAMES, split=Split.TEST)
    both = load_dataset(tmp_path / "data", class_names=_NAMES)

    assert method.images_digest == test.images_digest(_NAMES)
    assert method.images_digest != both.images_digest(_NAMES)


def test_a_run_without_an_svm_has_none(tmp_path):
    assert read_baselines(tmp_path) == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "expected the matrices of a training, got Expecting property name"),
        ("[]", "expected the matrices of a training, got list indices"),
        (
            '{"class_names": ["a", "b"], "splits": []}',
            "expected the matrices of a training, got 'list' object",
        ),
        (
            '{"class_names": ["a", "b"], "splits": {"test": {}}}',
            "expected the matrices of a training, got no 's",
        ),
        ('{"class_names": ["a", "b"], "splits": {"test": {"svm": {"confusion": [[1]]}}}}', "cannot reshape"),
        (
            '{"class_names": ["a"], "splits": {"all": {"svm": {"confusion": [[1]]}, "network": {"confusion": '
            "[[1]]}}}}",
            "is not valid: split",
        ),
    ],
    ids=["cut", "list", "a list of splits", "no svm", "no square", "no split"],
)
def test_a_broken_file_is_one_sentence(tmp_path, text, said):
    (tmp_path / BASELINE_FILE).write_text(text)
    with pytest.raises(ConfigurationError, match=r"baseline\.json") as got:
        read_baselines(tmp_path)
    assert said in str(got.value)
    assert "\n" not in str(got.value)
