"""``lifesign diagnose``: what went wrong in a training or an evaluation, with the numbers that prove it."""

import json
import sys
import time
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Self

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from lifesign.evaluation.diagnosis.evidence import Evidence
    from lifesign.evaluation.diagnosis.finding import Finding

__all__ = ["command"]

_CANNOT_READ = 2
_SECONDS_WITHOUT_A_BAR = 1.0
_Found = Sequence[tuple["Evidence", Sequence["Finding"]]]


class FailOn(StrEnum):
    """From which severity on the exit code is 1."""

    NEVER = "never"
    WARNING = "warning"
    ERROR = "error"


def command(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="logs, histories (JSON, CSV), TensorBoard event files, matrices, classification reports, "
            "predictions, class counts, notes, our run folders and reports: together one run; case files "
            "with 'inputs': one each; - is standard input",
            allow_dash=True,
        ),
    ],
    note: Annotated[
        list[str] | None, typer.Option(help="a line on the configuration, as code or words; may be repeated")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="HTML page to write")] = None,
    fail_on: Annotated[FailOn, typer.Option(help="exit with 1 from this severity on")] = FailOn.NEVER,
    as_json: Annotated[
        bool, typer.Option("--json", help="print one JSON object per case, a line each")
    ] = False,
) -> None:
    """Diagnose a training run or an evaluation.

    Exit code: 0 diagnosed, 1 a finding of --fail-on or above, 2 a file could not be read (the others are
    diagnosed all the same). A part of a file that cannot be used is left out, and stderr says so.
    """
    from lifesign.evaluation.diagnosis.engine import diagnose
    from lifesign.evaluation.diagnosis.inputs.files import read_cases

    with _ReadingBar() as bar:
        cases, problems = read_cases(files, notes=note or (), tell=bar.on_bytes)
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    for case in cases:
        for remark in case.remarks:
            print(f"warning: {case.id + ': ' if case.id not in remark else ''}{remark}", file=sys.stderr)
    found = [(case, diagnose(case)) for case in cases]
    _print(found, as_json=as_json)
    if out is not None and found:
        _write_page(out, found)
    if problems:
        raise typer.Exit(_CANNOT_READ)
    severities = {finding.severity.value for _, findings in found for finding in findings}
    failing = {FailOn.NEVER: set(), FailOn.WARNING: {"warning", "error"}, FailOn.ERROR: {"error"}}[fail_on]
    raise typer.Exit(1 if severities & failing else 0)


def _print(found: _Found, *, as_json: bool) -> None:
    from lifesign.cli.diagnosis_summary import print_diagnosis

    for case, findings in found:
        if as_json:
            document = {"id": case.id, "findings": [finding.to_dict() for finding in findings]}
            print(json.dumps(document, ensure_ascii=False))
        else:
            print_diagnosis(case, findings)


def _write_page(out: Path, found: _Found) -> None:
    from lifesign.evaluation.diagnosis.page import render_diagnoses
    from lifesign.evaluation.replay.predictions import replaced_file

    with replaced_file(out) as stream:
        stream.write(render_diagnoses(found).encode())
    print(f"wrote {out}", file=sys.stderr)


class _ReadingBar:
    """A bar on stderr for what takes longer than a second to read, where stderr is a terminal."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("reading"),
            BarColumn(),
            DownloadColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._progress.add_task("", total=None)
        self._begin = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress.live.is_started:
            self._progress.stop()

    def on_bytes(self, done: int, total: int) -> None:
        """Show how much of a file has been read."""
        if time.monotonic() - self._begin >= _SECONDS_WITHOUT_A_BAR:
            self._progress.start()
            self._progress.update(self._task, completed=done, total=total)
