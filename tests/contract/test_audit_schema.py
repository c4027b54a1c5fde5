import json
from importlib.resources import files

import jsonschema

from lifesign.evaluation.audit.findings import AuditReport, audit_schema

_STORED = """{
  "schema_version": "1.0", "tool_version": "0.1.0", "dataset": "faces", "task": "liveness", "samples": 2,
  "readable": 2, "blocked": true,
  "findings": [{"code": "subject_across_splits", "severity": "error", "blocks": true, "count": 1,
    "sentence": "1 of 2 subjects is in more than one split.", "remedy": "Split by subject.",
    "examples": [{"samples": ["a.png", "b.png"], "note": "s1: train and test"}]}],
  "checks": [{"name": "near duplicates", "ran": true}],
  "splits": [{"split": "test", "label": "attack", "species": "print_laser", "samples": 1, "subjects": 1}]
}"""


def test_the_published_schema_is_that_of_the_code() -> None:
    stored = (files("lifesign.evaluation.audit") / "audit.schema.json").read_text("utf-8")

    assert json.loads(stored) == audit_schema(), "run make schema"


def test_an_audit_of_the_first_release_is_still_read() -> None:
    report = AuditReport.model_validate_json(_STORED)

    jsonschema.Draft202012Validator.check_schema(audit_schema())
    jsonschema.validate(json.loads(report.to_json()), audit_schema())
    assert report.findings[0].blocks
