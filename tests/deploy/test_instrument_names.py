import re

import pytest

from lifesign.evaluation.checks import GateConfig
from lifesign.evaluation.monitor.readings import ALERT_KINDS
from lifesign.gateway.rejections import REJECTION_REASONS

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_SELECTOR = re.compile(r"(:?[a-zA-Z_][a-zA-Z0-9_:]*)\s*(?:\{([^}]*)\})?")
_GROUPING = re.compile(r"\b(?:by|on|without|ignoring)\s*\(([^)]*)\)")
_WORDS = frozenset(
    [
        "sum",
        "max",
        "min",
        "count",
        "avg",
        "topk",
        "rate",
        "increase",
        "time",
        "absent",
        "vector",
        "histogram_quantile",
        "label_values",
        "inf",
        "by",
        "on",
        "and",
        "or",
        "unless",
        "without",
        "ignoring",
        "group_left",
        "group_right",
        "offset",
    ]
)


def queries(rules, dashboard):
    yield from ((rule.get("alert") or rule["record"], rule["expr"]) for rule in rules)
    for panel in dashboard["panels"]:
        yield from ((panel["title"], target["expr"]) for target in panel.get("targets", ()))


def selectors(query):
    """Yield each series name of a query with the labels that it is selected by."""
    text = _GROUPING.sub(" ", query)
    text = re.sub(r"\[[^\]]*\]|\boffset \w+", " ", text)
    text = _STRING.sub(lambda match: '"' + re.sub(r"[^\w.|*+]", "", match[0]) + '"', text)
    for name, inside in _SELECTOR.findall(text):
        if name not in _WORDS and not re.fullmatch(r"\d.*|[a-z]", name):
            yield name, set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", inside))


def test_the_parser_of_this_test_sees_names_and_labels():
    query = (
        'sum by (code) (rate(a_total{x="y", z=~"b|c"}[5m])) / on (job) :b:c{le="0.25"} offset 1d > 0.5 * d'
    )
    assert list(selectors(query)) == [("a_total", {"x", "z"}), (":b:c", {"le"})]


def test_rules_and_dashboard_only_name_what_the_code_exports(rules, dashboard, exported):
    recorded = {rule["record"] for rule in rules if "record" in rule}
    for where, query in queries(rules, dashboard):
        for name, labels in selectors(query):
            if name in recorded:
                assert not labels
                continue
            assert name in exported, f"{where}: {name} is not exported"
            unknown = labels - exported[name]
            assert not unknown, f"{where}: {name} has no label {unknown}, only {sorted(exported[name])}"


def test_groupings_use_labels_that_exist(rules, dashboard, exported):
    known = frozenset().union(*exported.values())
    for where, query in queries(rules, dashboard):
        for inside in _GROUPING.findall(query):
            unknown = {label.strip() for label in inside.split(",")} - known
            assert not unknown, f"{where}: no label {unknown}"


def test_values_of_closed_labels_exist(rules, dashboard):
    closed = {
        "alert": set(ALERT_KINDS),
        "reason": set(REJECTION_REASONS),
        "predicted": {"bona_fide", "attack", "not_evaluated"},
        "gate": set(GateConfig.model_fields) | {"regression"},
    }
    for where, query in queries(rules, dashboard):
        for label, known in closed.items():
            for value in re.findall(rf'\b{label}(?:=~|!~|!=|=)"([^"]+)"', query):
                assert set(value.split("|")) <= known, f"{where}: {label}={value}"


def test_variables_ask_for_what_is_exported(dashboard, exported):
    for variable in dashboard["templating"]["list"]:
        if variable["type"] != "query":
            continue
        query = variable["query"]["query"]
        names = set(re.findall(r"lifesign_\w+", query))
        label = re.search(r",\s*(\w+)\)$", query)[1]
        assert names
        for name in names:
            assert label in exported[name], f"${variable['name']}: {name} has no label {label}"


@pytest.mark.parametrize(
    "name",
    [
        "lifesign_gateway_requests_total",
        "lifesign_gateway_requests_in_flight",
        "lifesign_backend_errors_total",
        "lifesign_prediction_score_bucket",
        "lifesign_build_info",
        "lifesign_eval_accuracy_ratio",
        "lifesign_eval_runs_total",
        "lifesign_eval_last_success_timestamp_seconds",
        ":tensorflow:cc:saved_model:load_attempt_count",
    ],
)
def test_the_list_of_exported_names_is_not_empty(exported, name):
    assert name in exported
