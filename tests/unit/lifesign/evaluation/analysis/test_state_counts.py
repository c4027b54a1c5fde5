import pyarrow as pa
import pytest

from lifesign.errors import InputError
from lifesign.evaluation.analysis.columns import SKIN_TONE_BAND, UNSPECIFIED, AnalysisSpec
from lifesign.evaluation.analysis.state import RunState
from lifesign.evaluation.metrics.pad import Outcome
from lifesign.evaluation.replay.predictions import prediction_schema
from lifesign.labels import LIVENESS_CLASSES
from lifesign.model_card import OperatingPoint
from lifesign.testing.prediction_tables import liveness_predictions
from lifesign.testing.reports import liveness_spec, reference_of

_SPEC = AnalysisSpec(LIVENESS_CLASSES, "liveness", threshold=0.5, slice_columns=("skin_tone",))


def _table(rows):
    """Rows of (label, P(bona fide) or None, species, skin tone)."""
    return pa.table(
        {
            "label": [label for label, _, _, _ in rows],
            "scores": pa.array(
                [None if p is None else [1 - p, p] for _, p, _, _ in rows], pa.list_(pa.float32())
            ),
            "outcome": ["no_response" if p is None else "scored" for _, p, _, _ in rows],
            "reason": pa.array(["truncated" if p is None else None for _, p, _, _ in rows], pa.string()),
            "notes": ["rotated,cmyk" if p == 0.5 else "" for _, p, _, _ in rows],
            "pai_species": pa.array([species for _, _, species, _ in rows], pa.string()),
            "slice_skin_tone": pa.array([tone for _, _, _, tone in rows], pa.string()),
        }
    )


_ROWS = _table(
    [
        ("bona_fide", 0.5, None, "mst01"),
        ("bona_fide", 0.49, None, "mst04"),
        ("bona_fide", None, None, "mst10"),
        ("attack", 0.9, "print_laser", "mst07"),
        ("attack", 0.1, "print_laser", "unknown"),
        ("attack", 0.2, None, None),
    ]
)


def test_a_score_on_the_threshold_is_bona_fide():
    assert RunState.from_predictions(_ROWS, _SPEC).overall.confusion.counts.tolist() == [[2, 1], [1, 1]]


def test_outcomes_are_counted_per_species_and_attacks_without_one_are_kept():
    pad = RunState.from_predictions(_ROWS, _SPEC).overall.pad
    assert pad.outcomes == {
        "bona_fide": Outcome(1, 1, 1),
        "print_laser": Outcome(1, 1, 0),
        UNSPECIFIED: Outcome(0, 1, 0),
    }


def test_skin_tones_are_also_counted_in_bands_and_other_words_in_none():
    state = RunState.from_predictions(_ROWS, _SPEC)
    assert {value: tally.samples for value, tally in state.slices[SKIN_TONE_BAND].items()} == {
        "mst01-03 light": 1,
        "mst04-06 medium": 1,
        "mst07-10 dark": 2,
    }
    assert state.slices["skin_tone"]["unknown"].samples == 1


def test_reasons_and_conversions_are_counted():
    state = RunState.from_predictions(_ROWS, _SPEC)
    assert state.reasons == {"truncated": 1}
    assert state.conversions == {"rotated": 1, "cmyk": 1}


def test_threshold_between_two_float32_scores_decides_in_full_precision():
    threshold = 0.412  # the nearest float32 is a little larger
    table = _table([("bona_fide", 0.412, None, None)])
    state = RunState.from_predictions(table, AnalysisSpec(LIVENESS_CLASSES, "liveness", threshold=threshold))
    assert state.overall.pad.bpcer().errors == int(float(table["scores"][0].as_py()[1]) < threshold)


@pytest.mark.parametrize(
    ("threshold", "point", "expected"),
    [
        (None, None, 0.5),
        (None, OperatingPoint(id="p", criterion="eer", threshold=0.3), 0.3),
        (0.2, OperatingPoint(id="p", criterion="eer", threshold=0.3), 0.2),
    ],
)
def test_threshold_comes_from_the_option_then_the_operating_point(threshold, point, expected):
    spec = AnalysisSpec(LIVENESS_CLASSES, "liveness", threshold=threshold, operating_point=point)
    assert spec.decision_threshold == expected


def test_a_label_that_is_no_class_is_refused():
    table = _table([("alive", 0.5, None, None)])
    with pytest.raises(InputError, match=r"expected labels among .* got \['alive'\]"):
        RunState.from_predictions(table, _SPEC)


def test_scores_of_another_length_are_refused():
    spec = AnalysisSpec(("a", "attack", "bona_fide"), "classification")
    with pytest.raises(InputError, match="expected 3 scores per sample, got \\[2\\]"):
        RunState.from_predictions(_ROWS, spec)


def test_states_at_other_thresholds_do_not_merge():
    other = AnalysisSpec(LIVENESS_CLASSES, "liveness", threshold=0.6, slice_columns=("skin_tone",))
    with pytest.raises(InputError, match=r"0\.5 and 0\.6"):
        RunState.from_predictions(_ROWS, _SPEC).merge(RunState.from_predictions(_ROWS, other))


def test_drift_is_counted_for_every_feature_of_the_reference():
    table = liveness_predictions(0, no_response_share=0.1)
    state = RunState.from_predictions(table, liveness_spec(reference=reference_of(liveness_predictions(1))))
    assert set(state.drift.counts) >= {"brightness", "score"}
    assert all(int(counts.sum()) == state.scored for counts in state.drift.counts.values())


def test_a_part_as_it_is_stored_can_be_counted():
    names = prediction_schema(("skin_tone",)).names
    assert {name for name in _ROWS.column_names if name != "slice_skin_tone"} <= set(names)
    empty = prediction_schema(("skin_tone",)).empty_table()
    assert RunState.from_predictions(empty, _SPEC) == RunState.empty(_SPEC)
