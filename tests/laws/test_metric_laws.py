"""Every mergeable state: any split in any order is one pass, empty changes nothing, JSON reads back."""

import json
from functools import reduce

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifesign.evaluation.metrics.calibration import ReliabilityCounts
from lifesign.evaluation.metrics.comparison import PairedCounts
from lifesign.evaluation.metrics.confusion import ConfusionMatrix
from lifesign.evaluation.metrics.drift import DriftState
from lifesign.evaluation.metrics.equal_mass_calibration import FineReliability
from lifesign.evaluation.metrics.multi_class_histogram import MultiClassHistogram
from lifesign.evaluation.metrics.pad import PadCounts
from lifesign.evaluation.metrics.probability_scores import ProbabilityScores
from lifesign.evaluation.metrics.reference_profile import ReferenceProfile
from lifesign.evaluation.metrics.score_bins import BINS
from lifesign.evaluation.metrics.score_histogram import (
    ScoreHistogram,
    auc,
    threshold_at_fnr,
    threshold_at_fpr,
)
from lifesign.evaluation.metrics.tied_scores import TiedScores

CLASSES = ("attack", "bona_fide", "other")
SPECIES = np.array(["bona_fide", "print", "replay"])
PROFILE = ReferenceProfile.from_samples({"score": np.linspace(0, 1, 200), "noise": np.arange(50.0)})


def _score_histogram(rows):
    return ScoreHistogram.from_batch(tuple(SPECIES), rows["group"], rows["score"], log_odds=rows["margin"])


def _multi_class(rows):
    scores = np.stack([rows["score"], 1 - rows["score"], rows["score"] / 2], axis=1)
    return MultiClassHistogram.from_batch(CLASSES, rows["group"], scores)


def _tied_scores(rows):
    return _score_histogram(rows).tied


def _probability_scores(rows):
    logits = np.stack([rows["margin"], -rows["margin"], np.zeros(len(rows["margin"]))], axis=1)
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    scores = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return ProbabilityScores.from_batch(rows["group"], scores, logits=logits)


def _pad(rows):
    return PadCounts.from_batch(0.5, SPECIES[rows["group"]], rows["score"], responded=rows["predicted"] > 0)


def _drift(rows):
    samples = {"score": rows["score"], "noise": rows["margin"]}
    return DriftState.from_batch(PROFILE, samples, subjects=rows["subject"])


STATES = {
    "confusion": (
        lambda rows: ConfusionMatrix.from_batch(CLASSES, rows["group"], rows["predicted"]),
        ConfusionMatrix.empty(CLASSES),
    ),
    "score_histogram": (_score_histogram, ScoreHistogram.empty()),
    "multi_class": (_multi_class, MultiClassHistogram.empty(CLASSES)),
    "tied_scores": (_tied_scores, TiedScores.empty(BINS)),
    "pad": (_pad, PadCounts.empty(0.5)),
    "reliability": (
        lambda rows: ReliabilityCounts.from_batch(rows["score"], rows["group"] > 0),
        ReliabilityCounts.empty(),
    ),
    "fine_reliability": (
        lambda rows: FineReliability.from_batch(rows["score"], rows["group"] > 0),
        FineReliability.empty(),
    ),
    "probability_scores": (_probability_scores, ProbabilityScores.empty(len(CLASSES))),
    "drift": (_drift, DriftState.empty(PROFILE)),
    "paired": (
        lambda rows: PairedCounts.from_batch(rows["group"] > 0, rows["predicted"] > 0),
        PairedCounts.empty(),
    ),
}


@st.composite
def _rows(draw):
    size = draw(st.integers(1, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    margin = rng.normal(0, draw(st.sampled_from([0.1, 3.0, 30.0])), size)
    margin = np.round(margin, draw(st.sampled_from([0, 1, 8])))
    return {
        "group": rng.integers(0, 3, size),
        "predicted": rng.integers(0, 3, size),
        "margin": margin,
        "score": (1 / (1 + np.exp(-margin))).astype(np.float32),
        "subject": np.array(["", "anna", "ben", "chen"])[rng.integers(0, 4, size)],
    }


def _part(rows, index):
    return {name: values[index] for name, values in rows.items()}


@pytest.mark.parametrize("name", STATES)
@settings(max_examples=40, deadline=None)
@given(rows=_rows(), data=st.data())
def test_any_split_in_any_order_is_one_pass(name, rows, data):
    build, empty = STATES[name]
    size = len(rows["group"])
    order = np.array(data.draw(st.permutations(range(size))))
    borders = sorted(data.draw(st.lists(st.integers(0, size), max_size=4)))
    parts = [build(_part(rows, index)) for index in np.split(order, borders)]
    whole = build(rows)
    assert reduce(lambda one, other: one.merge(other), parts) == whole
    assert empty.merge(whole) == whole == whole.merge(empty)


@pytest.mark.parametrize("name", STATES)
@settings(max_examples=25, deadline=None)
@given(rows=_rows())
def test_state_reads_back_from_json(name, rows):
    state = STATES[name][0](rows)
    text = json.dumps(state.to_dict(), sort_keys=True)
    more = {"used": ~np.isnan(state.scores)} if isinstance(state, TiedScores) else {}
    again = type(state).from_dict(json.loads(text), **more)
    assert again == state
    assert json.dumps(again.to_dict(), sort_keys=True) == text


@settings(max_examples=40, deadline=None)
@given(rows=_rows(), limits=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_stricter_limits_move_thresholds_the_right_way(rows, limits):
    hist = _score_histogram(rows)
    low, high = sorted(limits)
    sides = ({"bona_fide"}, {"print", "replay"})
    strict, loose = (threshold_at_fpr(hist, *sides, max_rate=rate).threshold for rate in (low, high))
    assert strict >= loose
    strict, loose = (threshold_at_fnr(hist, *sides, max_rate=rate).threshold for rate in (low, high))
    assert strict <= loose


@settings(max_examples=40, deadline=None)
@given(rows=_rows())
def test_auc_of_swapped_classes_is_its_complement(rows):
    hist = _score_histogram(rows)
    forward, backward = auc(hist, {"bona_fide"}, {"print"}), auc(hist, {"print"}, {"bona_fide"})
    if np.isnan(forward.value):
        assert np.isnan(backward.value)
    else:
        assert forward.value + backward.value == pytest.approx(1)
        assert forward.certificate == pytest.approx(backward.certificate)
