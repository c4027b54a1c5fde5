import hashlib
import io
import pickle

import numpy as np
import pytest
from PIL import Image

from lifesign.datasets.cifar import MD5_OF, read_batch
from lifesign.datasets.dataset import load_dataset
from lifesign.datasets.layouts import cifar_100
from lifesign.datasets.reading import read_raw
from lifesign.datasets.sources import open_source
from lifesign.errors import DatasetError, ImageError
from lifesign.labels import Split
from lifesign.testing.layout_stand_ins import write_cifar_100


class _Hostile:
    def __reduce__(self):
        return print, ("code ran",)


def test_rows_are_samples_with_fine_labels(tmp_path):
    raw = read_raw(write_cifar_100(tmp_path))
    row = raw.table.to_pylist()[2]
    assert (row["path"], row["label"], row["superclass"], row["split"]) == (
        "train#2", "bear", "large_carnivores", "train",
    )  # fmt: skip


def test_coarse_labels_are_a_protocol(tmp_path):
    row = read_raw(write_cifar_100(tmp_path), protocol="coarse").table.to_pylist()[2]
    assert (row["label"], row["subclass"]) == ("large_carnivores", "bear")


def test_the_folder_itself_is_recognised(tmp_path):
    assert read_raw(write_cifar_100(tmp_path) / "cifar-100-python").layout == "cifar-100"


def test_images_come_from_memory_pixel_for_pixel(tmp_path):
    dataset = load_dataset(
        write_cifar_100(tmp_path), class_names=("apple", "bear", "pear", "wolf"), split=Split.TEST
    )
    assert len(dataset) == 8
    raw = pickle.loads((tmp_path / "cifar-100-python/test").read_bytes())[b"data"][5]
    source = open_source(dataset.root)
    pixels = np.asarray(Image.open(io.BytesIO(source.read("test#5"))))
    # A row of the archive is the red plane, then the green, then the blue one.
    assert np.array_equal(pixels.transpose(2, 0, 1).ravel(), raw)


def test_a_digest_is_of_the_bytes_read_so_that_a_training_and_an_evaluation_agree(tmp_path):
    source = open_source(read_raw(write_cifar_100(tmp_path)).root)
    content = source.read("test#5")
    assert source.digest("test#5") == f"{len(content)}:{hashlib.sha256(content).hexdigest()}"


def test_digest_follows_the_pixels(tmp_path):
    def digest(root):
        names = ("apple", "bear", "pear", "wolf")
        return load_dataset(root, class_names=names, split=Split.TEST).digest

    first = digest(write_cifar_100(tmp_path / "a"))
    assert digest(write_cifar_100(tmp_path / "b")) == first
    batch = tmp_path / "b/cifar-100-python/test"
    content = pickle.loads(batch.read_bytes())
    content[b"data"][0, 0] ^= 1
    batch.write_bytes(pickle.dumps(content, protocol=2))
    assert digest(tmp_path / "b") != first


@pytest.mark.parametrize("path", ["test#8", "test#x", "test#", "valid#0"])
def test_rows_that_are_not_there_are_missing_images(tmp_path, path):
    root = write_cifar_100(tmp_path)
    source = open_source(read_raw(root).root)
    with pytest.raises(ImageError, match="no such row"):
        source.read(path)
    assert source.digest(path) == "missing"


def test_a_pickle_that_would_run_code_is_refused(tmp_path, capsys):
    root = write_cifar_100(tmp_path)
    (root / "cifar-100-python/train").write_bytes(pickle.dumps({b"data": _Hostile()}, protocol=2))
    with pytest.raises(DatasetError, match=r"it asks for (__builtin__|builtins)\.print"):
        read_raw(root)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not a pickle", "not a CIFAR-100 batch"),
        (pickle.dumps([1], protocol=2), "expected a pickled dict, got list"),
        (pickle.dumps({b"data": b"x"}, protocol=2), r"expected data of uint8 \(n, 3072\), got bytes"),
        (
            pickle.dumps({b"data": np.zeros((2, 3072), np.uint8), b"fine_labels": [1]}, protocol=2),
            r"expected 2 fine_labels, got \(1,\)",
        ),
    ],
    ids=["rubbish", "no dict", "no array", "labels short"],
)
def test_damaged_batches_are_told_in_one_sentence(tmp_path, content, message):
    path = tmp_path / "test"
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=message):
        read_batch(path)


def test_files_can_be_held_to_those_published(tmp_path, monkeypatch):
    root = write_cifar_100(tmp_path)
    with pytest.raises(DatasetError, match=r"meta, test, train differ from the published files \(MD5\)"):
        read_raw(root, verify=True)
    folder = root / "cifar-100-python"
    published = {name: cifar_100._md5(folder / name) for name in MD5_OF}
    monkeypatch.setattr(cifar_100, "MD5_OF", published)
    assert read_raw(root, verify=True).layout == "cifar-100"
