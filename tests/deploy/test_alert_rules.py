import re

import pytest
import yaml


def test_promtool_accepts_the_configuration(check, deploy):
    check("promtool", "check", "config", deploy / "prometheus/prometheus.yml", package="prometheus")


def test_promtool_finds_no_fault_in_the_rules(check, deploy):
    files = sorted((deploy / "prometheus/rules").glob("*.yml"))
    check("promtool", "check", "rules", "--lint=all", "--lint-fatal", *files, package="prometheus")


@pytest.mark.parametrize("kind", ["gateway", "gateway-days", "evaluation", "evaluation-days", "platform"])
def test_every_alert_fires_when_it_should_and_only_then(check, deploy, kind):
    check("promtool", "test", "rules", deploy / f"prometheus/tests/{kind}.test.yml", package="prometheus")


def test_every_test_file_is_run(deploy):
    names = {path.name.removesuffix(".test.yml") for path in (deploy / "prometheus/tests").iterdir()}
    assert names == {"gateway", "gateway-days", "evaluation", "evaluation-days", "platform"}


def alerts(rules):
    return [rule for rule in rules if "alert" in rule]


def test_alert_names_are_unique(rules):
    names = [(rule["alert"]) for rule in alerts(rules)]
    assert len(names) == len(set(names)) >= 20


def test_every_alert_has_a_case_where_it_fires_and_one_where_it_does_not(deploy, rules):
    seen = set()
    for path in (deploy / "prometheus/tests").glob("*.yml"):
        for case in yaml.safe_load(path.read_text("utf-8"))["tests"]:
            for item in case["promql_expr_test"]:
                name = re.search('alertname="([^"]+)"', item["expr"])[1]
                seen.add((name, bool(item["exp_samples"])))
    for rule in alerts(rules):
        assert (rule["alert"], True) in seen, f"{rule['alert']} never fires in a test"
        if rule["alert"] != "Watchdog":
            assert (rule["alert"], False) in seen, f"{rule['alert']} is never silent in a test"


def anchors(markdown):
    return {
        re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
        for title in re.findall("^#+ (.+)$", markdown, re.M)
    }


def test_every_alert_says_what_to_do(root, rules):
    known = anchors((root / "docs/runbooks.md").read_text("utf-8"))
    for rule in alerts(rules):
        assert rule["labels"]["severity"] in {"critical", "warning", "info", "none", "{{ $labels.severity }}"}
        assert {"summary", "description", "runbook_url"} <= set(rule["annotations"])
        path, _, anchor = rule["annotations"]["runbook_url"].partition("#")
        assert path == "docs/runbooks.md"
        assert anchor in known, f"docs/runbooks.md has no section {anchor}"


def test_every_runbook_belongs_to_an_alert(root, rules):
    sections = set(re.findall("^### (.+)$", (root / "docs/runbooks.md").read_text("utf-8"), re.M))
    assert sections == {rule["alert"] for rule in alerts(rules)}


def test_recorded_names_follow_level_metric_operation(rules):
    for rule in rules:
        if "record" in rule:
            assert re.fullmatch(r"job:lifesign_\w+:(ratio_)?rate\d+[mhd]", rule["record"])


def test_amtool_accepts_the_routes(check, deploy):
    check(
        "amtool", "check-config", deploy / "alertmanager/alertmanager.yml", package="prometheus-alertmanager"
    )


@pytest.mark.parametrize(
    ("severity", "receiver"),
    [("critical", "pager"), ("warning", "tickets"), ("info", "nobody"), ("none", "nobody")],
)
def test_each_severity_has_its_receiver(check, deploy, severity, receiver):
    config = deploy / "alertmanager/alertmanager.yml"
    output = check(
        "amtool",
        *("config", "routes", "test", f"--config.file={config}", f"severity={severity}"),
        package="prometheus-alertmanager",
    )
    assert output.strip() == receiver
