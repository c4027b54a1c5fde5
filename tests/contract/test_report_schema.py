import json
from pathlib import Path

import jsonschema
import pytest

import lifesign.evaluation.report
from lifesign.evaluation.analysis.assembly import AnalysisSpec
from lifesign.evaluation.checks import GateConfig
from lifesign.evaluation.report.document import ReportDocument, report_schema
from lifesign.testing.prediction_tables import classification_predictions, liveness_predictions
from lifesign.testing.reports import liveness_spec, reference_of, report_of, write_run

_SCHEMA = Path(lifesign.evaluation.report.__file__).with_name("report.schema.json")
_CLASSES = ("cat", "dog", "owl")


def test_published_schema_is_the_one_of_the_document():
    assert json.loads(_SCHEMA.read_text("utf-8")) == report_schema()


def _faults(document, schema):
    return [
        f"{fault.json_path}: {fault.message}"
        for fault in jsonschema.Draft202012Validator(schema).iter_errors(document)
    ]


def test_published_schema_is_itself_valid():
    schema = json.loads(_SCHEMA.read_text("utf-8"))
    assert _faults(schema, jsonschema.Draft202012Validator.META_SCHEMA) == []


@pytest.fixture(params=["liveness", "liveness_without_answers", "classification"])
def report(request, tmp_path):
    if request.param == "classification":
        table = classification_predictions(1, class_names=_CLASSES, samples=120)
        return report_of(table, AnalysisSpec(_CLASSES, "classification", slice_columns=("device",)))
    share = 1.0 if request.param == "liveness_without_answers" else 0.02
    table = liveness_predictions(1, subjects=12, no_response_share=share)
    spec = liveness_spec(threshold=0.5, reference=reference_of(liveness_predictions(2, subjects=12)))
    baseline = write_run(tmp_path, liveness_predictions(1, subjects=12, score_seed=9), spec)
    gates = GateConfig(max_apcer=0.1, max_bpcer=0.1, min_accuracy=0.5, max_group_gap=0.2, drift=True)
    return report_of(table, spec, gates=gates, baseline=baseline)


def test_reports_follow_the_published_schema(report):
    assert _faults(json.loads(report.to_json()), json.loads(_SCHEMA.read_text("utf-8"))) == []


def test_json_round_trip_gives_the_same_bytes(report):
    assert ReportDocument.model_validate_json(report.to_json()).to_json() == report.to_json()
