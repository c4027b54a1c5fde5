"""What is scraped is what the latest reports say."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any, get_args

import numpy as np
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from lifesign.evaluation.monitor.exporter import EvaluationCollector
from lifesign.evaluation.monitor.readings import ALERT_KINDS, READINGS
from lifesign.evaluation.monitor.schemas import Headline
from lifesign.evaluation.report.document import Alert, AlertSeverity, GateStatus, ReportDocument
from lifesign.evaluation.store.rows import Outcome
from lifesign.evaluation.store.run import NewRun, new_run_id
from lifesign.evaluation.store.runs import RunStore
from lifesign.testing.report_documents import liveness_report, report_of_confusion

_FORBIDDEN = {"id", "run_id", "path", "run_dir", "request_id", "sample_id", "error", "le"}
_LIVENESS = {"model": "liveness", "model_version": "3", "dataset": "faces"}


@pytest.fixture
def finish(store: RunStore) -> Callable[[ReportDocument], None]:
    def finish(document: ReportDocument) -> None:
        _ask(store, model=document.model.name, dataset=document.subject.dataset)
        run = store.claim("w")
        assert run is not None
        headline = Headline.from_document(document)
        store.succeed(
            run.id,
            "w",
            outcome=Outcome(document.verdict),
            model_version=headline.model_version,
            summary=headline.model_dump(mode="json"),
            report=document.to_json(),
        )

    return finish


def _ask(store: RunStore, *, model: str, dataset: str) -> None:
    run_id = new_run_id(store.now())
    store.add(NewRun(id=run_id, evaluation="e", model=model, dataset=dataset, config={}, run_dir="runs"))


def _registry(store: RunStore, **options: Any) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(
        EvaluationCollector(
            store,
            missed=lambda: {"nightly": 2},
            configured=[("liveness", "faces"), ("liveness", "waiting")],
            **options,
        )
    )
    return registry


def test_a_report_reads_back_from_its_instruments(
    store: RunStore, finish: Callable[[ReportDocument], None]
) -> None:
    finish(liveness_report(bona_fide=(2, 200), species={"print_laser": (1, 100), "replay_tablet": (6, 100)}))
    value = _registry(store).get_sample_value

    assert value("lifesign_eval_accuracy_ratio", _LIVENESS) == pytest.approx(391 / 400)
    assert value("lifesign_eval_bpcer_ratio", _LIVENESS) == pytest.approx(0.01)
    assert value("lifesign_eval_apcer_ratio", {**_LIVENESS, "species": "print_laser"}) == pytest.approx(0.01)
    assert value("lifesign_eval_apcer_max_ratio", _LIVENESS) == pytest.approx(0.06)
    assert value("lifesign_eval_acer_ratio", _LIVENESS) == pytest.approx(0.035)
    assert value("lifesign_eval_eer_ratio", _LIVENESS) == pytest.approx(0.025)
    assert value("lifesign_eval_auc_ratio", _LIVENESS) == pytest.approx(0.9876)
    assert value("lifesign_eval_recall_ratio", {**_LIVENESS, "class": "bona_fide"}) == pytest.approx(0.99)
    assert value("lifesign_eval_samples", {**_LIVENESS, "outcome": "scored"}) == 400
    assert value("lifesign_eval_samples", {**_LIVENESS, "outcome": "no_response"}) == 3
    cell = {**_LIVENESS, "actual": "attack", "predicted": "bona_fide"}
    assert value("lifesign_eval_confusion_samples", cell) == 7
    assert value("lifesign_eval_confusion_truncated", _LIVENESS) == 0
    drift = {**_LIVENESS, "feature": "brightness", "method": "ks"}
    assert value("lifesign_eval_drift_score", drift) == pytest.approx(0.12)
    assert value("lifesign_eval_gate_status", {**_LIVENESS, "gate": "min_accuracy"}) == 0


def test_the_group_gap_ignores_groups_without_evidence(
    store: RunStore, finish: Callable[[ReportDocument], None]
) -> None:
    finish(liveness_report())
    labels = {**_LIVENESS, "attribute": "skin_tone", "metric": "bpcer"}
    assert _registry(store).get_sample_value("lifesign_eval_group_gap_ratio", labels) == pytest.approx(0.03)


def test_every_known_alert_is_there_and_only_the_raised_one_is_one(
    store: RunStore, finish: Callable[[ReportDocument], None]
) -> None:
    alert = Alert(
        kind="drift", severity=AlertSeverity.WARNING, title="t", sentence="s", remedy="r", evidence={}
    )
    finish(liveness_report(alerts=[alert]))

    registry = _registry(store)
    samples = [
        sample
        for family in registry.collect()
        for sample in family.samples
        if sample.name == "lifesign_eval_alert_active"
    ]

    assert {sample.labels["alert"] for sample in samples} == set(ALERT_KINDS)
    assert len(samples) == len(ALERT_KINDS) * len(AlertSeverity)
    active = [(sample.labels["alert"], sample.labels["severity"]) for sample in samples if sample.value == 1]
    assert active == [("drift", "warning")]


def test_alert_kinds_are_those_of_the_document() -> None:
    assert set(ALERT_KINDS) == set(get_args(Alert.model_fields["kind"].annotation))
    assert "differential_performance" in ALERT_KINDS


def test_a_newer_version_replaces_the_older(
    store: RunStore, finish: Callable[[ReportDocument], None]
) -> None:
    registry = _registry(store)
    finish(liveness_report(version=3))
    assert registry.get_sample_value("lifesign_eval_bpcer_ratio", _LIVENESS) is not None

    finish(liveness_report(version=4, verdict=GateStatus.FAIL))

    assert b'model_version="3"' not in generate_latest(registry)
    newer = {**_LIVENESS, "model_version": "4"}
    assert registry.get_sample_value("lifesign_eval_gate_status", {**newer, "gate": "min_accuracy"}) == 1


def test_what_was_asked_for_once_is_forgotten_and_what_is_configured_is_not(
    store: RunStore, finish: Callable[[ReportDocument], None]
) -> None:
    finish(liveness_report())
    finish(liveness_report(dataset="once"))
    registry = _registry(store, forget=timedelta(0))

    text = generate_latest(registry).decode()

    assert 'lifesign_eval_bpcer_ratio{dataset="faces",model="liveness",model_version="3"}' in _sorted(text)
    assert {line.split("{")[0] for line in text.splitlines() if 'dataset="once"' in line} == {
        "lifesign_eval_runs_total"
    }


def _sorted(text: str) -> str:
    return re.sub(r"{([^}]*)}", lambda found: "{" + ",".join(sorted(found.group(1).split(","))) + "}", text)


def test_runs_are_counted_from_zero(store: RunStore, finish: Callable[[ReportDocument], None]) -> None:
    finish(liveness_report())
    _ask(store, model="liveness", dataset="faces")
    failed = store.claim("w")
    assert failed is not None
    store.fail(failed.id, "w", error="no server")
    value = _registry(store).get_sample_value

    name = "lifesign_eval_runs_total"
    assert value(name, {"dataset": "faces", "outcome": "pass"}) == 1
    assert value(name, {"dataset": "faces", "outcome": "error"}) == 1
    assert value(name, {"dataset": "waiting", "outcome": "fail"}) == 0
    assert value("lifesign_eval_job_missed_total", {"schedule": "nightly"}) == 2
    pair = {"model": "liveness", "dataset": "faces"}
    success, failure = (
        value(f"lifesign_eval_last_{what}_timestamp_seconds", pair) or 0 for what in ("success", "failure")
    )
    assert store.now().timestamp() - 60 < success <= failure <= store.now().timestamp()


@pytest.mark.parametrize(("limit", "series", "truncated"), [(4, 16, 0.0), (3, 2, 1.0)])
def test_large_matrices_are_cut_to_the_most_confused_pairs(
    store: RunStore,
    finish: Callable[[ReportDocument], None],
    limit: int,
    series: int,
    truncated: float,
) -> None:
    counts = np.array([[9, 5, 0, 0], [1, 9, 0, 0], [0, 0, 9, 7], [0, 0, 0, 9]])
    finish(report_of_confusion(counts, ["a", "b", "c", "d"]))
    registry = _registry(store, classes_limit=limit, confused_pairs=2)

    cells = {
        (sample.labels["actual"], sample.labels["predicted"]): sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == "lifesign_eval_confusion_samples"
    }
    labels = {"model": "classes", "model_version": "1", "dataset": "pictures"}

    assert len(cells) == series
    assert (cells["c", "d"], cells["a", "b"]) == (7, 5)
    assert registry.get_sample_value("lifesign_eval_confusion_truncated", labels) == truncated
    recall = registry.get_sample_value("lifesign_eval_recall_ratio", {**labels, "class": "d"})
    assert recall == 1


def test_what_cannot_be_computed_is_absent(store: RunStore, finish: Callable[[ReportDocument], None]) -> None:
    finish(report_of_confusion(np.array([[4, 0], [0, 0]]), ["a", "b"]))
    registry = _registry(store)
    labels = {"model": "classes", "model_version": "1", "dataset": "pictures"}

    assert registry.get_sample_value("lifesign_eval_recall_ratio", {**labels, "class": "a"}) == 1
    assert registry.get_sample_value("lifesign_eval_recall_ratio", {**labels, "class": "b"}) is None
    assert registry.get_sample_value("lifesign_eval_bpcer_ratio", labels) is None
    assert b"NaN" not in generate_latest(registry)


def test_labels_are_few_and_harmless(store: RunStore, finish: Callable[[ReportDocument], None]) -> None:
    finish(liveness_report())
    text = generate_latest(_registry(store)).decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}

    assert set(READINGS) <= set(families)
    for family in families.values():
        for sample in family.samples:
            assert not _FORBIDDEN & set(sample.labels), sample
    assert sum(len(family.samples) for family in families.values()) < 100
