"""The search for the worst slices: what it finds, and that it pays for having searched."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from lifesign.evaluation.analysis.assembly import AnalysisSpec
from lifesign.evaluation.analysis.prediction_source import HeldPredictions
from lifesign.evaluation.analysis.run_predictions import RunPredictions
from lifesign.evaluation.analysis.worst_slices import find_worst_slices
from lifesign.testing.prediction_tables import classification_predictions, liveness_predictions
from lifesign.testing.reports import liveness_spec, reference_of, report_of

_CLASSES = ("cat", "dog", "owl")


def _search(table: pa.Table, spec: AnalysisSpec):
    return find_worst_slices(RunPredictions.read(HeldPredictions([table]), spec))


def _spoiled(table: pa.Table, where, seed: int = 0) -> pa.Table:
    """Turn four in ten answers of some rows to another class."""
    rng = np.random.default_rng(seed)
    rows = table.to_pylist()
    for row in rows:
        if where(row) and rng.random() < 0.4:
            row["scores"] = [*row["scores"][1:], row["scores"][0]]
    return pa.Table.from_pylist(rows, schema=table.schema)


def _spec(*slices: str) -> AnalysisSpec:
    return AnalysisSpec(_CLASSES, "classification", slice_columns=slices or ("device", "lighting"))


@pytest.fixture(scope="module")
def clean():
    return classification_predictions(3, class_names=_CLASSES, samples=3000)


def test_a_cross_that_is_worse_than_its_parts_is_named(clean):
    bad = _spoiled(clean, lambda row: (row["slice_device"], row["slice_lighting"]) == ("webcam", "dim"))
    search = _search(bad, _spec())
    worst = search.findings[0]
    assert worst.slices == {"device": "webcam", "lighting": "dim"}
    assert worst.verdict == "worse"
    assert worst.lower > 0
    assert worst.corrected_p > worst.p_value
    assert "device=webcam and lighting=dim, error rate" in search.sentence


def test_a_cross_that_is_only_as_bad_as_its_part_is_not_proven(clean):
    bad = _spoiled(clean, lambda row: row["slice_device"] == "webcam")
    proven = [one.slices for one in _search(bad, _spec()).findings if one.verdict == "worse"]
    assert proven == [{"device": "webcam"}]


def test_clean_predictions_have_worst_slices_that_prove_nothing(clean):
    search = _search(clean, _spec())
    assert {one.verdict for one in search.findings} == {"unproven"}
    assert "none is worse than the others beyond what searching" in search.sentence
    assert search.searched > 50


def test_dark_images_are_a_slice_though_no_column_says_so():
    table = liveness_predictions(1, subjects=120)
    bad = _spoiled(table, lambda row: row["label"] == "bona_fide" and row["stat_brightness"] < 0.37)
    spec = liveness_spec(slice_columns=("device",), reference=reference_of(liveness_predictions(9)))
    proven = [one for one in _search(bad, spec).findings if one.verdict == "worse"]
    values = [one.slices["brightness"] for one in proven if list(one.slices) == ["brightness"]]
    assert [value[:6] for value in values] == ["1 dark"]


def test_one_person_who_is_always_wrong_proves_nothing():
    table = liveness_predictions(2, subjects=40, bona_fide_per_subject=20)
    one = "subject-0007"
    device = ["webcam" if int(name[-2:]) % 8 == 7 else "phone" for name in table["subject_id"].to_pylist()]
    table = table.set_column(
        table.column_names.index("slice_device"), "slice_device", pa.array(device, pa.string())
    )
    rows = table.to_pylist()
    for row in rows:
        if row["subject_id"] == one and row["label"] == "bona_fide":
            row["scores"] = [0.9, 0.1]
    bad = pa.Table.from_pylist(rows, schema=table.schema)
    spec = liveness_spec(threshold=0.5, slice_columns=("device",))
    known = next(row for row in _search(bad, spec).findings if row.slices == {"device": "webcam"})
    nobody = bad.set_column(
        bad.column_names.index("subject_id"), "subject_id", pa.nulls(len(rows), pa.string())
    )
    unknown = next(row for row in _search(nobody, spec).findings if row.slices == {"device": "webcam"})
    assert unknown.verdict == "worse"
    assert known.verdict == "unproven"


def test_nothing_to_search_is_no_search():
    table = classification_predictions(0, class_names=_CLASSES, samples=30).select(
        ["label", "outcome", "scores", "subject_id"]
    )
    assert _search(table, AnalysisSpec(_CLASSES, "classification")) is None


def test_crosses_that_are_asked_for_are_slices_of_the_report_counted_in_shards(clean):
    report = report_of(clean, _spec("device", "device*lighting"))
    crossed = {row.value: row.samples for row in report.slices if row.column == "device*lighting"}
    wanted = [
        f"{one} × {other}"
        for one, other in zip(
            clean["slice_device"].to_pylist(), clean["slice_lighting"].to_pylist(), strict=True
        )
    ]
    assert crossed == {name: wanted.count(name) for name in set(wanted)}
    assert {gaps.attribute for gaps in report.group_gaps} == {"device"}


def test_measured_slices_are_in_the_report_without_being_asked_for():
    report = report_of(liveness_predictions(0), liveness_spec(slice_columns=("device",)))
    assert {row.column for row in report.slices} == {"device", "brightness", "blur", "estimated_tone"}
    assert all("(estimated)" in row.value for row in report.slices if row.column == "estimated_tone")


def test_who_asked_for_no_slices_gets_none_measured_either():
    spec = replace(liveness_spec(slice_columns=()), measured_slices=())
    report = report_of(liveness_predictions(0), spec)
    assert report.slices == ()
    assert report.worst_slices is None


def test_a_band_of_tones_is_searched_but_not_crossed_with_its_tones():
    table = liveness_predictions(4, subjects=60, tone_shift=dict.fromkeys(("mst08", "mst09", "mst10"), -2.5))
    search = _search(table, liveness_spec(threshold=0.5))
    assert {"skin_tone_band": "mst07-10 dark"} in [one.slices for one in search.findings]
    assert not [one for one in search.findings if set(one.slices) == {"skin_tone", "skin_tone_band"}]


def _with_columns(table: pa.Table, count: int, values: int = 2) -> pa.Table:
    rng = np.random.default_rng(3)
    for index in range(count):
        names = rng.integers(0, values, table.num_rows).astype(str)
        table = table.append_column(f"slice_c{index}", pa.array(names, pa.string()))
    return table


def test_every_column_is_searched_and_the_crosses_left_out_are_told():
    names = [f"c{index}" for index in range(20)]
    table = _with_columns(liveness_predictions(1, subjects=200), 20)
    bad = _spoiled(table, lambda row: row["slice_c19"] == "1")
    spec = replace(liveness_spec(threshold=0.5, slice_columns=tuple(names)), measured_slices=())
    search = _search(bad, spec)
    assert search.findings[0].slices == {"c19": "1"}
    assert search.findings[0].verdict == "worse"
    # The species of attacks are always crossed, so 15 of the 20 others are.
    assert search.not_crossed == ("c15", "c16", "c17", "c18", "c19")
    assert search.sentence.endswith(
        "Crosses with c15, c16, c17, c18, c19 were not searched: only 16 columns are crossed."
    )


def test_the_species_is_searched_however_many_columns_there_are():
    names = tuple(f"c{index}" for index in range(20))
    table = _with_columns(liveness_predictions(1, subjects=200), 20)
    bad = _spoiled(table, lambda row: row["pai_species"] == "replay_tablet")
    spec = replace(liveness_spec(threshold=0.5, slice_columns=names), measured_slices=())
    worse = [one.slices for one in _search(bad, spec).findings if one.verdict == "worse"]
    assert {"pai_species": "replay_tablet"} in worse


def test_a_column_of_too_many_values_is_told(clean):
    search = _search(_with_columns(clean, 1, values=60), _spec("device", "c0"))
    assert search.not_searched == ("c0",)
    assert search.sentence.endswith("c0, of more than 50 values, could not be searched.")


def test_a_column_whose_name_looks_like_a_cross_tells_groups(clean):
    values = clean["slice_device"]
    bad = _spoiled(clean.append_column("slice_a*b", values), lambda row: row["slice_a*b"] == "webcam")
    report = report_of(bad, _spec("a*b"))
    assert {table.attribute for table in report.group_gaps} == {"a*b"}
    assert report.worst_slices.findings[0].slices == {"a*b": "webcam"}
