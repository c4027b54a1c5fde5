"""The command ``lifesign-train``: fit, export, recipes, digits.

Each command imports what it needs when it runs, so ``--help`` is quick and needs no TensorFlow.
"""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from lifesign import __version__
from lifesign.errors import LifesignError

__all__ = ["app", "main"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Train image classifiers and export them for TensorFlow Serving.",
)

_INTERRUPTED = 130
_BASE = typer.Option(help="Folder of model folders, as a model server watches it.")
_NAME = typer.Option(help="Name of the model.")
_VERSION = typer.Option(min=1, show_default="the next free one", help="Version number.")
_JSON = typer.Option("--json", help="Print the result as JSON.")


def main() -> None:
    """Entry point of ``lifesign-train``; a user's mistake is one sentence on stderr and exit code 2."""
    try:
        app(prog_name="lifesign-train")
    except LifesignError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except SystemExit as leaving:
        # Typer ends an interrupted command with this code and not a word.
        if leaving.code == _INTERRUPTED:
            how = "; a training goes on after its last finished epoch with --resume"
            print(f"interrupted{how if 'fit' in sys.argv[1:2] else ''}", file=sys.stderr)
        raise


def _tell_version(is_asked: bool) -> None:
    if is_asked:
        print(f"lifesign-train {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_tell_version, help="Print the version and leave."),
    ] = False,
) -> None:
    """Hold the commands."""


@app.command()
def fit(
    recipe: Annotated[str, typer.Option(help="Name of a recipe (see 'recipes') or path of a YAML file.")],
    data: Annotated[
        str,
        typer.Option(help="Folder {train,dev,test}/{class}/**, manifest or published layout; path or s3://."),
    ],
    out: Annotated[Path, typer.Option(help="New folder for the run.")],
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Override a recipe value; repeatable."),
    ] = None,
    class_map: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=CLASS", help="Class that a folder or label name means; repeatable."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on after the last finished epoch.")] = False,
    weights: Annotated[
        Path | None, typer.Option(help="Pretrained weights file without the top; nothing is downloaded.")
    ] = None,
    export: Annotated[Path | None, _BASE] = None,
    name: Annotated[str, _NAME] = "liveness",
    version: Annotated[int | None, _VERSION] = None,
    allow_findings: Annotated[
        bool,
        typer.Option("--allow-findings", help="Train in spite of blocking findings of the data audit."),
    ] = False,
    json_: Annotated[bool, _JSON] = False,
) -> None:
    """Train a recipe on a data set, choose thresholds on its dev split, and export it if asked."""
    from lifesign_training.quiet import quiet_tensorflow
    from lifesign_training.recipe import load_recipe, with_class_map

    loaded = with_class_map(load_recipe(recipe, set_ or ()), class_map or ())
    quiet_tensorflow()
    from lifesign_training.export import export_version, new_version_folder, next_version
    from lifesign_training.fit import train
    from lifesign_training.progress import ConsoleProgress

    if export is not None:
        # Before the training, not after it.
        new_version_folder(export, name, version or next_version(export, name))
    with ConsoleProgress(Console(stderr=True)) as progress:
        run = train(
            loaded,
            data,
            out,
            progress=progress,
            resume=resume,
            weights=weights,
            allow_findings=allow_findings,
        )
        exported = None
        if export is not None:
            exported = export_version(run, export, name, version or next_version(export, name))
    document = {
        "run": str(out),
        "exported": str(exported) if exported else None,
        "epochs": run.summary.epochs,
        "best_epoch": run.summary.best_epoch,
        "seconds": round(run.summary.seconds, 1),
        "metrics": run.summary.metrics,
        "operating_points": {point.id: point.threshold for point in run.summary.operating_points},
        "data_digest": run.summary.data_digest,
    }
    _print(document, as_json=json_)


@app.command("export")
def export_command(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run.")],
    base: Annotated[Path, _BASE],
    name: Annotated[str, _NAME] = "liveness",
    version: Annotated[int | None, _VERSION] = None,
    json_: Annotated[bool, _JSON] = False,
) -> None:
    """Publish a finished run as BASE/NAME/VERSION, whole or not at all."""
    from lifesign_training.quiet import quiet_tensorflow

    quiet_tensorflow()
    from lifesign_training.export import export_version, next_version

    exported = export_version(run, base, name, version or next_version(base, name))
    _print({"exported": str(exported)}, as_json=json_)


@app.command()
def recipes(json_: Annotated[bool, _JSON] = False) -> None:
    """List the recipes that come with the package."""
    from lifesign_training.recipe import load_recipe, recipe_names

    _print({name: load_recipe(name).description for name in recipe_names()}, as_json=json_)


@app.command()
def digits(
    out: Annotated[Path, typer.Argument(help="New folder.")], json_: Annotated[bool, _JSON] = False
) -> None:
    """Write scikit-learn's bundled handwritten digits as OUT/{train,dev,test}/{0…9}/*.png."""
    from lifesign_training.digits import write_digits

    _print({f"{split} images": count for split, count in write_digits(out).items()}, as_json=json_)


def _print(document: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(document, indent=1))
        return
    for key, value in document.items():
        if isinstance(value, dict):
            value = "  ".join(f"{name} {_number(item)}" for name, item in value.items())
        print(f"{key}: {_number(value)}")


def _number(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
