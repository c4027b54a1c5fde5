import math

from lifesign.evaluation.report.execution import SessionRow, execution_facts, latency_rows, session_rows


def test_latencies_are_milliseconds_and_unknown_ones_are_left_out():
    rows = latency_rows({"request_latency_seconds": {"p50": 0.0213, "p95": None, "p99": math.nan, "max": 2}})
    assert rows == [("median", "21.3 ms"), ("slowest", "2000.0 ms")]
    assert latency_rows({}) == []


def test_other_facts_are_lines_but_for_sessions():
    facts = execution_facts(
        {
            "request_latency_seconds": {"p50": 1.0},
            "images_per_second": 750.44,
            "sessions": [{"samples": 3000, "seconds": None}],
        }
    )
    assert facts == [("images per second", "750.4")]


def test_sessions_tell_how_often_they_waited_and_for_what():
    sessions = [
        {
            "samples": 3000,
            "seconds": 4.0,
            "images_per_second": 750.0,
            "pauses": {"UNAVAILABLE": 3, "ABORTED": 1},
        },
        {"samples": 10, "seconds": 1.5, "images_per_second": None, "pauses": {}},
        {"samples": 10, "seconds": 1.5},
        "broken",
    ]
    assert session_rows({"sessions": sessions}) == [
        SessionRow("3,000", "4", "750", "UNAVAILABLE 3, ABORTED 1"),
        SessionRow("10", "1.5", "–", "never"),
        SessionRow("10", "1.5", "–", "not counted"),
    ]
    assert session_rows({}) == session_rows({"sessions": None}) == []
