import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifesign.errors import DatasetError
from lifesign.evaluation.analysis.aggregation import Aggregation, aggregate_presentations
from lifesign.evaluation.analysis.prediction_source import HeldPredictions
from lifesign.labels import LIVENESS_CLASSES

_METHODS = [one for one in Aggregation if one is not Aggregation.NONE]


def _frames(rows):
    """Return frames of (presentation, label, scores or None) with what else a part has."""
    count = len(rows)
    return pa.table(
        {
            "sample_id": [f"frame-{index}" for index in range(count)],
            "path": [f"{index}.png" for index in range(count)],
            "label": [row[1] for row in rows],
            "scores": pa.array([row[2] for row in rows], pa.list_(pa.float32())),
            "outcome": ["no_response" if row[2] is None else "scored" for row in rows],
            "reason": pa.array(["truncated" if row[2] is None else None for row in rows], pa.string()),
            "presentation_id": pa.array([row[0] for row in rows], pa.string()),
            "subject_id": pa.array([f"subject of {row[0]}" for row in rows], pa.string()),
            "pai_species": pa.array([None] * count, pa.string()),
            "width": pa.array(range(count), pa.int32()),
            "slice_device": [f"d{index % 2}" for index in range(count)],
            "slice_site": ["here"] * count,
        }
    )


def _liveness(rows):
    return _frames([(one, label, None if p is None else [1 - p, p]) for one, label, p in rows])


def _aggregated(table, method, classes=LIVENESS_CLASSES):
    return aggregate_presentations(HeldPredictions([table]), method, class_names=classes)


@pytest.mark.parametrize(
    ("method", "score"), [("mean", 0.5), ("median", 0.625), ("max", 0.75), ("min", 0.125)]
)
def test_one_score_per_presentation(method, score):
    table = _liveness(
        [
            ("v", "attack", 0.125),
            ("w", "bona_fide", 0.5),
            ("v", "attack", 0.75),
            ("v", "attack", None),
            ("v", "attack", 0.625),
        ]
    )
    found = _aggregated(table, Aggregation(method))
    assert found["sample_id"].to_pylist() == ["v", "w"]
    assert found["scores"].to_pylist() == [[1 - score, score], [0.5, 0.5]]
    assert found["outcome"].to_pylist() == ["scored", "scored"]
    assert found["path"].to_pylist() == ["0.png", "1.png"]
    # frames 0, 2, 3 and 4 were seen by both devices, at one site
    assert found["slice_device"].to_pylist() == [None, "d1"]
    assert found["slice_site"].to_pylist() == ["here", "here"]


def test_a_presentation_without_a_scored_frame_has_no_response():
    found = _aggregated(_liveness([("v", "attack", None), ("v", "attack", None)]), Aggregation.MEAN)
    assert found["outcome"].to_pylist() == ["no_response"]
    assert found["reason"].to_pylist() == ["truncated"]
    assert found["scores"].to_pylist() == [None]


def test_several_reasons_are_told_as_such():
    table = _liveness([("v", "attack", None), ("v", "attack", None)])
    table = table.set_column(
        table.column_names.index("reason"), "reason", pa.array(["truncated", "DEADLINE_EXCEEDED"])
    )
    assert _aggregated(table, Aggregation.MAX)["reason"].to_pylist() == ["several_reasons"]


def test_a_frame_without_presentation_is_one_of_its_own():
    found = _aggregated(
        _liveness([("v", "attack", 0.25), (None, "attack", 0.5), (None, "bona_fide", 0.75)]), Aggregation.MEAN
    )
    assert found["sample_id"].to_pylist() == ["v", "frame-1", "frame-2"]


def test_classes_are_rescaled_to_add_up_to_one():
    table = _frames([("v", "a", [0.5, 0.5, 0.0]), ("v", "a", [0.0, 0.5, 0.5])])
    found = _aggregated(table, Aggregation.MAX, ("a", "b", "c"))
    assert found["scores"].to_pylist() == [[1 / 3, 1 / 3, 1 / 3]]


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("label", ["attack", "bona_fide"], "one label for all frames of a presentation, got 'attack', 'bona"),
        (
            "pai_species",
            ["print", "mask"],
            "one pai_species for all frames of a presentation, got 'mask', 'p",
        ),
        (
            "subject_id",
            ["u1", "u2"],
            "one subject_id for all frames of a presentation, got 'u1', 'u2' for pr",
        ),
        ("presentation_id", [None, None], "expected a column presentation_id to aggregate by"),
    ],
)
def test_frames_that_contradict_each_other_are_refused(column, values, message):
    table = _liveness([("v", "attack", 0.5), ("v", "attack", 0.5)])
    table = table.set_column(table.column_names.index(column), column, pa.array(values, pa.string()))
    with pytest.raises(DatasetError, match=message):
        _aggregated(table, Aggregation.MEAN)


@given(
    frames=st.lists(
        st.tuples(st.integers(0, 4), st.none() | st.integers(0, 64).map(lambda n: n / 64)), min_size=1
    ),
    method=st.sampled_from(_METHODS),
)
def test_agrees_with_numpy_whatever_the_order(frames, method):
    table = _liveness([(f"v{one}", "attack", score) for one, score in frames])
    found = _aggregated(table, method)
    scores = dict(zip(found["sample_id"].to_pylist(), found["scores"].to_pylist(), strict=True))
    assert len(scores) == len({one for one, _ in frames})
    for name, got in scores.items():
        mine = [score for one, score in frames if f"v{one}" == name and score is not None]
        if mine:
            assert got[1] == pytest.approx(getattr(np, method.value)(mine))
        else:
            assert got is None
