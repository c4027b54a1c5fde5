"""Differential performance: which tables there are, and what subjects do to them."""

import pyarrow as pa
import pytest

from lifesign.evaluation.analysis.alarm_budget import DIFFERENTIAL_PERFORMANCE
from lifesign.evaluation.report.document import GroupGapTable, ReportDocument
from lifesign.testing.prediction_tables import liveness_predictions
from lifesign.testing.reports import liveness_spec, report_of

_DARK = ("mst07", "mst08", "mst09", "mst10")


def _gaps(report: ReportDocument, attribute: str, metric: str = "BPCER") -> GroupGapTable:
    return next(one for one in report.group_gaps if (one.attribute, one.metric) == (attribute, metric))


def _with_column(table: pa.Table, name: str, of_attack: list[str], of_bona_fide: str) -> pa.Table:
    labels = table["label"].to_pylist()
    values = [
        of_bona_fide if label == "bona_fide" else of_attack[row % len(of_attack)]
        for row, label in enumerate(labels)
    ]
    return table.append_column(f"slice_{name}", pa.array(values, pa.string()))


def test_a_band_that_is_rejected_is_found_although_its_people_differ() -> None:
    # People of the band have levels of their own, as people do: alike within, different between bands.
    shift = dict(zip(_DARK, (-1.5, -3.5, -5.5, -4.0), strict=True))
    table = liveness_predictions(3, subjects=60, bona_fide_per_subject=4, tone_shift=shift)

    report = report_of(table, liveness_spec(threshold=0.5))

    verdicts = {row.group: row.verdict for row in _gaps(report, "skin_tone_band").groups}
    assert verdicts["mst07-10 dark"] == "alert"
    assert "alert" not in {verdict for group, verdict in verdicts.items() if group != "mst07-10 dark"}


@pytest.mark.parametrize("of_bona_fide", ["none", ""], ids=["one value", "no value"])
def test_a_column_that_describes_the_attack_instrument_is_no_group_of_people(
    of_bona_fide: str,
) -> None:
    table = _with_column(liveness_predictions(4), "medium", ["paper", "oled"], of_bona_fide)
    spec = liveness_spec(threshold=0.5, slice_columns=("device", "medium"))

    attributes = {one.attribute for one in report_of(table, spec).group_gaps}

    assert attributes == {"device"}


def test_tables_that_can_find_nothing_do_not_weaken_the_others() -> None:
    table = liveness_predictions(5, subjects=12, bona_fide_per_subject=6)
    alone = report_of(table, liveness_spec(threshold=0.5, slice_columns=("device",)))
    # Twelve people of ten tones: no two tones reach 20 bona fide samples.
    with_tones = report_of(table, liveness_spec(threshold=0.5, slice_columns=("device", "skin_tone")))

    testable = [one for one in with_tones.group_gaps if sum(row.rate.total >= 20 for row in one.groups) > 1]

    assert len(testable) < len(with_tones.group_gaps)
    shared = pytest.approx(DIFFERENTIAL_PERFORMANCE / len(testable), rel=1e-2)
    assert _gaps(with_tones, "device").alpha == shared
    assert _gaps(alone, "device").alpha == pytest.approx(DIFFERENTIAL_PERFORMANCE / 3, rel=1e-2)
