import errno
import os

import numpy as np
import pyarrow as pa
import pytest

from lifesign.errors import StorageError
from lifesign.evaluation.metrics.image_statistics import IMAGE_STATISTICS
from lifesign.evaluation.replay.predictions import (
    part_path,
    prediction_schema,
    read_part,
    read_predictions,
    replaced_file,
    write_part,
)


def _table(count: int) -> pa.Table:
    schema = prediction_schema(("device",))
    rows = [{"sample_id": str(index), "scores": [0.25, 0.75], "outcome": "scored"} for index in range(count)]
    return pa.Table.from_pylist(rows, schema=schema)


def test_schema_has_every_statistic_and_slice():
    names = prediction_schema(("device", "skin_tone")).names
    assert {f"stat_{name}" for name in IMAGE_STATISTICS} < set(names)
    assert names[-2:] == ["slice_device", "slice_skin_tone"]


def test_a_part_comes_back_as_written(tmp_path):
    write_part(part_path(tmp_path, 0), _table(3), facts={"run_id": "abc"})
    table = read_part(part_path(tmp_path, 0))
    assert table.equals(_table(3))
    assert table.schema.metadata[b"run_id"] == b"abc"
    assert table["scores"].type == pa.list_(pa.float32())
    assert np.float32(0.25) == table["scores"][0].as_py()[0]


def test_parts_are_read_in_order_and_by_column(tmp_path):
    for index, count in enumerate((2, 3)):
        write_part(part_path(tmp_path, index), _table(count), facts={})
    tables = list(read_predictions(tmp_path, ["sample_id"]))
    assert [table.num_rows for table in tables] == [2, 3]
    assert tables[0].column_names == ["sample_id"]


@pytest.mark.parametrize("keep", [0, 4, 200])
def test_a_damaged_part_is_noticed(tmp_path, keep):
    path = part_path(tmp_path, 0)
    write_part(path, _table(3), facts={})
    path.write_bytes(path.read_bytes()[:keep])
    assert read_part(path) is None
    with pytest.raises(StorageError, match="damaged"):
        list(read_predictions(tmp_path))


def test_no_part_at_all_is_said(tmp_path):
    with pytest.raises(StorageError, match="holds no predictions"):
        list(read_predictions(tmp_path))


def _write_half(path, fault):
    with replaced_file(path) as file:
        file.write(b"new")
        raise fault


@pytest.mark.parametrize("fault", [OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), ValueError("bug")])
def test_a_failed_write_leaves_what_was_there_and_no_rubbish(tmp_path, fault):
    path = tmp_path / "report.json"
    path.write_text("old")
    expected = StorageError if isinstance(fault, OSError) else ValueError
    with pytest.raises(expected, match=r"No space left on device|bug"):
        _write_half(path, fault)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_made_is_a_storage_error(tmp_path):
    (tmp_path / "parts").write_text("in the way")
    with pytest.raises(StorageError, match="cannot write"):
        write_part(part_path(tmp_path, 0), _table(1), facts={})
