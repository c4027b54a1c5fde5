"""Every field of the document is on the page or listed here with the reason why not.

A field counts as shown when the page changes with its value, so a new field cannot be forgotten.
"""

from enum import Enum
from typing import Any

import pytest
from pydantic import BaseModel

from lifesign.evaluation.audit.findings import Finding, FindingCode, Severity
from lifesign.evaluation.report import document as documents
from lifesign.evaluation.report.document import (
    AlertSeverity,
    BaselineMethodDocument,
    ClassMetrics,
    CoarseDocument,
    DiagnosisRow,
    EarlierRun,
    GateStatus,
    GeneralisationDocument,
    GroupSummary,
    MethodFigures,
    ProfileDocument,
    ProfileRow,
    SubjectIntervalRow,
    TemperatureDocument,
    ThreeWayRow,
    ThresholdProvenance,
    TrainingDocument,
    TwoThresholdDocument,
    Value,
)
from lifesign.evaluation.report.html import render_html
from lifesign.evaluation.report.parts.pad import (
    ExpectedPerformanceRow,
    FullSystemDocument,
    FullSystemRow,
)
from lifesign.testing.report_documents import rate_row

_TEXT = "the sentence or text beside it holds it"
_NOT_SHOWN = {
    "Alert.kind": "machines sort by it; people read the title",
    "Alert.evidence": _TEXT,
    "CurvePoint.threshold": "the table of thresholds names those that matter",
    "ErrorExample.path": "where the picture comes from",
    "FlippedSample.path": "where the picture comes from",
    "Finding.blocks": "an evaluation is not blocked; the severity is shown",
    "Finding.count": _TEXT,
    "Finding.examples": "on the page of the audit",
    "GateResult.limit": _TEXT,
    "GateResult.lower": _TEXT,
    "GateResult.name": _TEXT,
    "GateResult.upper": _TEXT,
    "GateResult.value": _TEXT,
    "GroupGapRow.p_value": "the corrected one is shown",
    "DriftRow.p_value": "the corrected one is shown",
    "RateRow.level": "0.95 everywhere",
    "RateRow.text": "written again from the counts",
    "SliceSearch.not_crossed": _TEXT,
    "SliceSearch.not_searched": _TEXT,
    "Subject.slice_columns": "the tables of slices name them",
}
_LONG = ("slices", "roc", "histograms", "drift", "group_gaps")


def _rare_parts() -> dict[str, Any]:
    """Parts that a run of invented predictions does not have."""
    rate = rate_row(3, 40)
    value = Value(value=0.8, lower=0.7, upper=0.9, method="m", certificate=1e-6)
    return {
        "profile": ProfileDocument(
            name="one",
            title="A profile",
            about="About it.",
            status=GateStatus.FAIL,
            sentence="It fails.",
            rows=(
                ProfileRow(
                    name="apcer",
                    status=GateStatus.FAIL,
                    limit=0.05,
                    value=0.1,
                    lower=0.06,
                    upper=0.2,
                    sentence="Too high.",
                    source="a standard",
                    conflict="another says 1 %",
                ),
            ),
            sources=("somewhere",),
        ),
        "diagnosis": (
            DiagnosisRow(
                code="weak_class",
                title="Weak class",
                severity=AlertSeverity.WARNING,
                confidence=0.85,
                evidence="cat is found in 30% of 100.",
                remedy="Look at samples of it.",
                refuted_by="a second set",
                excluded=("collapse: two classes are answered",),
            ),
        ),
        "training": TrainingDocument(
            figures={"train_loss": (0.9, 0.5, 0.3), "dev_loss": (0.8, 0.6, 0.7)},
            kept_epoch=2,
            selected_by="dev_loss",
            named_epoch=3,
            named_as="turn",
            samples={"train": 50, "dev": 20},
            configuration=("optimizer adam",),
            evaluated_split="test",
        ),
        "baseline_methods": (
            BaselineMethodDocument(
                name="linear SVM",
                about="a line",
                split="test",
                same_images=False,
                figures=(figures := _figures(value)),
                network=figures.model_copy(update={"samples": 9}),
            ),
        ),
        "subject_intervals": (
            SubjectIntervalRow(
                name="AUC",
                value=0.9,
                lower=0.8,
                upper=0.95,
                method="bootstrap",
                subjects=40,
                threshold_source="none",
            ),
        ),
        "superclasses": CoarseDocument(
            class_names=("animal", "plant"),
            counts=((5, 1), (2, 7)),
            no_response=(0, 3),
            accuracy=value,
            balanced_accuracy=0.81,
            averages={"kappa": 0.6},
            classes=(
                ClassMetrics(
                    class_name="animal", precision=0.7, recall=0.8, f1=0.75, support=6, specificity=0.9
                ),
            ),
        ),
        "generalisation": GeneralisationDocument(
            seen=("print",),
            unseen=("mask",),
            seen_apcer=rate,
            unseen_apcer=rate_row(5, 40),
            unseen_mean_at_bpcer10=0.13,
            unseen_worst_at_bpcer10=rate_row(6, 40),
            unseen_worst_species="mask",
            sentence="New to the model: mask.",
        ),
        "group_summaries": (
            GroupSummary(
                attribute="tone",
                metric="BPCER",
                groups=4,
                worst_group="a",
                best_group="b",
                difference=0.2,
                ratio=3.5,
                proven=False,
            ),
        ),
        "history": (
            EarlierRun(
                run_id="a1b2",
                model_version="1",
                dataset="old faces",
                data_digest="cafe",
                samples=77,
                verdict=GateStatus.PASS,
                alerts=2,
                accuracy=value,
                apcer_max=rate,
                bpcer=rate,
                largest_drift=0.2,
                drifted=4,
            ),
        ),
        "data_findings": (
            Finding(
                code=FindingCode.EXACT_DUPLICATE,
                severity=Severity.WARNING,
                blocks=False,
                count=3,
                sentence="Three are alike.",
                remedy="Keep one.",
            ),
        ),
    }


def _figures(value: Value) -> MethodFigures:
    return MethodFigures(
        samples=8,
        accuracy=value,
        balanced_accuracy=0.83,
        recalls={"attack": 0.75, "bona_fide": 1.0},
        confusion=((3, 1), (0, 4)),
    )


@pytest.fixture(scope="module")
def whole(full):
    """The full report with the parts that only some runs have."""
    pad = full.pad
    rate = rate_row(2, 40)
    pad = pad.model_copy(
        update={
            "provenance": ThresholdProvenance(
                id="eer",
                criterion="eer",
                source="dev",
                threshold=0.4321,
                dataset_digest="abcd",
                promised_apcer_max=rate,
                promised_bpcer=rate,
            ),
            "two_thresholds": TwoThresholdDocument(
                reject_below=0.2,
                accept_from=0.7,
                reject_point="low",
                accept_point="high",
                source="dev",
                rows=(ThreeWayRow(group="bona fide", rejected=rate, uncertain=rate, accepted=rate),),
            ),
            "expected_performance": (
                ExpectedPerformanceRow(
                    weight=0.3, threshold=0.456, apcer=rate, bpcer=rate, half_total_error=0.06
                ),
            ),
            "full_system": FullSystemDocument(
                iapar_max=rate_row(4, 40),
                iapar_max_species="mask",
                frr=rate_row(5, 40),
                riapar=0.225,
                species=(FullSystemRow(species="mask", iapar=rate_row(4, 40)),),
                left_out=7,
            ),
        }
    )
    calibration = full.calibration.model_copy(
        update={
            "temperature": TemperatureDocument(
                value=1.8,
                samples=99,
                log_loss_before=0.5,
                log_loss_after=0.4,
                ece_before=0.2,
                ece_after=0.1,
            )
        }
    )
    accounting = full.accounting.model_copy(
        update={"no_response": 2, "reasons": {"truncated": 2}, "conversions": {"cmyk": 1}}
    )
    model = full.model.model_copy(
        update={
            "training_data_digest": "feed",
            "recipe": "small",
            "operating_point": "eer",
            "made_at": "2026-01-02",
            "export_digest": "beef",
        }
    )
    subject = full.subject.model_copy(update={"class_map": {"live": "bona_fide"}, "frames": 99})
    return full.model_copy(
        update={
            "pad": pad,
            "calibration": calibration,
            "accounting": accounting,
            "model": model,
            "subject": subject,
            "baseline": full.baseline.model_copy(
                update={"flipped": full.baseline.flipped[:3], "changes": full.baseline.changes[:3]}
            ),
            **{name: getattr(full, name)[:2] for name in _LONG},
            "roc_macro": full.roc[0].model_copy(update={"name": "mean of the classes (macro)"}),
            "worst_errors": (full.worst_errors[0], full.worst_errors[-1]),
            **_rare_parts(),
        }
    )


def _places(node: Any, path: tuple[Any, ...] = ()) -> Any:
    """Yield owner class, field and path of every field that has a value."""
    if isinstance(node, BaseModel):
        for name in type(node).model_fields:
            value = getattr(node, name)
            if value not in (None, (), {}):
                yield type(node).__name__, name, (*path, name)
            yield from _places(value, (*path, name))
    elif isinstance(node, tuple):
        for index, one in enumerate(node):
            yield from _places(one, (*path, index))


def _other(value: Any) -> Any:
    """Another value that people would be told differently."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, Enum):
        return next(one for one in type(value) if one is not value)
    if isinstance(value, int | float):
        return value * 2 + 3 if value else 0.5
    if isinstance(value, str):
        return {
            "1.0": "1.1",
            "ok": "alert",
            "alert": "ok",
            "none": "mean",
            "mean": "median",
            "served": "file",
            "test": "dev",
            "evaluation": "training",
        }.get(value, f"{value} changed")
    if isinstance(value, dict):
        return {f"{key} changed": one for key, one in value.items()}
    if isinstance(value, tuple):
        return value[:-1] if isinstance(value[0], BaseModel) else (_other(value[0]), *value[1:])
    return None


def _changed(node: Any, path: tuple[Any, ...]) -> Any:
    if not path:
        return _other(node)
    head, rest = path[0], path[1:]
    if isinstance(node, BaseModel):
        return node.model_copy(update={head: _changed(getattr(node, head), rest)})
    return tuple(_changed(one, rest) if index == head else one for index, one in enumerate(node))


def _is_part(node: Any, path: tuple[Any, ...]) -> bool:
    """Return whether a whole part of the document is there, whose own fields are tried one by one."""
    for step in path:
        node = getattr(node, step) if isinstance(node, BaseModel) else node[step]
    return isinstance(node, BaseModel)


def test_every_field_is_shown_or_listed(whole):
    page = render_html(whole)
    shown, tried = set(), {}
    for owner, name, path in _places(whole):
        field = f"{owner}.{name}"
        if field in shown or field in _NOT_SHOWN or tried.setdefault(field, 0) >= 12:
            continue
        tried[field] += 1
        if _is_part(whole, path) or render_html(_changed(whole, path)) != page:
            shown.add(field)
    missing = ", ".join(sorted(set(tried) - shown))
    assert not missing, f"show on the page, or list with the reason: {missing}"
    known = {
        f"{owner.__name__}.{name}"
        for owner in vars(documents).values()
        if isinstance(owner, type) and issubclass(owner, BaseModel)
        for name in owner.model_fields
    }
    untried = ", ".join(sorted(known - set(tried) - set(_NOT_SHOWN)))
    assert not untried, f"give these a value in this test: {untried}"
    assert set(_NOT_SHOWN) <= known
