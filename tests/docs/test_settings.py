"""Settings that have no option are told in the documentation, with their defaults."""

import re
import subprocess
import sys
from pathlib import Path

from lifesign.evaluation.monitor.settings import MonitorSettings

_DEPLOY = Path(__file__).parents[2] / "docs" / "deploy.md"


def test_every_setting_of_the_monitor_is_an_option_or_told() -> None:
    told = set(re.findall(r"`([A-Z_]+)`", _DEPLOY.read_text("utf-8")))
    program = [sys.executable, "-c", "from lifesign.cli import main; main()", "monitor", "--help"]
    answer = subprocess.run(program, capture_output=True, text=True, check=True).stdout
    options = set(re.findall(r"LIFESIGN_MONITOR_([A-Z_]+)", re.sub(r"\s+", "", answer)))

    names = {name.upper() for name in MonitorSettings.model_fields}
    assert names <= told | options, f"neither an option nor in the docs: {names - told - options}"
