"""``lifesign figure``: training curves, matrices, curves, errors and what a model sees, as PNG or SVG."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lifesign.cli.options.figure import Asked, Shown, Sorted
from lifesign.cli.options.groups import with_groups
from lifesign.errors import ConfigurationError
from lifesign.evaluation.figures.kinds import FigureKind

if TYPE_CHECKING:
    from lifesign.evaluation.figures.drawing import FigureOptions

__all__ = ["command"]


@with_groups
def command(
    kind: Annotated[
        FigureKind, typer.Argument(help="what to draw; wall: all that the sources allow, on one sheet")
    ],
    sources: Annotated[
        list[str],
        typer.Argument(
            help="evaluation runs, reports, training runs, histories, logs, model files, or host:port "
            "of a model server; several trainings are overlaid"
        ),
    ],
    *,
    out: Annotated[Path, typer.Option(help="the .png or .svg file to write; it is replaced if it is there")],
    shown: Shown,
    classes: Sorted,
    asked: Asked,
    dpi: Annotated[int, typer.Option(help="pixels per inch of a PNG, 40 to 600")] = 120,
) -> None:
    """Draw a figure from runs, histories, model files or a served model.

    Exit code: 0 written, 2 a source or option is missing or cannot be used.
    """
    form = out.suffix.lower()
    if form not in (".png", ".svg"):
        raise ConfigurationError(f"--out: expected a .png or .svg file, got {out}")
    if not 40 <= dpi <= 600:
        raise ConfigurationError(f"--dpi: expected 40 to 600, got {dpi}")
    from lifesign.evaluation.figures.drawing import FigureOptions

    options = FigureOptions(served=asked.given(), **shown.given(), **classes.given())
    content, told = _drawn(kind, sources, options, form=form, dpi=dpi)
    from lifesign.evaluation.replay.predictions import replaced_file

    with replaced_file(out) as stream:
        stream.write(content)
    print(told)
    print(f"wrote {out}", file=sys.stderr)


def _drawn(
    kind: FigureKind, sources: list[str], options: "FigureOptions", *, form: str, dpi: int
) -> tuple[bytes, str]:
    """Return the file's content, and the title that says what is in it."""
    from lifesign.evaluation.figures.drawing import draw, draw_all
    from lifesign.evaluation.figures.look import png_bytes, svg_bytes
    from lifesign.evaluation.figures.sources import read_sources
    from lifesign.evaluation.figures.wall import wall_png, wall_svg

    found = read_sources(sources)
    if kind is not FigureKind.WALL:
        canvas = draw(kind, found, options)
        return png_bytes(canvas, dpi=dpi) if form == ".png" else svg_bytes(canvas), canvas.title
    canvases, notes = draw_all(found, options)
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
    content = wall_png(canvases, dpi=dpi) if form == ".png" else wall_svg(canvases)
    return content, "\n".join(canvas.title for canvas in canvases)
