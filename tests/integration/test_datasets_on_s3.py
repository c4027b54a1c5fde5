"""Data sets behind s3:// addresses, read from a real S3 interface over HTTP."""

from pathlib import Path

import fsspec
import pytest
import s3fs
from moto.server import ThreadedMotoServer

from lifesign.datasets.dataset import load_dataset
from lifesign.datasets.reading import read_raw
from lifesign.datasets.sources import open_source
from lifesign.errors import ConfigurationError, DatasetError, ImageError, StorageError
from lifesign.labels import LIVENESS_CLASSES, Split
from lifesign.testing.brightness_dataset import write_brightness_folders, write_brightness_manifest
from lifesign.testing.layout_stand_ins import write_celeba_spoof, write_nuaa, write_oulu_npu

BUCKET = "s3://faces"
_KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}


@pytest.fixture(scope="module")
def endpoint():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def store(endpoint, monkeypatch, tmp_path):
    """A fresh bucket, and the environment through which it is found."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {**_KEYS, "AWS_ENDPOINT_URL": endpoint}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    s3fs.S3FileSystem.clear_instance_cache()
    filesystem = fsspec.filesystem("s3", use_listings_cache=False)
    filesystem.mkdir(BUCKET)
    yield filesystem
    filesystem.rm(BUCKET, recursive=True)
    s3fs.S3FileSystem.clear_instance_cache()


def _upload(store, folder: Path, prefix: str) -> str:
    store.put(str(folder), f"{BUCKET}/{prefix}", recursive=True)
    return f"{BUCKET}/{prefix}"


def test_class_folders_are_the_same_set_wherever_they_lie(store, tmp_path):
    root = write_brightness_folders(tmp_path / "set", per_class=3)
    local = load_dataset(root, class_names=LIVENESS_CLASSES)
    remote = load_dataset(_upload(store, root, "folders"), class_names=LIVENESS_CLASSES)
    assert remote.table.equals(local.table)
    assert remote.digest == local.digest


@pytest.mark.parametrize(
    ("write", "protocol"),
    [(write_nuaa, None), (write_oulu_npu, "1"), (write_celeba_spoof, None)],
    ids=["nuaa", "oulu-npu", "celeba-spoof"],
)
def test_layouts_are_the_same_rows_wherever_they_lie(store, tmp_path, write, protocol):
    root = write(tmp_path / "set")
    local = read_raw(root, protocol=protocol)
    remote = read_raw(_upload(store, root, "layout"), protocol=protocol)
    assert remote.table.equals(local.table)
    assert remote.rejections == local.rejections
    assert remote.notes == local.notes


def test_manifests_may_lie_there_or_point_there(store, tmp_path):
    manifest = write_brightness_manifest(tmp_path / "set", samples=8)
    address = _upload(store, tmp_path / "set", "manifest")
    digest = load_dataset(manifest, class_names=LIVENESS_CLASSES).digest
    assert load_dataset(address, class_names=LIVENESS_CLASSES).digest == digest
    assert load_dataset(f"{address}/manifest.csv", class_names=LIVENESS_CLASSES).digest == digest
    pointing = tmp_path / "pointing.csv"
    pointing.write_text(manifest.read_text().replace("images/", f"{address}/images/"))
    dataset = load_dataset(pointing, class_names=LIVENESS_CLASSES)
    path = dataset.table["path"][0].as_py()
    assert path.startswith(f"{address}/images/")
    assert dataset.source.read(path) == (tmp_path / "set" / path.removeprefix(f"{address}/")).read_bytes()


def test_objects_added_later_are_seen(store, tmp_path):
    address = _upload(store, write_brightness_folders(tmp_path / "set", per_class=2), "growing")
    assert read_raw(address).table.num_rows == 4
    store.pipe(f"{address}/real/later.png", b"x")
    assert read_raw(address).table.num_rows == 5
    store.pipe(f"{address}/manifest.csv", b"path,label\nreal/later.png,real\n")
    assert read_raw(address).layout == "manifest"


def test_an_object_that_is_gone_is_a_sample_without_image(store, tmp_path):
    address = _upload(store, write_brightness_manifest(tmp_path / "set", samples=8).parent, "gone")
    whole = load_dataset(address, class_names=LIVENESS_CLASSES)
    path = whole.table["path"][3].as_py()
    store.rm(f"{address}/{path}")
    again = load_dataset(address, class_names=LIVENESS_CLASSES)
    assert again.table.equals(whole.table)
    assert again.digest != whole.digest
    with pytest.raises(ImageError, match=f"^{path}: .*does not exist") as caught:
        again.source.read(path)
    assert caught.value.reason == "missing"


def test_an_empty_object_has_no_range_but_is_read(store):
    store.pipe(f"{BUCKET}/empty.png", b"")
    assert open_source(BUCKET).read("empty.png") == b""


def test_a_public_bucket_needs_no_credentials(store, tmp_path, monkeypatch):
    address = _upload(store, write_brightness_folders(tmp_path / "set", per_class=2), "public")
    for name in _KEYS:
        monkeypatch.delenv(name)
    monkeypatch.setitem(fsspec.config.conf, "s3", {"anon": "true"})
    s3fs.S3FileSystem.clear_instance_cache()
    assert read_raw(address).table.num_rows == 4


def test_a_bucket_that_is_not_there_is_told(store):
    with pytest.raises(DatasetError, match=r"s3://nobody/set: .*bucket"):
        read_raw("s3://nobody/set")
    with pytest.raises(DatasetError, match="s3://faces/nothing: expected objects below this prefix"):
        read_raw("s3://faces/nothing")


def test_missing_credentials_are_told_with_what_to_set(store, monkeypatch):
    for name in _KEYS:
        monkeypatch.delenv(name)
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(ConfigurationError, match="no credentials for s3://: set AWS_ACCESS_KEY_ID"):
        read_raw(f"{BUCKET}/set")


def test_a_store_that_does_not_answer_is_no_missing_image(store, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    s3fs.S3FileSystem.clear_instance_cache()
    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
    source = open_source(BUCKET)
    for call in (lambda: source.read("a.png"), lambda: source.digest("a.png")):
        with pytest.raises(StorageError, match=r"s3://faces/a\.png: the store did not answer: "):
            call()


def test_the_split_is_kept_and_only_its_objects_are_hashed(store, tmp_path):
    root = tmp_path / "set"
    for split in ("train", "test"):
        write_brightness_folders(root / split, per_class=2, seed=len(split))
    address = _upload(store, root, "splits")
    dataset = load_dataset(address, class_names=LIVENESS_CLASSES, split=Split.TEST)
    assert len(dataset) == 4
    assert dataset.splits == ("test",)
