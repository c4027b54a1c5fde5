"""Files of several blocks: what one block says must hold for the next, and rows keep their numbers."""

import bz2
import gzip
import json

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from lifesign.errors import DatasetError
from lifesign.evaluation.config import predictions_config
from lifesign.evaluation.imported_predictions.distinct import DistinctTexts, HashedTexts, texts_of_hashes
from lifesign.evaluation.imported_predictions.evaluation import open_predictions
from lifesign.evaluation.imported_predictions.table_file import open_table

_COUNT = 60_000  # some blocks of each format


def _rows(count=_COUNT):
    return [
        {"sample_id": f"sample-{i}", "label": i % 2, "score": (i % 997) / 997, "device": "ab"[i % 2]}
        for i in range(count)
    ]


def _write(path, rows):
    if path.suffix == ".parquet":
        parquet.write_table(pa.Table.from_pylist(rows), path, row_group_size=7_000)
        return path
    if ".jsonl" in path.name:
        text = "".join(json.dumps(row) + "\n" for row in rows)
    else:
        text = "".join(",".join(map(str, row)) + "\n" for row in (rows[0], *(row.values() for row in rows)))
    packed = {".gz": gzip.compress, ".bz2": bz2.compress}.get(path.suffix, bytes)
    path.write_bytes(packed(text.encode()))
    return path


def _open(path, **options):
    return open_predictions(predictions_config(predictions=path, out=path.parent / "out", **options))


def _table(opened):
    return pa.concat_tables(table for table, _ in opened.tables())


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet", "a.csv.gz", "a.jsonl.bz2"])
def test_every_row_comes_once_in_parts_of_some_megabytes(tmp_path, name):
    rows = _rows()
    opened = _open(_write(tmp_path / name, rows))
    parts = [table for table, _ in opened.tables()]
    table = pa.concat_tables(parts)
    assert [part.num_rows for part in parts] == [32_768, _COUNT - 32_768]
    assert table["sample_id"].to_pylist() == [row["sample_id"] for row in rows]
    scores = np.array(table["scores"].to_pylist())
    assert scores[:, 1].tolist() == [row["score"] for row in rows]
    assert opened.record.dataset.slice_columns == ("device",)


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"score": 1.5}, "row 55,001, sample 'sample-55000': expected 'score' as a probability"),
        ({"sample_id": "sample-3"}, "ids more than once, such as 'sample-3' in rows 4 and 55,001"),
        ({"label": "sofa"}, "row 55,001, sample 'sample-55000': unknown class 'sofa'"),
        ({"label": ""}, "row 55,001, sample 'sample-55000': expected a label in every row, got none"),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) else "",
)  # fmt: skip
def test_a_fault_far_behind_is_found_by_its_row(tmp_path, name, change, message):
    rows = [{**row, "label": str(row["label"])} for row in _rows()]
    rows[55_000] |= change
    with pytest.raises(DatasetError) as found:
        _table(_open(_write(tmp_path / name, rows)))
    assert message in str(found.value)


def test_rows_before_the_first_split_name_are_of_no_split(tmp_path):
    rows = [{**row, "split": "" if i < 40_000 else "test"} for i, row in enumerate(_rows())]
    opened = _open(_write(tmp_path / "a.csv", rows))
    assert opened.survey.samples == _table(opened).num_rows == _COUNT - 40_000


def test_the_first_pass_tells_how_far_it_is(tmp_path):
    rows = _rows(4 * _COUNT)
    for name in ("a.csv", "a.jsonl", "a.parquet"):
        shares = []
        path = _write(tmp_path / name, rows)
        config = predictions_config(predictions=path, out=tmp_path / "out")
        open_predictions(config, look=shares.append)
        assert shares == sorted(shares)
        assert len(shares) > 1
        assert shares[-1] == 1


_JSON_LINES = {
    "whole numbers of many digits": [f'{{"a": {2**64 + i}, "b": 1}}' for i in range(3)],
    "text like times": ['{"a": "2020-01-01", "b": 1}', '{"a": "2020-01-02T00:00:00Z", "b": 1}'],
    "text and numbers": ['{"a": 1, "b": 1}', '{"a": "x", "b": 1}', '{"a": 0.5, "b": null}'],
    "a key twice": ['{"a": 1, "a": 2, "b": 3}'],
    "no number": ['{"a": NaN, "b": 1}', '{"a": 0.5, "b": 1}'],
    "truth values": ['{"a": true, "b": 1}', '{"a": null, "b": 1}'],
    "blank lines": ['{"a": 1, "b": 1}', "", "  ", '{"a": 2, "b": 1}'],
    "a key that comes late": ['{"b": 1}', '{"a": 2, "b": 1}'],
}


@pytest.mark.parametrize("lines", _JSON_LINES.values(), ids=_JSON_LINES)
@pytest.mark.parametrize("blocks", [1, 3])
def test_json_lines_mean_what_python_reads(tmp_path, lines, blocks):
    """Also where the odd lines come after blocks that Arrow read."""
    usual = [json.dumps({"a": f"x{i}" * 20, "b": i}) for i in range(30_000 * (blocks - 1))]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join([*usual, *lines]) + "\n")
    file = open_table(path)
    cells = [row["a"] for table in file.read(["a"]) for row in table.to_pylist()]
    expected = [json.loads(line).get("a") for line in [*usual, *lines] if line.strip()]
    assert file.rows == len(expected)
    assert [_word(cell) for cell in cells] == [_word(value) for value in expected]


def _word(value):
    return None if value is None else str(value).lower().removesuffix(".0")


@pytest.mark.parametrize("blocks", [1, 3])
def test_a_broken_json_line_is_named_by_its_number(tmp_path, blocks):
    usual = [json.dumps({"a": "x" * 50, "b": i}) for i in range(30_000 * (blocks - 1))]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join([*usual, "", '{"a": 1', ""]))
    with pytest.raises(DatasetError, match=f"expected JSON in line {len(usual) + 2}, got"):
        open_table(path)


def test_texts_are_counted_and_doubles_found_over_many_blocks():
    words = [f"w{i % 700_000}" for i in range(800_000)]
    distinct, hashed = DistinctTexts(), HashedTexts()
    blocks = [pa.chunked_array([words[i : i + 90_000]]) for i in range(0, len(words), 90_000)]
    for block in blocks:
        distinct.add(block)
        hashed.add(block)
    suspects = hashed.suspects()
    found = {text for block in blocks for _, text in texts_of_hashes(block, suspects)}
    assert distinct.count() == 700_000
    assert found == {f"w{i}" for i in range(100_000)}
