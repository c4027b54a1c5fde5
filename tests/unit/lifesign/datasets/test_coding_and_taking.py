import json
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from lifesign.datasets import manifest
from lifesign.datasets.coding import TextTable, count_values, decoded, mapped, values_of
from lifesign.datasets.dataset import load_dataset
from lifesign.datasets.layouts.rows import RowTable
from lifesign.datasets.taking import rows_at, taken
from lifesign.labels import LIVENESS_CLASSES

VALUES = st.lists(st.sampled_from([None, "", "a", "b", "ä", "a longer text"]), min_size=1, max_size=40)
CUTS = st.lists(st.integers(0, 40), max_size=4)
FEW = ["x", "y", None, "x"] * 10


def _table(values, cuts):
    """Return ``values`` as a column of codes or texts, beside ids, put together from pieces."""
    table = TextTable()
    for start, stop in _pieces(len(values), cuts):
        ids = pa.array([f"{row:02d}" for row in range(start, stop)])
        table.append({"sample_id": ids, "path": ids, "word": pa.array(values[start:stop], pa.string())})
    return table.finish()


def _pieces(size, cuts):
    places = sorted({0, size, *(cut for cut in cuts if cut < size)})
    return list(pairwise(places))


@settings(deadline=None)
@given(VALUES, CUTS)
def test_a_table_holds_what_was_added_in_any_pieces(values, cuts):
    table = _table(values, cuts)
    plain = decoded(table)
    assert plain["word"].to_pylist() == values
    assert set(plain.schema.types) == {pa.string()}
    assert count_values(table["word"]) == len(set(values) - {None})
    assert values_of(table["word"]) == list(dict.fromkeys(one for one in values if one is not None))
    words = {"a": "A", "b": "A"}
    assert mapped(table["word"], words).to_pylist() == [words.get(one) for one in values]


@settings(deadline=None)
@given(VALUES, CUTS, CUTS, st.data())
def test_rows_are_taken_in_any_order_from_any_pieces(values, cuts, others, data):
    order = data.draw(st.lists(st.integers(0, len(values) - 1), unique=True, min_size=1))
    table = _table(values, cuts)
    expected = decoded(table).take(pa.array(order)).to_pydict()
    found = taken(dict(zip(table.column_names, table.columns, strict=True)), np.array(order))
    assert decoded(found).to_pydict() == expected
    places = np.array([place % len(values) for place in others], np.int64)
    whole = _table(values, cuts)
    assert decoded(rows_at(whole, places)).to_pydict() == decoded(whole).take(pa.array(places)).to_pydict()


def test_what_is_said_again_and_again_takes_a_byte_per_row():
    table = _table(FEW, [10, 20])
    assert table["word"].type == pa.dictionary(pa.uint8(), pa.string())
    assert table["sample_id"].type == pa.string()


def test_paths_that_are_the_ids_are_in_memory_once():
    rows = RowTable({"sample_id": str(row), "path": str(row), "label": "x"} for row in range(20_000))
    table = rows.finish()
    found = taken(dict(zip(table.column_names, table.columns, strict=True)), np.arange(20_000)[::-1])
    assert table["path"].chunk(0).buffers()[2].address == table["sample_id"].chunk(0).buffers()[2].address
    assert found["path"].chunk(0).buffers()[2].address == found["sample_id"].chunk(0).buffers()[2].address


def test_columns_of_a_layout_are_in_the_order_in_which_they_have_a_value():
    rows = RowTable([{"path": "a", "late": None, "first": "1", "never": None}, {"path": "b", "late": "2"}])
    assert len(rows) == 2
    assert rows.tells("late")
    assert not rows.tells("never")
    table = rows.finish()
    assert table.column_names[-2:] == ["first", "late"]
    assert table["late"].to_pylist() == [None, "2"]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_how_much_of_a_manifest_is_read_at_once_changes_nothing(tmp_path, monkeypatch, suffix):
    rows = [
        {"path": f"{row}.png", "label": ("real", "fake")[row % 2], "note": "" if row < 900 else "late"}
        for row in range(1_000)
    ]
    file = tmp_path / f"m{suffix}"
    if suffix == ".csv":
        file.write_text("path,label,note\n" + "".join(",".join(row.values()) + "\n" for row in rows))
    elif suffix == ".jsonl":
        # A column that begins below the first block.
        told = ({name: value for name, value in row.items() if value} for row in rows)
        file.write_text("".join(json.dumps(row) + "\n" for row in told))
    else:
        parquet.write_table(pa.Table.from_pylist(rows), file)
    whole = load_dataset(file, class_names=LIVENESS_CLASSES)
    monkeypatch.setattr(manifest, "_BLOCK_BYTES", 2_000)
    monkeypatch.setattr(manifest, "_ROWS_AT_ONCE", 70)
    pieces = load_dataset(file, class_names=LIVENESS_CLASSES)
    assert pieces.digest == whole.digest
    assert pieces.rows(0, 1_000).equals(whole.rows(0, 1_000))
    assert whole.rows(0, 1_000)["note"].to_pylist().count("late") == 100


def test_digest_and_order_are_those_of_earlier_releases(tmp_path):
    (tmp_path / "a.png").write_bytes(b"an image")
    file = tmp_path / "m.csv"
    file.write_text(
        "path,is_bonafide,client,attack_type,note\n"
        "a.png,true,7,,x\nb.png,false,7,print_a4,\nü.png,0,8,replay,x\nd.png,0,8,replay,x\n"
    )
    dataset = load_dataset(file, class_names=LIVENESS_CLASSES)
    # As released before columns were coded: interrupted runs of then go on.
    assert dataset.digest == "f603d4369fe33f49e928f0ce8116b6e66c7fe5d2f3e1981371bfee644a83308a"
    assert dataset.table["sample_id"].to_pylist() == ["b.png", "ü.png", "a.png", "d.png"]
