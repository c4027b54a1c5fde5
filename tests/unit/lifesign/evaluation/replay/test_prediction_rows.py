"""Rows of a part: every sample once, each value at its own place, null where there is none."""

import numpy as np
import pyarrow as pa
import pytest

from lifesign.evaluation.metrics.image_statistics import IMAGE_STATISTICS
from lifesign.evaluation.replay.answers import Answers
from lifesign.evaluation.replay.decoding import DecodedBatch, Refusal
from lifesign.evaluation.replay.prediction_rows import prediction_rows
from lifesign.evaluation.replay.predictions import prediction_schema

COUNT = 5
NAMES = ("sample_id", "path", "label", "subject_id", "presentation_id", "pai_species", "device")
ROWS = pa.table({name: pa.array([f"{name}-{place}" for place in range(COUNT)]) for name in NAMES})


def _decoded(*kept: int) -> DecodedBatch:
    numbers = np.arange(len(kept) * len(IMAGE_STATISTICS), dtype=np.float32)
    return DecodedBatch(
        images=np.zeros((len(kept), 2, 2, 3), np.uint8),
        kept=np.array(kept, np.int64),
        statistics=numbers.reshape(len(kept), len(IMAGE_STATISTICS)),
        sizes=np.array([(10 + place, 20 + place) for place in kept], np.int32).reshape(-1, 2),
        notes=["icc"] * len(kept),
        refusals={place: Refusal("truncated", "cut") for place in range(COUNT) if place not in kept},
    )


def _answers(count: int, *, has_logits: bool = True) -> Answers:
    scores = np.arange(count * 2, dtype=np.float32).reshape(count, 2) / 16
    latency = np.full(count, 0.5, np.float32)
    return Answers(scores, scores + 1, has_logits, np.full(count, 7, np.int64), latency)


def test_values_are_at_the_places_of_their_images():
    answers = _answers(3)
    answers.refusals[1] = Refusal("INVALID_ARGUMENT", "poisoned")
    answers.versions[1], answers.latency_seconds[1] = 0, np.nan
    table = prediction_rows(ROWS, _decoded(0, 2, 4), answers, ("device",))
    assert table["sample_id"].to_pylist() == ROWS["sample_id"].to_pylist()
    assert table["slice_device"].to_pylist() == ROWS["device"].to_pylist()
    assert table["outcome"].to_pylist() == ["scored", *["no_response"] * 3, "scored"]
    assert table["reason"].to_pylist() == [None, "truncated", "INVALID_ARGUMENT", "truncated", None]
    assert table["detail"].to_pylist() == [None, "cut", "poisoned", "cut", None]
    assert table["scores"].to_pylist() == [[0, 0.0625], None, None, None, [0.25, 0.3125]]
    assert table["logits"].to_pylist() == [[1, 1.0625], None, None, None, [1.25, 1.3125]]
    assert table["served_version"].to_pylist() == [7, None, None, None, 7]
    assert table["latency_seconds"].to_pylist() == [0.5, None, None, None, 0.5]
    assert table["width"].to_pylist() == [10, None, 12, None, 14]
    assert table["height"].to_pylist() == [20, None, 22, None, 24]
    assert table["notes"].to_pylist() == ["icc", "", "icc", "", "icc"]
    width = len(IMAGE_STATISTICS)
    assert table["stat_contrast"].to_pylist() == [1, None, 1 + width, None, 1 + 2 * width]


@pytest.mark.parametrize(
    ("decoded", "answers"),
    [
        (_decoded(), Answers.empty(0, 2)),
        (_decoded(1, 3), _answers(2, has_logits=False)),
        (_decoded(0, 1, 2, 3, 4), _answers(5)),
    ],
    ids=["nothing decoded", "no logits", "everything"],
)
def test_the_table_is_valid_and_of_the_schema_whatever_is_missing(decoded, answers):
    table = prediction_rows(ROWS, decoded, answers, ("device",))
    table.validate(full=True)
    assert table.schema == prediction_schema(("device",))
    assert table["outcome"].to_pylist().count("scored") == len(decoded.kept)
    assert table["scores"].null_count == COUNT - len(decoded.kept)
    assert table["logits"].null_count == (COUNT - len(decoded.kept) if answers.has_logits else COUNT)
