"""``lifesign figure``: training curves, matrices, curves, errors and what a model sees, as PNG or SVG."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lifesign.errors import ConfigurationError
from lifesign.evaluation.figures.kinds import ClassOrder, FigureKind

if TYPE_CHECKING:
    from lifesign.evaluation.figures.drawing import FigureOptions

__all__ = ["command"]


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
    out: Annotated[Path, typer.Option(help="the .png or .svg file to write; it is replaced if it is there")],
    image: Annotated[Path | None, typer.Option(help="picture to show to the model: maps, saliency")] = None,
    layer: Annotated[
        str | None,
        typer.Option(
            help="layer of maps, of filters or of Grad-CAM",
            show_default="maps: all; filters: the first; Grad-CAM: the last",
        ),
    ] = None,
    target_class: Annotated[
        str | None,
        typer.Option("--class", help="class by name or number: saliency", show_default="the decided"),
    ] = None,
    patch: Annotated[
        int | None,
        typer.Option(help="side of the hidden patch, pixels", show_default="an eighth of the picture"),
    ] = None,
    step: Annotated[
        int | None, typer.Option(help="pixels from patch to patch", show_default="half a patch")
    ] = None,
    order: Annotated[
        ClassOrder, typer.Option(help="how the classes of a confusion matrix are sorted")
    ] = ClassOrder.AUTO,
    superclasses: Annotated[
        Path | None,
        typer.Option(help="file of class and superclass, JSON or CSV", show_default="those of the run"),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="name of the served model", show_default="that of the run, if given")
    ] = None,
    model_version: Annotated[
        int | None, typer.Option(help="version to ask", show_default="the highest AVAILABLE")
    ] = None,
    model_base_path: Annotated[
        Path | None, typer.Option(help="folder with MODEL/VERSION/, where the model card is")
    ] = None,
    model_config: Annotated[
        Path | None, typer.Option(help="YAML or JSON file: what a model that is not Lifesign's own takes")
    ] = None,
    class_names: Annotated[
        str | None,
        typer.Option(help="classes in the order of the scores, with commas, where no card tells them"),
    ] = None,
    image_size: Annotated[
        str | None, typer.Option(help="for a model of any input size without a card: HEIGHTxWIDTH pixels")
    ] = None,
    timeout: Annotated[float, typer.Option(help="deadline of one request, seconds")] = 30.0,
    wait_server: Annotated[float, typer.Option(help="how long to wait for a server, seconds")] = 10.0,
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

    options = FigureOptions(
        served=_served(
            model=model,
            version=model_version,
            model_base_path=model_base_path,
            contract=_contract(model_config),
            class_names=None if class_names is None else tuple(one.strip() for one in class_names.split(",")),
            image_size=_size_of(image_size),
            timeout_seconds=timeout,
            wait_server_seconds=wait_server,
        ),
        image=image,
        layer=layer,
        target=target_class,
        patch=patch,
        step=step,
        order=order,
        superclasses=_superclasses(superclasses),
    )
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


def _served(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _contract(path: Path | None) -> Any:
    if path is None:
        return None
    from lifesign.evaluation.contract.document import read_model_contract

    return read_model_contract(path)


def _superclasses(path: Path | None) -> dict[str, str] | None:
    if path is None:
        return None
    from lifesign.evaluation.superclasses import read_superclasses

    return read_superclasses(path)


def _size_of(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    from lifesign.cli.options.replay import size_of

    return size_of(text)
