"""What the code exports, and what the files in deploy/ say."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from lifesign.evaluation.monitor.exporter import EvaluationCollector
from lifesign.evaluation.monitor.readings import READINGS
from lifesign.evaluation.store.database import migrate, open_engine
from lifesign.evaluation.store.runs import RunStore
from lifesign.gateway.instruments import GatewayInstruments
from lifesign.serving.instruments import Histogram, Instruments

_ROOT = Path(__file__).parents[2]
_SCRAPE = frozenset({"job", "instance"})
_REPORT = frozenset({"model", "model_version", "dataset"})
# Prometheus makes these itself.
_SYNTHETIC = {"up": _SCRAPE, "ALERTS": frozenset({"alertname", "alertstate", "severity"}) | _SCRAPE | _REPORT}


@pytest.fixture(scope="session")
def root() -> Path:
    return _ROOT


@pytest.fixture(scope="session")
def deploy(root: Path) -> Path:
    return root / "deploy"


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, frozenset[str]]:
    """Series name → labels, of everything that a scrape of our services can hold."""
    series: dict[str, frozenset[str]] = dict(_SYNTHETIC)
    for name, kind, labels in [*_gateway(), *_evaluation(tmp_path_factory), *_serving()]:
        for suffix, extra in _suffixes(name, kind):
            series[name + suffix] = frozenset(labels) | _SCRAPE | extra
    return series


def _suffixes(name: str, kind: str) -> list[tuple[str, frozenset[str]]]:
    if kind == "histogram":
        return [("_bucket", frozenset({"le"})), ("_sum", frozenset()), ("_count", frozenset())]
    # TensorFlow Serving's counters have no suffix.
    return [("_total" if kind == "counter" and not name.startswith(":") else "", frozenset())]


def _gateway() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    instruments = GatewayInstruments(CollectorRegistry())
    for instrument in vars(instruments).values():
        if hasattr(instrument, "_labelnames"):
            yield instrument._name, instrument._type, instrument._labelnames
    yield "lifesign_build_info", "gauge", ("version", "revision")


def _evaluation(folders: pytest.TempPathFactory) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    engine = open_engine(f"sqlite:///{folders.mktemp('store') / 'runs.db'}")
    migrate(engine)
    try:
        for family in EvaluationCollector(RunStore(engine)).collect():
            own = READINGS[family.name][1] if family.name in READINGS else family._labelnames  # type: ignore[attr-defined]
            report = _REPORT if family.name in READINGS else ()
            yield family.name, family.type, (*own, *report)
    finally:
        engine.dispose()


def _serving() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    for instrument in Instruments().all():
        kind = "histogram" if isinstance(instrument, Histogram) else "counter"
        yield instrument.name, kind, instrument.labels


@pytest.fixture(scope="session")
def rules(deploy: Path) -> list[dict[str, Any]]:
    """Every rule of every group of every file."""
    return [
        rule
        for path in sorted((deploy / "prometheus/rules").glob("*.yml"))
        for group in yaml.safe_load(path.read_text("utf-8"))["groups"]
        for rule in group["rules"]
    ]


@pytest.fixture(scope="session")
def dashboard(deploy: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((deploy / "grafana/dashboards/lifesign.json").read_text("utf-8"))
    return document


@pytest.fixture(scope="session")
def compose(root: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((root / "docker-compose.yml").read_text("utf-8"))
    return document


@pytest.fixture(scope="session")
def check() -> Callable[..., str]:
    """Run a checker and return what it printed; skip if its Debian package is not installed."""

    def run(tool: str, *arguments: object, package: str | None = None) -> str:
        path = shutil.which(tool) if package else str(Path(sys.executable).parent / tool)
        if path is None:
            pytest.skip(f"{tool} is not installed; Debian has it in the package {package}")
        command = [path, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run
