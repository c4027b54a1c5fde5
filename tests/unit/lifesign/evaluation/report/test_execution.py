import math

from lifesign.evaluation.report.execution import execution_facts, latency_rows


def test_latencies_are_milliseconds_and_unknown_ones_are_left_out():
    rows = latency_rows({"request_latency_seconds": {"p50": 0.0213, "p95": None, "p99": math.nan, "max": 2}})
    assert rows == [("median", "21.3 ms"), ("slowest", "2000.0 ms")]
    assert latency_rows({}) == []


def test_other_facts_are_lines():
    facts = execution_facts(
        {
            "request_latency_seconds": {"p50": 1.0},
            "images_per_second": 750.44,
            "sessions": [{"samples": 3000, "seconds": None}],
        }
    )
    assert facts == [("images per second", "750.4"), ("sessions 1: samples", "3,000")]
