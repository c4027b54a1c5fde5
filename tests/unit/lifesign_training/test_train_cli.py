import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from lifesign import __version__
from lifesign.errors import ConflictError
from lifesign_training.cli import app, main
from lifesign_training.digits import write_digits


def test_recipes_are_listed_for_people_and_machines() -> None:
    text = CliRunner().invoke(app, ["recipes"])
    machine = CliRunner().invoke(app, ["recipes", "--json"])

    assert "liveness-small: " in text.stdout
    assert set(json.loads(machine.stdout)) >= {"liveness-small", "liveness-mobilenetv2", "digits-small"}


@pytest.mark.parametrize("command", ["fit", "export", "lr-find", "compare", "recipes", "digits"])
def test_every_command_has_help(command: str) -> None:
    assert CliRunner().invoke(app, [command, "--help"]).exit_code == 0


def test_help_needs_no_tensorflow() -> None:
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom lifesign_training.cli import app\n"
        "assert CliRunner().invoke(app, ['fit', '--help']).exit_code == 0\n"
        "sys.exit('tensorflow' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def _run(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lifesign_training.cli", *command.split()],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )


def test_a_mistake_is_one_sentence_and_exit_2(tmp_path: Path) -> None:
    result = _run(tmp_path, "fit --recipe nope --data x --out y")

    assert result.returncode == 2
    assert result.stderr.startswith("error: no recipe 'nope'")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--name ../x", "error: model name '../x': expected letters"),
        ("--name digits --version 1", "error: models/digits/1 exists already"),
    ],
    ids=["name", "version"],
)
def test_a_place_that_cannot_be_is_told_before_the_training(tmp_path: Path, options: str, says: str) -> None:
    (tmp_path / "models/digits/1").mkdir(parents=True)

    result = _run(tmp_path, f"fit --recipe digits-small --data absent --out run --export models {options}")

    assert result.returncode == 2
    assert result.stderr.splitlines()[-1].startswith(says)


def test_the_version_is_told() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout == f"lifesign-train {__version__}\n"


@pytest.mark.parametrize(
    ("verb", "says"),
    [
        ("fit", "interrupted; a training goes on after its last finished epoch with --resume\n"),
        ("export", "interrupted\n"),
    ],
)
def test_an_interruption_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], verb: str, says: str
) -> None:
    interrupted = typer.Typer()

    @interrupted.command()
    def stopped(verb: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("lifesign_training.cli.app", interrupted)
    monkeypatch.setattr("sys.argv", ["lifesign-train", verb])

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 130
    assert capsys.readouterr().err.endswith(says)


def test_digits_are_written_stratified_and_once(tmp_path: Path) -> None:
    counts = write_digits(tmp_path / "digits")

    files = Counter(path.parts[-3] for path in (tmp_path / "digits").rglob("*.png"))
    assert files == counts == {"train": 1078, "dev": 359, "test": 360}
    per_digit = [len(list((tmp_path / "digits" / "test" / str(digit)).iterdir())) for digit in range(10)]
    assert min(per_digit) >= 34
    with pytest.raises(ConflictError, match="not empty"):
        write_digits(tmp_path / "digits")
