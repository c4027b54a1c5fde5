"""``lifesign compare``: is one model worse than another on the same samples, by more than a margin?"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lifesign.cli.options import analysis
from lifesign.cli.options.groups import given_options
from lifesign.cli.verdict_command import Command

if TYPE_CHECKING:
    from lifesign.evaluation.comparison.document import ComparisonDocument
    from lifesign.evaluation.report.pictures import Thumbnails

__all__ = ["Command", "command"]


def command(
    run_a: Annotated[
        Path, typer.Argument(help="the baseline: folder of a finished run, or a predictions file")
    ],
    run_b: Annotated[Path, typer.Argument(help="the candidate, likewise")],
    margin: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="largest rise of an error rate that is no worse, share")
    ] = 0.02,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="decide both at this P(bona fide), 0 to 1", show_default="each run's own; for files 0.5"
        ),
    ] = None,
    aggregate: analysis.Aggregate = None,
    split: analysis.SplitName = "test",
    class_names: analysis.ClassNames = None,
    class_map: analysis.ClassMap = None,
    flips: Annotated[int, typer.Option(min=0, help="samples with a changed decision to list")] = 200,
    out: Annotated[Path | None, typer.Option(help="folder for comparison.json and comparison.html")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the comparison as JSON to stdout")] = False,
) -> None:
    """Compare two models on the samples that both answered.

    Exit code: 0 no worse, 1 worse by more than the margin, 2 too little evidence, 3 could not compare.
    """
    from lifesign.evaluation.checks import exit_code
    from lifesign.evaluation.comparison.comparing import compare_sides
    from lifesign.evaluation.comparison.sides import open_side
    from lifesign.evaluation.reporting import thumbnails_of

    options = given_options(
        threshold=threshold,
        aggregate=aggregate,
        split=split,
        class_names=analysis.names_of(class_names),
        class_map=analysis.class_map_of(class_map or ()),
    )
    baseline, current = open_side(run_a, options), open_side(run_b, options)
    document = compare_sides(baseline, current, margin=margin, flips=flips)
    if out is not None:
        _write(document, out, thumbnails_of(current.record))
    if as_json:
        print(document.to_json(), end="")
    else:
        from lifesign.cli.comparison_summary import print_comparison

        print_comparison(document)
    if out is not None:
        print(f"wrote {out / 'comparison.html'}", file=sys.stderr)
    raise typer.Exit(exit_code(document.verdict))


def _write(document: "ComparisonDocument", out: Path, thumbnails: "Thumbnails") -> None:
    from lifesign.evaluation.comparison.page import render_comparison
    from lifesign.evaluation.replay.predictions import replaced_file

    for name, text in (
        ("comparison.html", render_comparison(document, thumbnails=thumbnails)),
        ("comparison.json", document.to_json()),
    ):
        with replaced_file(out / name) as file:
            file.write(text.encode())
