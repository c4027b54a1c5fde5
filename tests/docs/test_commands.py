"""Commands of the documentation work.

Blocks marked ``sh`` are run, all those of a page as one script in an empty folder. Blocks marked
``bash`` need something this test has not (Docker, an hour, your own data): their commands and options
must at least exist.
"""

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import yaml

_ROOT = Path(__file__).parents[2]
_BIN = Path(sys.executable).parent
_PAGES = sorted([_ROOT / "README.md", *(_ROOT / "docs").rglob("*.md")])
_BLOCK = re.compile(r"^```(sh|bash)\n(.*?)^```", flags=re.MULTILINE | re.DOTALL)


def _blocks(page: Path, kind: str) -> list[str]:
    return [body for found, body in _BLOCK.findall(page.read_text()) if found == kind]


def _commands(page: Path) -> list[list[str]]:
    text = "\n".join(_blocks(page, "sh") + _blocks(page, "bash")).replace("\\\n", " ")
    lines = [shlex.split(line, comments=True) for line in text.splitlines()]
    return [line for line in lines if line and line[0] in {"lifesign", "lifesign-train", "make"}]


@cache
def _help(program: str, command: str) -> str:
    environment = {**os.environ, "COLUMNS": "200", "TERM": "dumb"}
    answer = subprocess.run(
        [str(_BIN / program), command, "--help"], capture_output=True, text=True, check=False, env=environment
    )
    assert answer.returncode == 0, f"{program} {command}: {answer.stderr}"
    return answer.stdout


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: page.name)
def test_commands_and_options_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (_ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    unknown = []
    for program, *arguments in _commands(page):
        if program == "make":
            unknown += [word for word in arguments if "=" not in word and word not in targets]
            continue
        options = {word.split("=")[0] for word in arguments[1:] if word.startswith("--")}
        text = _help(program, arguments[0])
        unknown += [
            f"{program} {arguments[0]} {name}" for name in options if not re.search(rf"{name}\b", text)
        ]

    assert not unknown


def test_the_schedules_of_the_first_look_evaluate_what_it_has_made() -> None:
    options = [shlex.join(line) for line in _commands(_ROOT / "README.md")]
    monitor = next(line for line in options if line.startswith("lifesign monitor"))
    book = yaml.safe_load((_ROOT / monitor.split("--schedules ")[1]).read_text())

    (evaluation,) = book["evaluations"].values()
    data, base = evaluation["data"], evaluation["model_base_path"]
    assert any(line.startswith(f"lifesign synth {data}") for line in options)
    assert any(f"--export {base} --name {evaluation['model']}" in line for line in options)


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in _PAGES if _blocks(page, "sh")], ids=lambda page: page.name)
def test_commands_run_as_written(page: Path, tmp_path: Path) -> None:
    script = "set -euo pipefail\n" + "\n".join(_blocks(page, "sh"))
    environment = {**os.environ, "PATH": f"{_BIN}:{os.environ['PATH']}", "TF_CPP_MIN_LOG_LEVEL": "3"}
    with (tmp_path / "output.txt").open("w+") as output:
        process = subprocess.Popen(
            ["bash", "-c", script], cwd=tmp_path, env=environment,
            stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
        try:
            code = process.wait(timeout=600)
        finally:
            with contextlib.suppress(ProcessLookupError):  # a page may leave nothing running
                os.killpg(process.pid, signal.SIGTERM)
        output.seek(0)
        assert code == 0, output.read()[-3000:]
