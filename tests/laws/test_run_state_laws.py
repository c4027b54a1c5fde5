import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifesign.evaluation.analysis.columns import AnalysisSpec
from lifesign.evaluation.analysis.state import RunState
from lifesign.evaluation.metrics.reference_profile import ReferenceProfile
from lifesign.labels import LIVENESS_CLASSES
from lifesign.testing.prediction_tables import classification_predictions, liveness_predictions

_CLASSES = tuple(f"class_{index}" for index in range(10))
_REFERENCE = ReferenceProfile.from_samples(
    {
        "brightness": np.random.default_rng(0).normal(0.45, 0.08, 300),
        "score": np.random.default_rng(1).random(300),
    }
)
_CASES = {
    "liveness": (
        liveness_predictions(3, subjects=12, no_response_share=0.05),
        AnalysisSpec(
            LIVENESS_CLASSES,
            "liveness",
            threshold=0.4,
            slice_columns=("skin_tone", "device"),
            reference_profile=_REFERENCE.to_dict(),
        ),
    ),
    "classification": (
        classification_predictions(3, class_names=_CLASSES, samples=150, no_response_share=0.05),
        AnalysisSpec(_CLASSES, "classification", slice_columns=("lighting",)),
    ),
}


@pytest.fixture(params=_CASES, ids=_CASES)
def case(request):
    return _CASES[request.param]


@settings(deadline=None, max_examples=15)
@given(data=st.data())
@pytest.mark.parametrize("name", _CASES)
def test_any_split_in_any_order_gives_the_state_of_one_pass(name, data):
    table, spec = _CASES[name]
    cuts = sorted(data.draw(st.sets(st.integers(0, table.num_rows), max_size=4)))
    borders = [0, *cuts, table.num_rows]
    parts = [table.slice(start, stop - start) for start, stop in itertools.pairwise(borders)]
    merged = RunState.empty(spec)
    for part in data.draw(st.permutations(parts)):
        merged = merged.merge(RunState.from_predictions(part, spec))
    assert json.dumps(merged.to_dict()) == json.dumps(RunState.from_predictions(table, spec).to_dict())


def test_merge_is_associative(case):
    table, spec = case
    one, two, three = (RunState.from_predictions(table.slice(start, 40), spec) for start in (0, 40, 80))
    assert one.merge(two).merge(three) == one.merge(two.merge(three))


def test_empty_is_the_identity(case):
    table, spec = case
    state = RunState.from_predictions(table, spec)
    assert RunState.empty(spec).merge(state) == state == state.merge(RunState.empty(spec))


def test_json_round_trip_keeps_every_count(case):
    table, spec = case
    state = RunState.from_predictions(table, spec)
    assert RunState.from_dict(json.loads(json.dumps(state.to_dict()))) == state


def test_every_sample_is_accounted_for(case):
    table, spec = case
    state = RunState.from_predictions(table, spec)
    assert state.total == table.num_rows
    assert state.total - state.scored == sum(state.reasons.values())
    for column in spec.slices:
        assert sum(tally.samples for tally in state.slices[column].values()) == table.num_rows
