"""Reports for tests of code that reads them: real documents with the numbers asked for."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lifesign.evaluation.metrics.intervals import Rate, wilson
from lifesign.evaluation.report.document import (
    Accounting,
    Alert,
    ClassMetrics,
    ConfusionDocument,
    DriftRow,
    GateResult,
    GateStatus,
    GroupGapRow,
    GroupGapTable,
    ModelFacts,
    PadDocument,
    RateRow,
    ReportDocument,
    SpeciesRow,
    Subject,
    ThresholdRow,
    Value,
)

__all__ = ["liveness_report", "rate_row", "report_of_confusion"]

_LIVENESS = ("attack", "bona_fide")


def rate_row(errors: int, total: int) -> RateRow:
    """Return a rate with its exact 95 % interval."""
    rate = Rate(errors, total)
    interval = rate.interval(0.95)
    return RateRow(
        errors=errors,
        total=total,
        value=errors / total if total else None,
        lower=interval.lower,
        upper=interval.upper,
        text=rate.text(),
        wilson_lower=wilson(errors, total).lower if total else None,
        wilson_upper=wilson(errors, total).upper if total else None,
    )


def liveness_report(
    *,
    model: str = "liveness",
    version: int = 3,
    dataset: str = "faces",
    verdict: GateStatus = GateStatus.PASS,
    bona_fide: tuple[int, int] = (2, 200),
    species: dict[str, tuple[int, int]] | None = None,
    alerts: Sequence[Alert] = (),
) -> ReportDocument:
    """Return a liveness report; ``bona_fide`` and ``species`` are (errors, presentations)."""
    attacks = {"print_laser": (1, 100), "replay_tablet": (6, 100)} if species is None else species
    wrong, presented = (sum(pair[i] for pair in attacks.values()) for i in (0, 1))
    counts = np.array([[presented - wrong, wrong], [bona_fide[0], bona_fide[1] - bona_fide[0]]], np.int64)
    plain = report_of_confusion(
        counts, _LIVENESS, model=model, version=version, dataset=dataset, verdict=verdict, alerts=alerts
    )
    return plain.model_copy(
        update={
            "pad": _pad(bona_fide, attacks),
            "classes": tuple(
                row.model_copy(update={"auc": Value(value=0.9876, lower=0.97, upper=0.99)})
                for row in plain.classes
            ),
            "group_gaps": (_gap_table(bona_fide),),
            "drift": (_drift_row(),),
        }
    )


def report_of_confusion(
    counts: NDArray[np.int64],
    class_names: Sequence[str],
    *,
    model: str = "classes",
    version: int = 1,
    dataset: str = "pictures",
    verdict: GateStatus = GateStatus.PASS,
    alerts: Sequence[Alert] = (),
) -> ReportDocument:
    """Return a report of a confusion matrix, int64 ``(classes, classes)``, rows are true classes."""
    total, right = int(counts.sum()), int(np.trace(counts))
    task: Literal["liveness", "classification"] = (
        "liveness" if tuple(class_names) == _LIVENESS else "classification"
    )
    interval = Rate(right, total).interval(0.95)
    return ReportDocument(
        run_id="0123456789abcdef",
        tool_version="0.0.0",
        command="lifesign evaluate",
        verdict=verdict,
        verdict_sentence=f"Every gate says {verdict}.",
        gates=(_gate(verdict),),
        alerts=tuple(alerts),
        subject=_subject(counts, class_names, dataset),
        model=_model(class_names, model, version, task, total),
        accounting=Accounting(
            total=total + 3, scored=total, no_response=3, reasons={"truncated": 3}, conversions={}
        ),
        accuracy=Value(value=right / total, lower=interval.lower, upper=interval.upper),
        balanced_accuracy=None,
        confusion=ConfusionDocument(
            class_names=tuple(class_names),
            counts=tuple(tuple(int(cell) for cell in row) for row in counts),
            no_response=(3, *[0] * (len(class_names) - 1)),
            decision="argmax",
        ),
        classes=tuple(_class_metrics(counts, index, name) for index, name in enumerate(class_names)),
        averages={"auc_macro": 0.75},
        pad=None,
        roc=(),
        histograms=(),
        calibration=None,
        slices=(),
        group_gaps=(),
        prediction_bias=(),
        drift=(),
        baseline=None,
        worst_errors=(),
        limitations=(),
    )


def _gate(verdict: GateStatus) -> GateResult:
    return GateResult(
        name="min_accuracy",
        status=verdict,
        limit=0.9,
        value=0.95,
        lower=0.92,
        upper=0.97,
        sentence="accuracy 95 % against 90 %",
    )


def _class_metrics(counts: NDArray[np.int64], index: int, name: str) -> ClassMetrics:
    right, support, predicted = counts[index, index], counts[index].sum(), counts[:, index].sum()
    return ClassMetrics(
        class_name=name,
        precision=float(right / predicted) if predicted else None,
        recall=float(right / support) if support else None,
        f1=float(2 * right / (support + predicted)) if support + predicted else None,
        support=int(support),
    )


def _subject(counts: NDArray[np.int64], class_names: Sequence[str], dataset: str) -> Subject:
    return Subject(
        dataset=dataset,
        data_digest="0" * 64,
        split="test",
        presentations=None,
        subjects=None,
        samples=int(counts.sum()) + 3,
        class_counts={name: int(counts[index].sum()) for index, name in enumerate(class_names)},
        class_map={},
        slice_columns=(),
    )


def _model(
    class_names: Sequence[str],
    name: str,
    version: int,
    task: Literal["liveness", "classification"],
    samples: int,
) -> ModelFacts:
    return ModelFacts(
        name=name,
        requested_version=None,
        served_versions={str(version): samples},
        task=task,
        class_names=tuple(class_names),
        preprocessing="none",
        operating_point=None,
        threshold=None,
        threshold_criterion=None,
        threshold_source=None,
    )


def _pad(bona_fide: tuple[int, int], attacks: dict[str, tuple[int, int]]) -> PadDocument:
    rows = {name: rate_row(*pair) for name, pair in attacks.items()}
    worst = max(rows, key=lambda name: rows[name].value or 0.0)
    bpcer = rate_row(*bona_fide)
    nothing = rate_row(0, bona_fide[1])
    return PadDocument(
        bpcer=bpcer,
        apcer_max=rows[worst],
        apcer_max_species=worst,
        apcer_pooled=rate_row(sum(pair[0] for pair in attacks.values()), sum(p[1] for p in attacks.values())),
        acer_max=((rows[worst].value or 0.0) + (bpcer.value or 0.0)) / 2,
        apnrr=nothing,
        bpnrr=nothing,
        bpcer_no_response_as_reject=bpcer,
        eer=ThresholdRow(
            name="EER", threshold=0.5, threshold_source="ORACLE:test", apcer=None, bpcer=None, value=0.025
        ),
        species=tuple(
            SpeciesRow(
                species=name,
                family=name.partition("_")[0],
                presentations=row.total,
                no_response=0,
                apcer=row,
                apcer_no_response_as_accept=row,
            )
            for name, row in rows.items()
        ),
        thresholds=(),
    )


def _gap_table(bona_fide: tuple[int, int]) -> GroupGapTable:
    def row(group: str, difference: float, verdict: Literal["ok", "insufficient"]) -> GroupGapRow:
        return GroupGapRow(
            group=group,
            rate=rate_row(*bona_fide),
            rest=rate_row(*bona_fide),
            difference=difference,
            lower=None,
            upper=None,
            p_value=None,
            q_value=None,
            verdict=verdict,
        )

    return GroupGapTable(
        attribute="skin_tone",
        metric="bpcer",
        margin=0.05,
        alpha=0.01,
        groups=(row("mst01", -0.01, "ok"), row("mst05", 0.03, "ok"), row("mst10", 0.4, "insufficient")),
        sentence="No group differs by more than the margin.",
    )


def _drift_row() -> DriftRow:
    return DriftRow(
        feature="brightness",
        method="ks",
        statistic=0.12,
        effect=0.12,
        p_value=0.2,
        q_value=0.4,
        verdict="ok",
        reference_count=1000,
        current_count=400,
        minimum_detectable=0.1,
        reference_histogram=(0.5, 0.5),
        current_histogram=(0.4, 0.6),
    )
