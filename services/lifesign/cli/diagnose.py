"""``lifesign diagnose``: what went wrong in a training or an evaluation, with the numbers that prove it."""

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["command"]

_CANNOT_READ = 2


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
            "predictions, notes, our run folders and reports: together one run; case files with 'inputs': "
            "one each"
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
    diagnosed all the same).
    """
    from lifesign.evaluation.diagnosis.engine import diagnose
    from lifesign.evaluation.diagnosis.inputs.files import read_cases

    cases, problems = read_cases(files, notes=note or ())
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    found = [(case, diagnose(case)) for case in cases]
    if as_json:
        for case, findings in found:
            document = {"id": case.id, "findings": [finding.to_dict() for finding in findings]}
            print(json.dumps(document, ensure_ascii=False))
    else:
        from lifesign.cli.diagnosis_summary import print_diagnosis

        for case, findings in found:
            print_diagnosis(case, findings)
    if out is not None:
        from lifesign.evaluation.diagnosis.page import render_diagnoses
        from lifesign.evaluation.replay.predictions import replaced_file

        with replaced_file(out) as stream:
            stream.write(render_diagnoses(found).encode())
        print(f"wrote {out}", file=sys.stderr)
    if problems:
        raise typer.Exit(_CANNOT_READ)
    severities = {finding.severity.value for _, findings in found for finding in findings}
    failing = {FailOn.NEVER: set(), FailOn.WARNING: {"warning", "error"}, FailOn.ERROR: {"error"}}[fail_on]
    raise typer.Exit(1 if severities & failing else 0)
