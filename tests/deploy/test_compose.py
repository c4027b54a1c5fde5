import re
import subprocess
import sys

import pytest
import yaml

from lifesign.evaluation.monitor.schedules import load_schedules
from lifesign.evaluation.monitor.settings import MonitorSettings
from lifesign.serving import config as serving_config


def services(compose):
    return compose["services"].items()


def test_the_file_follows_the_compose_schema(check, root):
    check("check-jsonschema", "--builtin-schema", "vendor.compose-spec", root / "docker-compose.yml")


def test_every_service_is_hardened(compose):
    for name, service in services(compose):
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["restart"] == "unless-stopped", name
        assert service["init"] is True, name
        assert service["healthcheck"]["test"], name
        assert service["deploy"]["resources"]["limits"]["memory"], name


def test_every_image_has_a_version(compose):
    for name, service in services(compose):
        tag = service["image"].split(":", 1)[1]
        assert re.search(r"\$\{\w+:-v?\d+\.\d+\.\d+\}", tag), name


def test_only_the_gateway_is_reachable_from_outside(compose):
    for name, service in services(compose):
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:") or name == "gateway"


def test_the_model_server_has_one_name_and_no_way_out(compose):
    servers = {name: service for name, service in services(compose) if name.startswith("serving-")}
    assert {service["profiles"][0] for service in servers.values()} == {"gpu", "cpu", "embedded"}
    for service in servers.values():
        assert service["networks"] == {"backend": {"aliases": ["serving"]}}
        assert "ports" not in service
    assert compose["networks"]["backend"]["internal"] is True


def test_a_gpu_is_reserved_where_one_is_needed(compose):
    (device,) = compose["services"]["serving-gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])
    assert "reservations" not in compose["services"]["serving-cpu"]["deploy"]["resources"]


def test_secrets_are_files_and_never_in_the_environment(compose):
    for secret in compose["secrets"].values():
        assert set(secret) == {"file"}
    for name, service in services(compose):
        for secret in service.get("secrets", ()):
            assert secret in compose["secrets"], name
        for key in service.get("environment", {}):
            assert not re.search("PASSWORD|KEY|SECRET|TOKEN", key) or key.endswith("FILE"), (name, key)


def test_every_mounted_file_exists(compose, root):
    for name, service in services(compose):
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            if source.startswith("./deploy"):
                assert (root / source).exists(), (name, source)
                assert volume.endswith(":ro"), (name, volume)


def test_every_target_is_a_stage(compose, root):
    dockerfile = (root / "Dockerfile").read_text("utf-8")
    for _, service in services(compose):
        if "build" in service:
            assert f" AS {service['build']['target']}\n" in dockerfile


def test_prometheus_scrapes_services_that_exist(compose, deploy):
    jobs = yaml.safe_load((deploy / "prometheus/prometheus.yml").read_text("utf-8"))["scrape_configs"]
    names = {*compose["services"], "serving", "localhost"}
    for job in jobs:
        for target in job["static_configs"][0]["targets"]:
            assert target.split(":")[0] in names, target


def test_the_scraped_path_is_the_configured_one(deploy):
    jobs = yaml.safe_load((deploy / "prometheus/prometheus.yml").read_text("utf-8"))["scrape_configs"]
    (job,) = [job for job in jobs if job["job_name"] == "tensorflow-serving"]
    assert (
        serving_config.read_monitoring_file(deploy / "tensorflow-serving/monitoring.config")
        == job["metrics_path"]
    )


def test_the_model_server_files_are_read_by_our_server_too(deploy):
    (model,) = serving_config.read_model_config_file(
        deploy / "tensorflow-serving/models.config"
    ).model_config_list.config
    assert (model.name, model.base_path) == ("liveness", "/models/liveness")
    batching = serving_config.read_batching_file(deploy / "tensorflow-serving/batching.config")
    assert batching.max_batch_size >= 32


def test_the_schedules_are_valid_and_stay_inside_the_mounts(deploy, compose):
    book = load_schedules(deploy / "evaluation/schedules.yml")
    assert {schedule.evaluation for schedule in book.schedules.values()} <= set(book.evaluations)
    mounted = {volume.split(":")[-2] for volume in compose["services"]["evaluation"]["volumes"]}
    for values in book.evaluations.values():
        assert values["target"] == "serving:8500"
        assert {"/" + str(values[key]).split("/")[1] for key in ("data", "model_base_path")} <= mounted


@pytest.mark.parametrize("service", ["gateway", "evaluation"])
def test_environment_variables_are_ones_that_the_service_reads(compose, root, service):
    names = set(compose["services"][service]["environment"])
    if service == "gateway":
        source = (root / "services/lifesign/cli/gateway.py").read_text("utf-8")
        assert names <= set(re.findall(r'envvar="(\w+)"', source))
    else:
        assert names <= {f"LIFESIGN_MONITOR_{name.upper()}" for name in MonitorSettings.model_fields}


def test_the_embedded_server_takes_the_same_flags(compose):
    code = "from lifesign.cli import main; main()"
    shown = subprocess.run(
        [sys.executable, "-c", code, "serve", "--help"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    for flag in compose["services"]["serving-cpu"]["command"]:
        assert flag.split("=")[0] in shown
    assert compose["services"]["serving-embedded"]["command"] == compose["services"]["serving-cpu"]["command"]
