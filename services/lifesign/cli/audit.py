"""``lifesign audit``: look at a labelled set before anything is trained or measured on it."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from lifesign.cli.options.analysis import class_map_of
from lifesign.cli.verdict_command import Command
from lifesign.errors import ConfigurationError, StorageError

if TYPE_CHECKING:
    from lifesign.evaluation.audit.findings import AuditReport, Finding
    from lifesign.evaluation.audit.reading import AuditedData

__all__ = ["Command", "command"]

_BLOCKED = 1


def command(
    data: Annotated[
        str,
        typer.Argument(help="folder, manifest (.csv, .jsonl, .parquet) or address such as s3://bucket/set"),
    ],
    out: Annotated[
        Path | None, typer.Option(help="folder for audit.json and audit.html", show_default="none")
    ] = None,
    class_map: Annotated[
        list[str] | None, typer.Option(help="LABEL=CLASS for a label that is not understood; repeatable")
    ] = None,
    layout: Annotated[str | None, typer.Option(help="published layout", show_default="recognised")] = None,
    protocol: Annotated[str | None, typer.Option(help="protocol of a published layout")] = None,
    subject_pattern: Annotated[
        str | None,
        typer.Option(help="regular expression that finds the subject in a path, where no column names it"),
    ] = None,
    target_rate: Annotated[
        float, typer.Option(help="error rate that each class and species must be able to prove, share")
    ] = 0.1,
    near_bits: Annotated[
        int, typer.Option(min=0, max=12, help="most differing bits of near duplicates, of 64 in each hash")
    ] = 6,
    decode_parity: Annotated[
        bool, typer.Option("--decode-parity", help="compare decoders on 32 images; needs TensorFlow")
    ] = False,
    score_parity: Annotated[
        Path | None,
        typer.Option(
            help="exported version: compare its scores by decoder on 32 images; needs TensorFlow",
            show_default="none",
        ),
    ] = None,
    pictures: Annotated[
        bool, typer.Option("--pictures/--no-pictures", help="thumbnails in audit.html")
    ] = True,
    threads: Annotated[int | None, typer.Option(min=1, help="threads", show_default="the cores")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="no progress, no table")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print the audit as JSON to stdout")] = False,
) -> None:
    """Audit a labelled data set: leaks, duplicates, shortcuts, coverage, label errors, conversions.

    Exit code: 0 nothing blocks, 1 blocking findings, 3 could not audit.
    """
    if not 0 < target_rate < 1:
        raise ConfigurationError(f"--target-rate: expected a share between 0 and 1, got {target_rate:g}")
    report, audited = _audit(
        data,
        class_map=class_map or [],
        layout=layout,
        protocol=protocol,
        subject_pattern=subject_pattern,
        target_rate=target_rate,
        near_bits=near_bits,
        decode_parity=decode_parity,
        score_parity=score_parity,
        threads=threads or os.cpu_count() or 1,
        quiet=quiet,
    )
    if out is not None:
        _write(out, report, audited, pictures=pictures)
    if as_json:
        print(report.to_json(), end="")
    elif not quiet:
        _print(report, out)
    raise typer.Exit(_BLOCKED if report.blocked else 0)


def _audit(
    data: str,
    *,
    class_map: list[str],
    layout: str | None,
    protocol: str | None,
    subject_pattern: str | None,
    target_rate: float,
    near_bits: int,
    decode_parity: bool,
    score_parity: Path | None,
    threads: int,
    quiet: bool,
) -> "tuple[AuditReport, AuditedData]":
    from lifesign.cli.progress_bar import images_bar
    from lifesign.evaluation.audit.auditing import audit_images
    from lifesign.evaluation.audit.decode_parity import find_decode_differences
    from lifesign.evaluation.audit.measurements import measure_images
    from lifesign.evaluation.audit.reading import read_audited
    from lifesign.evaluation.audit.score_parity import find_score_differences
    from lifesign.executor import LocalExecutor

    audited = read_audited(
        data,
        layout=layout,
        protocol=protocol,
        class_map=class_map_of(class_map),
        subject_pattern=subject_pattern,
    )
    table, read = audited.table, audited.source.read
    if not quiet:
        print(f"{data}: {audited.recognised}, {len(table):,} samples", file=sys.stderr)
    with images_bar("audit", len(table), quiet=quiet) as advance:
        measured = measure_images(
            table.paths, read, boxes=table.boxes, executor=LocalExecutor(threads), on_images=advance
        )
    if not measured.readable.any():
        raise StorageError(
            f"{data}: none of {len(table):,} images can be decoded, the first: {measured.problems[0]}"
        )
    parity = find_decode_differences(table.sample_ids, table.paths, read) if decode_parity else None
    report = audit_images(
        table,
        measured,
        dataset=data.rstrip("/").rsplit("/", 1)[-1],
        target_rate=target_rate,
        near_threshold=near_bits,
        parity=parity,
        score_parity=None
        if score_parity is None
        else find_score_differences(score_parity, table.sample_ids, table.paths, read),
    )
    return report, audited


def _write(out: Path, report: "AuditReport", audited: "AuditedData", *, pictures: bool) -> None:
    from lifesign.errors import ImageError
    from lifesign.evaluation.audit.page import render_audit

    path_of = dict(zip(audited.table.sample_ids, audited.table.paths, strict=True))

    def picture(sample: str) -> bytes | None:
        try:
            return audited.source.read(path_of[sample])
        except (ImageError, KeyError):
            return None

    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / "audit.html").write_text(render_audit(report, pictures=picture if pictures else None), "utf-8")
        (out / "audit.json").write_text(report.to_json(), "utf-8")
    except OSError as error:
        raise StorageError(f"{out}: cannot be written: {error.strerror or error}") from error


def _print(report: "AuditReport", out: Path | None) -> None:
    from rich.table import Table

    from lifesign.evaluation.audit.page import verdict_sentence

    console = Console(highlight=False)
    if report.findings:
        table = Table(show_lines=True, expand=False)
        for name in ("", "finding", "count", "what was found"):
            table.add_column(name, justify="right" if name == "count" else "left", overflow="fold")
        for one in report.findings:
            table.add_row(*_row(one))
        console.print(table)
    for check in report.checks:
        if not check.ran:
            console.print(f"not checked: {check.name}: {check.note}", markup=False)
    console.print(verdict_sentence(report), markup=False)
    if out is not None:
        console.print(f"see {out / 'audit.html'}", markup=False, soft_wrap=True)


def _row(finding: "Finding") -> tuple[str, str, str, str]:
    from rich.markup import escape

    word = "BLOCKS" if finding.blocks else finding.severity.value
    style = {"BLOCKS": "bold red", "error": "red", "warning": "yellow", "info": "dim"}[word]
    return (
        f"[{style}]{word}[/]",
        finding.code.value,
        f"{finding.count:,}",
        f"{escape(finding.sentence)}\n[dim]{escape(finding.remedy)}[/]",
    )
