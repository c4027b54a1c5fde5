import io

import fsspec
import pytest
from PIL import Image

from lifesign.datasets.dataset import load_dataset
from lifesign.datasets.location import joined, local_path, normal_location, suffix_of
from lifesign.datasets.reading import read_raw
from lifesign.datasets.sources import open_source
from lifesign.errors import ConfigurationError, DatasetError, ImageError, ImageProblem, StorageError
from lifesign.evaluation.replay.decoding import decode_batch
from lifesign.labels import LIVENESS_CLASSES
from lifesign.preprocessing import ImageLimits, PreprocessingSpec
from lifesign.testing.brightness_dataset import write_brightness_folders

SPEC = PreprocessingSpec(height=8, width=8)


@pytest.fixture
def memory():
    filesystem = fsspec.filesystem("memory")
    filesystem.store.clear()
    yield filesystem
    filesystem.store.clear()


def _png() -> bytes:
    encoded = io.BytesIO()
    Image.new("RGB", (8, 8), (9, 9, 9)).save(encoded, format="PNG")
    return encoded.getvalue()


@pytest.mark.parametrize(
    ("location", "normal"),
    [
        ("sets/faces/", "sets/faces"),
        ("file:///sets/faces", "/sets/faces"),
        ("FILE://localhost/sets", "/sets"),
        ("s3://bucket/faces/", "s3://bucket/faces"),
        ("/", "/"),
        ("file:///", "/"),
    ],
)
def test_locations_have_one_spelling(location, normal):
    assert normal_location(location) == normal


def test_only_places_on_this_machine_are_paths(tmp_path):
    assert local_path(f"file://{tmp_path}") == tmp_path
    assert local_path("s3://bucket/a") is None
    assert joined("s3://bucket/set", "a/b.png") == "s3://bucket/set/a/b.png"
    assert joined("/sets", "s3://bucket/b.png") == "s3://bucket/b.png"
    assert joined("/sets", "/other/b.png") == "/other/b.png"
    assert suffix_of("s3://bucket.v2/set") == ""
    assert suffix_of("s3://bucket/m.CSV") == ".csv"


def test_a_file_address_is_the_folder_itself(tmp_path):
    root = write_brightness_folders(tmp_path, per_class=2)
    by_path = load_dataset(root, class_names=LIVENESS_CLASSES)
    by_address = load_dataset(f"file://{root}", class_names=LIVENESS_CLASSES)
    assert by_address.digest == by_path.digest
    assert by_address.root == by_path.root == str(root)


def test_folders_behind_an_address_are_read_like_local_ones(tmp_path, memory):
    root = write_brightness_folders(tmp_path, per_class=3)
    memory.put(str(root), "/sets/faces", recursive=True)
    local = load_dataset(root, class_names=LIVENESS_CLASSES)
    remote = load_dataset("memory://sets/faces", class_names=LIVENESS_CLASSES)
    assert remote.table.equals(local.table)
    assert remote.digest == local.digest
    path = local.table["path"][0].as_py()
    assert remote.source.read(path) == (root / path).read_bytes()


def test_a_manifest_may_hold_paths_addresses_and_absolute_paths(tmp_path, memory):
    memory.pipe("/far/a.png", _png())
    (tmp_path / "near").mkdir()
    for name in ("near/b.png", "c.png"):
        (tmp_path / name).write_bytes(_png())
    manifest = tmp_path / "near/m.csv"
    manifest.write_text(
        f"path,label\nmemory://far/a.png,real\nb.png,fake\n{tmp_path}/c.png,fake\nmemory://far/gone.png,real\n"
    )
    dataset = load_dataset(manifest, class_names=LIVENESS_CLASSES)
    paths = dataset.table["path"].to_pylist()
    batch = decode_batch(dataset.source, paths, SPEC)
    assert {paths[place] for place in batch.kept} == {"memory://far/a.png", "b.png", f"{tmp_path}/c.png"}
    refusal = batch.refusals[paths.index("memory://far/gone.png")]
    assert refusal.reason == "missing"
    assert "memory://far/gone.png" in refusal.detail


def test_a_manifest_behind_an_address_has_paths_beside_it(memory):
    for name in ("a.png", "b.png"):
        memory.pipe(f"/far/{name}", _png())
    memory.pipe("/far/manifest.jsonl", b'{"path":"a.png","label":"1"}\n{"path":"b.png","label":"0"}\n')
    by_file = load_dataset("memory://far/manifest.jsonl", class_names=LIVENESS_CLASSES)
    by_folder = load_dataset("memory://far", class_names=LIVENESS_CLASSES)
    assert by_file.digest == by_folder.digest
    assert by_file.root == by_folder.root == "memory://far"


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", ImageProblem.EMPTY), (b"x" * 2000, ImageProblem.TOO_LARGE), (b"x", ImageProblem.NOT_AN_IMAGE)],
    ids=["empty", "too large", "no image"],
)
def test_bad_objects_are_refused_like_bad_files(tmp_path, memory, content, reason):
    memory.pipe("/far/a.png", content)
    (tmp_path / "a.png").write_bytes(content)
    limits = ImageLimits(max_bytes=1000)
    for root in ("memory://far", str(tmp_path)):
        batch = decode_batch(open_source(root), ["a.png"], SPEC, limits)
        assert batch.refusals[0].reason == reason


def test_a_missing_image_is_named_by_its_path_in_the_set(tmp_path):
    for path in ("a/b.png", "./b.png"):
        with pytest.raises(ImageError, match=f"^{path}: no such file$"):
            open_source(tmp_path).read(path)
    assert open_source(tmp_path).digest("a/b.png") == "missing"


def test_a_store_that_fails_stops_the_batch_and_blames_no_image():
    class Broken:
        def read(self, path, limits=ImageLimits()):
            raise StorageError("s3://b/a.png: the store did not answer: it is down")

        def digest(self, path):
            return "missing"

    with pytest.raises(StorageError, match="did not answer"):
        decode_batch(Broken(), ["a.png"], SPEC)


@pytest.mark.parametrize(
    ("address", "error", "message"),
    [
        ("nosuch://bucket/set", DatasetError, "got the unknown scheme 'nosuch'"),
        ("memory://nothing/here", DatasetError, "memory://nothing/here: expected objects below this prefix"),
        ("gs://bucket/set", ConfigurationError, "reading gs:// needs the package .*gcsfs"),
    ],
)
def test_addresses_that_lead_nowhere_are_told_in_one_sentence(memory, address, error, message):
    with pytest.raises(error, match=message):
        read_raw(address)
