import hashlib
import json
import threading

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifesign.datasets import digest, order, parallel
from lifesign.datasets.digest import data_digest, images_digest
from lifesign.datasets.order import doubled_ids, hash_order
from lifesign.errors import StorageError


class _Counting:
    """A source that counts how often each image is read."""

    def __init__(self) -> None:
        self.reads: list[str] = []
        self._lock = threading.Lock()

    def read(self, path, limits=None):
        raise AssertionError(path)

    def digest(self, path):
        with self._lock:
            self.reads.append(path)
        return f"1:{path}"


def _column(ids):
    return pa.chunked_array([pa.array(ids, pa.string())])


@settings(deadline=None)
@given(st.lists(st.text(min_size=1), unique=True, min_size=1, max_size=50))
def test_the_order_is_that_of_the_hashes(ids):
    places, is_distinct = hash_order(_column(ids))
    expected = sorted(range(len(ids)), key=lambda place: hashlib.sha256(ids[place].encode()).digest())
    assert places.tolist() == expected
    assert is_distinct


@settings(deadline=None)
@given(st.lists(st.text(min_size=1), unique=True, min_size=1, max_size=50), st.data())
def test_only_the_samples_kept_are_ordered(ids, data):
    kept = sorted(data.draw(st.sets(st.integers(0, len(ids) - 1))))
    places, is_distinct = hash_order(_column(ids), np.array(kept, np.int64))
    assert places.tolist() == sorted(kept, key=lambda place: hashlib.sha256(ids[place].encode()).digest())
    assert is_distinct


@pytest.mark.parametrize("mask", [0, 1 << 63, 15 << 60])
def test_ids_that_share_a_key_are_ordered_by_their_whole_hash(monkeypatch, mask):
    whole = order._keys
    monkeypatch.setattr(order, "_keys", lambda texts: whole(texts) & np.uint64(mask))
    ids = [f"image-{number}" for number in range(60)]
    places, is_distinct = hash_order(_column(ids))
    assert [ids[place] for place in places] == sorted(
        ids, key=lambda one: hashlib.sha256(one.encode()).digest()
    )
    assert is_distinct
    assert not hash_order(_column([*ids, ids[7]]))[1]


@settings(deadline=None)
@given(st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=12))
def test_doubles_are_noticed_and_named(ids):
    _, is_distinct = hash_order(_column(ids))
    assert is_distinct == (len(set(ids)) == len(ids))
    assert doubled_ids(_column(ids)) == sorted({one for one in ids if ids.count(one) > 1})


@pytest.mark.parametrize("rows", [1, 3, 1000])
def test_how_many_rows_are_in_memory_changes_nothing(monkeypatch, rows):
    ids = [f"image-{number}" for number in range(25)]
    whole = hash_order(_column(ids))[0]
    table = pa.table({"sample_id": ids, "path": ids, "label": ["a"] * 25, "split": [None] * 25})
    first = data_digest(_Counting(), table, 2)
    monkeypatch.setattr(order, "_ROWS_AT_ONCE", rows)
    monkeypatch.setattr(digest, "_ROWS_AT_ONCE", rows)
    monkeypatch.setattr(parallel, "_PATHS_PER_TASK", 2)
    assert np.array_equal(hash_order(_column(ids))[0], whole)
    assert data_digest(_Counting(), table, 3) == first


def test_the_digest_is_of_the_facts_sorted_by_id_and_each_image_is_read_once():
    rows = {
        "sample_id": ["b", "ä", "a"],
        "path": ["1", "2", "3"],
        "label": ["x", None, "y"],
        "split": ["train"] * 3,
    }
    source = _Counting()
    found = data_digest(source, pa.table(rows), 2)
    whole = hashlib.sha256(json.dumps(["sample_id", "label"]).encode())
    for row in (["a", "y", "1:3"], ["b", "x", "1:1"], ["ä", None, "1:2"]):
        whole.update(json.dumps(row, ensure_ascii=False).encode() + b"\n")
    assert found == whole.hexdigest()
    assert sorted(source.reads) == ["1", "2", "3"]


def test_a_store_that_fails_gives_no_digest():
    class Broken(_Counting):
        def digest(self, path):
            raise StorageError("the store did not answer")

    table = pa.table({"sample_id": ["a"], "path": ["a"], "label": ["x"], "split": [None]})
    with pytest.raises(StorageError, match="did not answer"):
        data_digest(Broken(), table, 2)


@given(st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2)), max_size=20), st.randoms())
def test_the_digest_of_images_needs_no_order_and_tells_labels(pairs, random):
    names = ("cat", "dog", "owl")

    def digest(rows, classes=names):
        prints, labels = zip(*rows, strict=True) if rows else ((), ())
        return images_digest(np.array(prints, np.uint64), np.array(labels, np.int64), classes)

    shuffled = random.sample(pairs, len(pairs))
    assert digest(shuffled) == digest(pairs)
    assert digest([(image, 2 - label) for image, label in pairs], names[::-1]) == digest(pairs)
    if pairs:
        (image, label), *rest = pairs
        assert digest([(image, (label + 1) % 3), *rest]) != digest(pairs)
        assert digest([(image ^ 1, label), *rest]) != digest(pairs)
        assert digest(rest) != digest(pairs)
