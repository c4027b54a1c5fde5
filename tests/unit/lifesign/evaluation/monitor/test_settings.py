"""Settings come from the command line, then the environment, then the defaults."""

from datetime import timedelta
from pathlib import Path

import pytest

from lifesign.errors import ConfigurationError
from lifesign.evaluation.monitor.settings import monitor_settings


def test_options_win_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIFESIGN_MONITOR_PORT", "9000")
    monkeypatch.setenv("LIFESIGN_MONITOR_HOST", "0.0.0.0")

    settings = monitor_settings(port=0, host=None)

    assert (settings.port, settings.host) == (0, "0.0.0.0")


def test_durations_are_seconds_or_iso(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIFESIGN_MONITOR_MISFIRE_GRACE", "PT2H")
    monkeypatch.setenv("LIFESIGN_MONITOR_LEASE", "90")

    settings = monitor_settings()

    assert settings.misfire_grace == timedelta(hours=2)
    assert settings.lease == timedelta(seconds=90)


def test_config_roots_are_written_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIFESIGN_MONITOR_CONFIG_ROOTS", "/sets, s3://bucket/sets,")

    assert monitor_settings().config_roots == ("/sets", "s3://bucket/sets")


def test_the_database_is_in_the_data_folder_unless_said(tmp_path: Path) -> None:
    assert monitor_settings(data_dir=tmp_path).url == f"sqlite:///{tmp_path.resolve()}/monitor.db"
    assert monitor_settings(database_url="postgresql+psycopg://h/d").url == "postgresql+psycopg://h/d"


def test_wrong_settings_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIFESIGN_MONITOR_PORT", "many")
    with pytest.raises(ConfigurationError, match=r"LIFESIGN_MONITOR_PORT: .*got 'many'"):
        monitor_settings()
