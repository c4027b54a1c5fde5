"""What a report says it does not show."""

from dataclasses import replace

import pytest

from lifesign.evaluation.analysis.limitations import limitations
from lifesign.evaluation.checks import GateEvidence
from lifesign.evaluation.report.document import GroupGapTable, ThresholdProvenance
from lifesign.testing.report_documents import liveness_report


def _evidence(*, attributes=(), pad="liveness", source="dev"):
    report = liveness_report(version=1)
    origin = ThresholdProvenance(id="eer", criterion="eer", source=source, threshold=0.4)
    tables = tuple(
        GroupGapTable(attribute=name, metric="BPCER", margin=0.05, alpha=0.001, groups=(), sentence="none")
        for name in attributes
    )
    return GateEvidence(
        accuracy_errors=report.pad.bpcer,
        auc=report.accuracy,
        accounting=report.accounting,
        pad=report.pad.model_copy(update={"provenance": origin}) if pad == "liveness" else None,
        group_gaps=tables,
        drift=(),
        baseline=None,
    )


def _told(evidence, *, subjects=9, named=0):
    return " ".join(limitations(evidence, run_subjects=subjects, named_samples=named, has_reference=True))


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ((), "No column tells groups of enough samples, so differential performance was not tested."),
        (("device",), "No column tells skin tone, age or sex, so"),
        (("image_size", "message"), "No column tells skin tone, age or sex, so"),
        (("skin_tone", "device"), "No column tells age or sex, so"),
        (("Gender", "estimated_tone"), "No column tells age, so"),
    ],
)
def test_groups_of_people_that_no_column_tells_are_named(attributes, words):
    assert words in _told(_evidence(attributes=attributes))


def test_nothing_is_missing_where_every_group_has_a_column():
    assert "No column" not in _told(_evidence(attributes=("skin_tone", "age_group", "sex")))


def test_a_classifier_need_not_be_of_people():
    assert "No column" not in _told(_evidence(attributes=("device",), pad="classes"))


@pytest.mark.parametrize(("source", "is_told"), [("dev", False), ("fixed", True)])
def test_a_threshold_without_development_data_promised_nothing(source, is_told):
    assert ("The threshold was given" in _told(_evidence(source=source))) == is_told


@pytest.mark.parametrize(
    ("subjects", "named", "words", "is_larger"),
    [
        pytest.param(None, 0, "The data set names no subjects", False, id="none"),
        pytest.param(60, 400, "60 subjects gave 400 samples", True, id="several each"),
        pytest.param(400, 400, "400 subjects gave one sample each", False, id="one each"),
        pytest.param(
            4,
            20,
            "4 subjects gave 20 of 400 samples; the other 380 name none and count as one each",
            True,
            id="some",
        ),
        pytest.param(20, 20, "20 subjects gave 20 of 400 samples; the other 380", False, id="some, one each"),
        pytest.param(1, 400, "1 subject gave 400 samples", True, id="one"),
    ],
)
def test_who_gave_how_many_samples_is_told_as_it_is(subjects, named, words, is_larger):
    evidence = _evidence()
    evidence = replace(evidence, accounting=evidence.accounting.model_copy(update={"total": 400}))
    told = _told(evidence, subjects=subjects, named=named)
    assert words in told
    assert ("uncertainty is larger" in told) == is_larger
