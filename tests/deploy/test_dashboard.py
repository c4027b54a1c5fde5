import itertools
import re

import yaml

_VARIABLES = {"$__rate_interval": "5m", "${datasource}": "x"}


def panels(dashboard):
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def test_every_panel_says_what_it_shows_and_in_which_unit(dashboard):
    for panel in panels(dashboard):
        assert panel["title"]
        assert len(panel["description"]) > 20, panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["targets"], panel["title"]


def test_ids_titles_and_places_do_not_collide(dashboard):
    every = dashboard["panels"]
    assert len({panel["id"] for panel in every}) == len(every)
    for one, other in itertools.combinations([panel["gridPos"] for panel in every], 2):
        apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        assert apart, (one, other)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in every)


def test_everything_reads_the_provisioned_source(dashboard, deploy):
    provisioned = yaml.safe_load(
        (deploy / "grafana/provisioning/datasources/prometheus.yml").read_text("utf-8")
    )
    (source,) = provisioned["datasources"]
    variable = dashboard["templating"]["list"][0]
    assert (variable["name"], variable["query"]) == ("datasource", source["type"])
    assert variable["current"]["value"] == source["uid"]
    for panel in panels(dashboard):
        for part in (panel, *panel["targets"]):
            assert part["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_the_dashboard_is_where_grafana_looks(compose, deploy):
    (provider,) = yaml.safe_load(
        (deploy / "grafana/provisioning/dashboards/lifesign.yml").read_text("utf-8")
    )["providers"]
    mounts = dict(volume.split(":")[:2] for volume in compose["services"]["grafana"]["volumes"])
    assert mounts["./deploy/grafana/dashboards"] == provider["options"]["path"]


def test_only_known_variables_are_used(dashboard):
    known = {f"${variable['name']}" for variable in dashboard["templating"]["list"]} | {"$__rate_interval"}
    for panel in panels(dashboard):
        for target in panel["targets"]:
            assert set(re.findall(r"\$\w+", target["expr"])) <= known, panel["title"]


def test_rates_follow_the_scrape_interval(dashboard):
    for panel in panels(dashboard):
        for target in panel["targets"]:
            for window in re.findall(r"\brate\([^\[]*\[([^\]]+)\]", target["expr"]):
                assert window == "$__rate_interval", panel["title"]


def test_the_confusion_matrix_is_a_matrix(dashboard):
    matrices = [panel for panel in panels(dashboard) if panel["title"].startswith("Confusion matrix")]
    assert len(matrices) == 2
    for panel in matrices:
        (transformation,) = panel["transformations"]
        assert transformation["id"] == "groupingToMatrix"
        assert transformation["options"]["rowField"] == "actual"
        assert transformation["options"]["columnField"] == "predicted"
        assert panel["targets"][0]["format"] == "table"
        assert panel["targets"][0]["instant"] is True


def test_every_query_parses(check, dashboard, tmp_path):
    rules = []
    for panel in panels(dashboard):
        for number, target in enumerate(panel["targets"]):
            query = re.sub(r"\$(?!__)\w+", ".*", target["expr"].replace("$__rate_interval", "5m"))
            rules.append({"record": f"panel_{panel['id']}_{number}", "expr": query})
    path = tmp_path / "rules.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}), "utf-8")
    assert f"{len(rules)} rules found" in check("promtool", "check", "rules", path, package="prometheus")
