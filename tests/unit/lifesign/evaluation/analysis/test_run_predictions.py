"""A whole run in a few bytes per sample says what its table says, however it is cut."""

import numpy as np
import pyarrow as pa
import pytest

from lifesign.evaluation.analysis.assembly import AnalysisSpec
from lifesign.evaluation.analysis.code_columns import CodeBuilder
from lifesign.evaluation.analysis.columns import PredictionColumns
from lifesign.evaluation.analysis.prediction_source import HeldPredictions, StoredPredictions, rows_of
from lifesign.evaluation.analysis.run_predictions import RunPredictions
from lifesign.evaluation.analysis.sample_ids import matched_rows
from lifesign.evaluation.replay.predictions import part_path, write_part
from lifesign.testing.prediction_tables import classification_predictions, liveness_predictions
from lifesign.testing.reports import liveness_spec

_CLASSES = ("cat", "dog", "owl")
_CROSSED = liveness_spec(slice_columns=("device", "skin_tone", "device*lighting", "device*skin_tone"))


def _cut(table: pa.Table, size: int) -> HeldPredictions:
    return HeldPredictions([table.slice(start, size) for start in range(0, table.num_rows, size)])


def _words(codes) -> list[str | None]:
    return [None if code < 0 else codes.names[code] for code in codes.index.tolist()]


@pytest.fixture(scope="module", params=["liveness", "classification"])
def case(request) -> tuple[pa.Table, AnalysisSpec]:
    if request.param == "liveness":
        return liveness_predictions(0, no_response_share=0.05), _CROSSED
    table = classification_predictions(0, class_names=_CLASSES, samples=500, no_response_share=0.05)
    return table, AnalysisSpec(_CLASSES, "classification", slice_columns=("device", "lighting"))


@pytest.mark.parametrize("size", [7, 100, 10_000])
def test_a_run_in_parts_is_read_as_one_table(case, size):
    table, spec = case
    whole, run = PredictionColumns.read(table, spec), RunPredictions.read(_cut(table, size), spec)
    for name in ("true", "predicted", "responded", "subject_index"):
        np.testing.assert_array_equal(getattr(run, name), getattr(whole, name), err_msg=name)
    np.testing.assert_array_equal(run.score, whole.feature("score").astype(np.float32))
    np.testing.assert_array_equal(run.scores, whole.scores)
    for name in (*spec.slices, *spec.measured_slices):
        assert _words(run.slice_codes(name)) == _words(whole.slice_codes(name)), name
        assert run.slice_codes(name).names == whole.slice_codes(name).names
    if spec.task == "liveness":
        assert _words(run.groups) == _words(whole.groups)


def test_a_sample_of_a_run_takes_a_few_bytes(case):
    table, spec = case
    run = RunPredictions.read(_cut(table, 100), spec)
    codes = [run.groups, run.species, *run.slices.values()]
    arrays = [run.true, run.predicted, run.responded, run.score, run.subject_index]
    held = sum(array.nbytes for array in (*arrays, *(one.index for one in codes)))
    assert held <= 24 * table.num_rows


def test_texts_of_a_few_samples_are_fetched_in_the_order_asked_for(case):
    table, spec = case
    run, rows = RunPredictions.read(_cut(table, 64), spec), [130, 3, 130, 64, 63]
    found = run.rows(rows, ["sample_id", "slice_device", "slice_nothing"])
    for row, text in zip(rows, found, strict=True):
        assert text["sample_id"] == table["sample_id"][row].as_py()
        assert text["slice_device"] == table["slice_device"][row].as_py()
        assert text["slice_nothing"] is None
    assert run.rows([], ["sample_id"]) == []


def test_the_parts_of_a_folder_are_those_that_were_written(tmp_path):
    table = liveness_predictions(1)
    for index, start in enumerate((0, 300)):
        write_part(part_path(tmp_path, index), table.slice(start, 300), facts={})
    source = StoredPredictions(tmp_path)
    assert source.sizes == (300, 300)
    assert source.part(1, ["label", "no_such_column"]).column_names == ["label"]
    assert rows_of(source, np.array([301, 2]), ["sample_id"])["sample_id"].to_pylist() == [
        table["sample_id"][row].as_py() for row in (301, 2)
    ]


@pytest.mark.parametrize("count", [5, 127, 128, 129, 40_000])
def test_codes_are_as_narrow_as_their_names_allow(count):
    names = [f"name {one:05d}" for one in range(count)]
    builder = CodeBuilder(2 * count + 1)
    for part in (names[: count // 2], [None, *names], names[count // 2 :]):
        builder.add_column(pa.chunked_array([pa.array(part, pa.string())]))
    found, index = builder.numbered()
    assert found.to_pylist() == names
    expected = [*range(count // 2), -1, *range(count), *range(count // 2, count)]
    assert index.tolist() == expected
    assert index.dtype == (np.int8 if count <= 128 else np.int16 if count <= 2**15 else np.int32)


def _ids(names: list[str]) -> HeldPredictions:
    return HeldPredictions([pa.table({"sample_id": pa.array(part)}) for part in (names[:3], names[3:])])


@pytest.mark.parametrize(
    ("now", "before", "rows"),
    [
        pytest.param(list("abcdef"), list("abcdef"), [0, 1, 2, 3, 4, 5], id="same order"),
        pytest.param(list("abcdef"), list("fedcba"), [5, 4, 3, 2, 1, 0], id="other order"),
        pytest.param(list("abcdef"), list("xbyd"), [-1, 1, -1, 3, -1, -1], id="some"),
        pytest.param(list("abcdef"), list("abcd"), [0, 1, 2, 3, -1, -1], id="fewer"),
        pytest.param(list("abcd"), list("abcdef"), [0, 1, 2, 3], id="more"),
        pytest.param(list("abcd"), list("wxyz"), [-1, -1, -1, -1], id="none"),
        pytest.param(list("abcd"), list("bcdab"), [3, 4, 1, 2], id="the last of two"),
    ],
)
def test_samples_of_two_runs_are_matched_by_their_ids(now, before, rows):
    assert matched_rows(_ids(now), _ids(before)).tolist() == rows


def test_memory_of_rows_to_come_is_never_read(monkeypatch):
    """Fresh memory may hold signalling NaNs, which numpy warns of when it casts them."""
    table = liveness_predictions(0)
    place = table.schema.get_field_index("scores")
    doubles = table.set_column(place, "scores", table["scores"].cast(pa.list_(pa.float64())))
    plain_empty = np.empty

    def dirty_empty(shape, dtype=float, **options):
        array = plain_empty(shape, dtype, **options)
        if array.dtype == np.float32:
            array.view(np.uint32)[...] = 0x7F800001
        return array

    monkeypatch.setattr(np, "empty", dirty_empty)
    run = RunPredictions.read(_cut(doubles, 100), liveness_spec())
    np.testing.assert_array_equal(run.score, PredictionColumns.read(doubles, liveness_spec()).decisive_scores)
